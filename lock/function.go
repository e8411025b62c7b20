package lock

import (
	"context"
	"errors"
	"log/slog"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/template"
)

// Function is a function of which one call runs at a time for each key, in all processes. [Once] and [Func] return it. It is
// safe for concurrent use.
type Function[In, Out any] struct {
	maker   string // "lock.Once" or "lock.Func"
	pattern string
	locks   *Locks
	key     *template.Template[In]
	fn      func(context.Context, In) (Out, error)
	waits   bool
	refused *Out  // what a call returns that comes while another runs
	err     error // what all calls return
}

// OnceOption changes what [Once] returns.
type OnceOption[Out any] func(*Out) *Out

// WhenLocked is what calls return, without an error, that come while another runs. Without it they return [ErrLocked].
func WhenLocked[Out any](v Out) OnceOption[Out] { return func(*Out) *Out { return &v } }

// Once returns fn, of which a second call with the same key is refused while the first runs, in any process: with [ErrLocked],
// or the value of [WhenLocked]. The key is a template: the placeholder of "update-user-{user_id}" is In itself, if that
// is a scalar, or the field of In that is tagged `cache:"user_id"`; fields that it does not name don't matter. A key
// that does not fit In is the error of each call. Functions with the same key share a lock.
//
// Options of locks are given by [Locks.With]: lock.Once(locks.With(lock.TTL(time.Minute)), key, fn).
func Once[In, Out any](locks *Locks, key string, fn func(ctx context.Context, in In) (Out, error), opts ...OnceOption[Out]) *Function[In, Out] {
	f := newFunction("lock.Once", locks, key, fn)
	for _, opt := range opts {
		if opt != nil {
			f.refused = opt(f.refused)
		}
	}
	return f
}

// Func returns fn, of which a second call with the same key waits until the first has ended, in any process, or its own
// context has. A function that calls itself with the same key and the context that it was given gets [ErrReentrant].
func Func[In, Out any](locks *Locks, key string, fn func(ctx context.Context, in In) (Out, error)) *Function[In, Out] {
	f := newFunction("lock.Func", locks, key, fn)
	f.waits = true
	return f
}

func newFunction[In, Out any](maker string, locks *Locks, key string, fn func(context.Context, In) (Out, error)) *Function[In, Out] {
	f := &Function[In, Out]{maker: maker, pattern: key, locks: locks, fn: fn}
	f.key, f.err = template.Compile[In](key, template.Some)
	if fn == nil {
		f.err = errors.Join(f.err, errNoFunction)
	}
	return f
}

// WithKeyFunc returns the same function with keys that are told apart by key: for arguments that are no scalars. The key that
// was given to [Once] or [Func] goes before it, and has no placeholders.
func (f *Function[In, Out]) WithKeyFunc(key func(In) string) *Function[In, Out] {
	if f == nil {
		return nil
	}
	other := *f
	other.key, other.err = template.Keyed(f.pattern, key)
	if f.fn == nil {
		other.err = errors.Join(other.err, errNoFunction)
	}
	return &other
}

// Err returns what is wrong with the locks, the key or the function, or nil. A program may look at it when it starts;
// otherwise each call returns it.
func (f *Function[In, Out]) Err() error {
	switch {
	case f == nil:
		return errors.New("gormcache: the *lock.Function is nil: make it with lock.Once or lock.Func")
	case f.err != nil:
		return fault.Errorf("%s: %w", f.maker, f.err)
	}
	return f.locks.wrong("lock", f.pattern)
}

// Call runs the function under the lock of its key, which it releases also if the function panics. The function's context ends
// if the lock is lost; then the error wraps [ErrLost], whatever the function returns. Where the store can't be asked the function
// does not run, and the error wraps [ErrUnavailable].
func (f *Function[In, Out]) Call(ctx context.Context, in In) (Out, error) {
	key, err := f.keyOf(in)
	if err != nil {
		return *new(Out), err
	}
	var l *Lock
	if f.waits {
		l, err = f.locks.Acquire(ctx, key)
	} else {
		l, err = f.locks.TryAcquire(ctx, key)
	}
	switch {
	case err == nil:
		return under(ctx, l, in, f.fn)
	case errors.Is(err, ErrLocked) && f.refused != nil:
		return *f.refused, nil
	}
	return *new(Out), err
}

// Locked reports whether a call with the key of in runs at this moment, in any process.
func (f *Function[In, Out]) Locked(ctx context.Context, in In) (bool, error) {
	key, err := f.keyOf(in)
	if err != nil {
		return false, err
	}
	return f.locks.Locked(ctx, key)
}

// Break takes the lock away from the call with the key of in, as [Locks.Break] does.
func (f *Function[In, Out]) Break(ctx context.Context, in In) error {
	key, err := f.keyOf(in)
	if err != nil {
		return err
	}
	return f.locks.Break(ctx, key)
}

func (f *Function[In, Out]) keyOf(in In) (string, error) {
	if err := f.Err(); err != nil {
		return "", err
	}
	return f.key.Key(in), nil
}

// under runs fn with a lock, and releases that.
func under[In, Out any](ctx context.Context, l *Lock, in In, fn func(context.Context, In) (Out, error)) (out Out, err error) {
	held, cancel := l.Context(ctx)
	defer cancel()
	defer func() {
		switch e := l.Release(ctx); {
		case errors.Is(e, ErrLost):
			err = errors.Join(err, e)
		case e != nil: // what fn did, it did under the lock
			l.locks.settings.logger.LogAttrs(ctx, slog.LevelWarn, "gormcache: a "+l.target.kind+" could not be released: it runs out after its TTL",
				slog.String("key", l.target.key), slog.Duration("ttl", l.claim.TTL), slog.String("error", fault.Text(e)))
		}
	}()
	return fn(held, in)
}
