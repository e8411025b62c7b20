package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Locks are the locks of one namespace in one store. Plugin.Locks and [New] return them. They are safe for concurrent use.
type Locks struct {
	base     *base
	settings settings
	err      error // what all calls return, if the locks can't serve
}

// base is what Locks with different settings share.
type base struct {
	claimer store.Claimer
	ns      store.Namespace
	lines   lines
	life    context.Context // ends at Close, with ErrClosed
	end     context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup // what runs in the background
}

// New returns the locks of a namespace in a store. The error says that the store has no claims ([store.ErrNoClaim]), or
// names what is wrong with the namespace or an option. With an error there are Locks too: all their calls return it.
//
// Programs that use the plugin take Plugin.Locks instead. Close ends what runs in the background.
func New(s store.Store, namespace string, opts ...Option) (*Locks, error) {
	b := &base{claimer: claimerOf(s), ns: store.Namespace(namespace), lines: lines{at: map[string]*line{}}}
	b.life, b.end = context.WithCancelCause(context.Background())
	l := (&Locks{base: b, settings: defaults()}).With(opts...)
	err := b.ns.Validate()
	if b.claimer == nil {
		err = errors.Join(err, store.ErrNoClaim)
	}
	if err = errors.Join(err, l.err); err != nil {
		l.err = fault.Errorf("lock.New: %w", err)
	}
	return l, l.err
}

func claimerOf(s store.Store) store.Claimer {
	if s == nil {
		return nil
	}
	return store.ClaimerOf(s)
}

// With returns the same locks with other options: locks.With(lock.TTL(time.Minute)).Acquire(ctx, "import"). An option that
// is wrong is the error of each call.
func (l *Locks) With(opts ...Option) *Locks {
	if l == nil {
		return nil
	}
	other := &Locks{base: l.base, settings: l.settings.with(opts), err: l.err}
	if err := other.settings.validate(); err != nil && other.err == nil {
		other.err = fault.Errorf("lock: %w", err)
	}
	return other
}

// Acquire waits until it has the lock, or ctx ends: then the error wraps the context's, and [ErrLocked] where another had
// the lock until then. The waiters of a process get it in the order in which they came; among processes chance decides.
//
// A store that fails is an error at once, [ErrUnavailable], but a caller who waits already goes on waiting through a failure of up to the
// TTL, since a failover takes some seconds.
//
// A lock is not reentrant: who has it and acquires it again waits for itself, until ctx ends, or gets [ErrReentrant] where ctx
// comes from [Lock.Context].
func (l *Locks) Acquire(ctx context.Context, key string) (*Lock, error) {
	return l.acquire(ctx, l.lock(key))
}

// TryAcquire returns the lock, or [ErrLocked] at once where another has it. [ErrUnavailable] says that the store could not be
// asked.
func (l *Locks) TryAcquire(ctx context.Context, key string) (*Lock, error) {
	return l.tryAcquire(ctx, l.lock(key))
}

// Locked reports whether anybody has the lock at this moment. When the answer arrives it may have changed.
func (l *Locks) Locked(ctx context.Context, key string) (bool, error) {
	n, err := l.count(ctx, l.lock(key))
	return n > 0, err
}

// Break takes the lock away from whoever has it, for operators who know that the holder is gone. A holder that is not
// learns of it by its next renewal, and may be at work together with the next one until then: what the fence is for.
func (l *Locks) Break(ctx context.Context, key string) error {
	t := l.lock(key)
	if err := l.usable(t); err != nil {
		return err
	}
	call, cancel := l.call(ctx)
	defer cancel()
	if _, err := l.base.claimer.Release(call, t.name, store.Writer{}); err != nil {
		return t.fail(unavailable(call, err))
	}
	return nil
}

// Close ends what runs in the background. Locks that are held are lost, with [ErrClosed] as the reason: they are not
// released, since their holders may be at work, and run out after their TTL if their holders do not release them. Who
// waits gets ErrClosed. Plugin.Close closes the locks of the plugin. Close may be called more than once, and
// closes what [Locks.With] has returned too. The store stays open.
func (l *Locks) Close() error {
	if l == nil || l.base == nil {
		return nil
	}
	b := l.base
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.end(ErrClosed)
	b.work.Wait()
	return nil
}

// background runs f in a goroutine that Close waits for, unless the locks are closed.
func (b *base) background(f func()) (runs bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.work.Go(f)
	}
	return !b.closed
}

// lock returns what the user named, as a lock.
func (l *Locks) lock(key string) target {
	t := target{kind: "lock", key: key, slots: 1, full: ErrLocked}
	if l != nil && l.base != nil {
		t.name = l.base.ns.Lock(key)
	}
	return t
}

// usable returns why a call can't be made.
func (l *Locks) usable(t target) error {
	switch err := l.wrong(t.kind, t.key); {
	case err != nil:
		return err
	case l.base.life.Err() != nil:
		return t.fail(ErrClosed)
	}
	return nil
}

// wrong returns what keeps the locks from serving at all, to whoever wants a lock or pool of that key.
func (l *Locks) wrong(kind, key string) error {
	t := target{kind: kind, key: key}
	switch {
	case l == nil || l.base == nil:
		return t.fail(errors.New("the Locks are nil: take them from Plugin.Locks or lock.New"))
	case l.err != nil:
		return l.err
	case key == "":
		return t.fail(errors.New("the key is empty: name what is locked"))
	}
	return nil
}

// call bounds one call of the store.
func (l *Locks) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.settings.budget(), store.ErrBudget)
}

// count returns how many have the target at this moment.
func (l *Locks) count(ctx context.Context, t target) (int, error) {
	if err := l.usable(t); err != nil {
		return 0, err
	}
	call, cancel := l.call(ctx)
	defer cancel()
	claims, err := l.base.claimer.Claims(call, t.name)
	if err != nil {
		return 0, t.fail(unavailable(call, err))
	}
	return len(claims), nil
}

func (l *Locks) tryAcquire(ctx context.Context, t target) (*Lock, error) {
	if err := l.usable(t); err != nil {
		return nil, err
	}
	a := &attempt{locks: l, target: t, owner: store.NewWriter()}
	lock, err := a.claim(ctx)
	switch {
	case err != nil:
		a.abandon()
		return nil, t.fail(err)
	case lock == nil:
		return nil, t.fail(t.full)
	}
	return lock, nil
}

func (l *Locks) acquire(ctx context.Context, t target) (*Lock, error) {
	if err := l.usable(t); err != nil {
		return nil, err
	}
	if t.slots == 1 && holds(ctx, t.name) {
		return nil, t.fail(ErrReentrant)
	}
	leave, err := l.base.lines.enter(ctx, l.base.life, t.name)
	if errors.Is(err, ErrClosed) {
		return nil, t.fail(err)
	}
	if err != nil {
		return nil, t.ended(ctx)
	}
	defer leave()
	a := &attempt{locks: l, target: t, owner: store.NewWriter()}
	lock, err := a.wait(ctx)
	if err != nil {
		a.abandon()
	}
	return lock, err
}

// attempt is one caller who wants a lock. It has one owner for all its calls of the store, so that a call whose answer was
// lost may be made again: the store grants an owner what it has already.
type attempt struct {
	locks *Locks
	target
	owner store.Writer
	doubt bool // a call failed, and may have been granted all the same
}

// wait asks until the lock is granted. The error is complete.
func (a *attempt) wait(ctx context.Context) (*Lock, error) {
	lock, err := a.claim(ctx)
	if err != nil {
		return nil, a.fail(err)
	}
	if lock != nil {
		return lock, nil
	}
	woken, stop := a.locks.base.claimer.Watch(a.name)
	defer stop()
	answered := time.Now()
	for {
		// Asked again after Watch began: a release between the first answer and that wakes nobody.
		lock, err := a.claim(ctx)
		switch {
		case lock != nil:
			return lock, nil
		case ctx.Err() != nil:
			return nil, a.ended(ctx)
		case err == nil:
			answered = time.Now()
		case time.Since(answered) >= a.locks.settings.ttl:
			return nil, a.fail(err)
		}
		if err := a.sleep(ctx, woken); err != nil {
			return nil, err
		}
	}
}

// sleep waits until it may be worth asking again.
func (a *attempt) sleep(ctx context.Context, woken <-chan struct{}) error {
	poll := time.NewTimer(jitter(a.locks.settings.poll))
	defer poll.Stop()
	select {
	case <-woken:
	case <-poll.C:
	case <-ctx.Done():
		return a.ended(ctx)
	case <-a.locks.base.life.Done():
		return a.fail(ErrClosed)
	}
	return nil
}

// claim asks the store once. The lock is nil if others have it.
func (a *attempt) claim(ctx context.Context) (*Lock, error) {
	call, cancel := a.locks.call(ctx)
	defer cancel()
	// The lock is the holder's until a TTL from before it was asked for: the store's TTL begins later.
	asked := time.Now()
	c := store.Claim{Name: a.name, Owner: a.owner, TTL: a.locks.settings.ttl, Slots: a.slots, Fenced: true}
	granted, err := a.locks.base.claimer.Claim(call, &c)
	if err != nil {
		a.doubt = true
		return nil, unavailable(call, err)
	}
	if !granted {
		return nil, nil //nolint:nilnil // others have it: no lock, and nothing is wrong
	}
	return newLock(a.locks, a.target, c, asked), nil
}

// abandon gives back what may have been granted by a call that failed. Without it nobody had the lock for a TTL after a
// caller's context has ended at the wrong moment. The caller, whose time is up, does not wait for that.
func (a *attempt) abandon() {
	if !a.doubt {
		return
	}
	a.locks.base.background(func() {
		call, cancel := a.locks.call(context.Background())
		defer cancel()
		_, _ = a.locks.base.claimer.Release(call, a.name, a.owner) // if that fails too, the claim runs out
	})
}

// jitter returns a duration from half of d to one and a half: waiters who began together shall not ask together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }
