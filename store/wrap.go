package store

import (
	"context"
	"errors"
	"time"
)

// Call is one call of a store's method, for those who log, measure or limit calls.
type Call struct {
	// Method is the name of the method, such as "Lookup", "Settle" or "Claim".
	Method string
	// Keys are the entries that the call is about, or the names of claims. Tags are its tags. They belong to the caller,
	// and are valid until the call ends.
	Keys, Tags []string
}

// Around runs around each call of a store that [Wrap] returns. It calls next, which makes the call, and returns its error.
// It may also give next another context, call it again, or return an error without calling next; what a caller got then is
// as after any error. It can't hide that the call has failed, or was not made: where it returns nil then, the caller gets
// an error all the same, since a writer would rely on marks that nobody has set. It is safe for concurrent use.
type Around func(ctx context.Context, c Call, next func(context.Context) error) error

var errNotCalled = errors.New("gormcache: store.Wrap: the function around has not called next: return an error to refuse a call")

// run makes one call.
func (a Around) run(ctx context.Context, c Call, call func(context.Context) error) error {
	if a == nil {
		return call(ctx)
	}
	made := errNotCalled
	err := a(ctx, c, func(ctx context.Context) error {
		made = call(ctx)
		return made
	})
	if err == nil {
		err = made
	}
	return err
}

// Wrap returns s with a function around each call that takes a context. The result has the optional capabilities that s
// has. For a meter:
//
//	store.Wrap(redisstore.New(client), func(ctx context.Context, c store.Call, next func(context.Context) error) error {
//		began := time.Now()
//		err := next(ctx)
//		seconds.WithLabelValues(c.Method).Observe(time.Since(began).Seconds())
//		return err
//	})
func Wrap(s Store, around Around) Layer { return &wrapped{s, around} }

// Unwrap returns the store below s, nil if s is over none: Unwrap goes through what [Wrap], [NewCoded] and the packages
// built on them return.
func Unwrap(s Store) Store {
	if w, ok := s.(interface{ Unwrap() Store }); ok {
		return w.Unwrap()
	}
	return nil
}

// check calls the Check of a store, if it has one.
func check(ctx context.Context, s Store) error {
	if c, ok := s.(Checker); ok {
		return c.Check(ctx)
	}
	return nil
}

type wrapped struct {
	next   Store
	around Around
}

var (
	_ Checker   = (*wrapped)(nil)
	_ Batch     = (*wrapped)(nil)
	_ Inspector = (*wrapped)(nil)
)

func (w *wrapped) Unwrap() Store { return w.next }

func (w *wrapped) Lookup(ctx context.Context, l *Lookup) error {
	err := w.around.run(ctx, Call{"Lookup", l.Keys, l.Tags}, func(ctx context.Context) error { return w.next.Lookup(ctx, l) })
	if err != nil {
		l.Reset() // the store may not have been asked, or have answered
	}
	return err
}

func (w *wrapped) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return w.around.run(ctx, Call{"Set", []string{key}, nil}, func(ctx context.Context) error { return w.next.Set(ctx, key, value, ttl) })
}

func (w *wrapped) SetAll(ctx context.Context, entries []Entry) error {
	keys := make([]string, len(entries))
	for i := range entries {
		keys[i] = entries[i].Key
	}
	return w.around.run(ctx, Call{"SetAll", keys, nil}, func(ctx context.Context) error { return SetAll(ctx, w.next, entries) })
}

func (w *wrapped) Delete(ctx context.Context, keys ...string) error {
	return w.around.run(ctx, Call{"Delete", keys, nil}, func(ctx context.Context) error { return w.next.Delete(ctx, keys...) })
}

func (w *wrapped) Tokens(ctx context.Context, tags []string, states []State) error {
	return w.around.run(ctx, Call{"Tokens", nil, tags}, func(ctx context.Context) error { return w.next.Tokens(ctx, tags, states) })
}

func (w *wrapped) Mark(ctx context.Context, tags []string, writer Writer, grace time.Duration) error {
	return w.around.run(ctx, Call{"Mark", nil, tags}, func(ctx context.Context) error { return w.next.Mark(ctx, tags, writer, grace) })
}

func (w *wrapped) Settle(ctx context.Context, tags []string, writer Writer, linger time.Duration) error {
	return w.around.run(ctx, Call{"Settle", nil, tags}, func(ctx context.Context) error { return w.next.Settle(ctx, tags, writer, linger) })
}

func (w *wrapped) Unmark(ctx context.Context, tags []string, writer Writer) error {
	return w.around.run(ctx, Call{"Unmark", nil, tags}, func(ctx context.Context) error { return w.next.Unmark(ctx, tags, writer) })
}

func (w *wrapped) Inspect(ctx context.Context, tags []string) (infos []TagInfo, err error) {
	err = w.around.run(ctx, Call{"Inspect", nil, tags}, func(ctx context.Context) error {
		infos, err = Inspect(ctx, w.next, tags)
		return err
	})
	return infos, err
}

func (w *wrapped) Check(ctx context.Context) error {
	return w.around.run(ctx, Call{"Check", nil, nil}, func(ctx context.Context) error { return check(ctx, w.next) })
}

func (w *wrapped) Close() error { return w.next.Close() }

func (w *wrapped) Swapper() Swapper {
	if below := SwapperOf(w.next); below != nil {
		return wrappedSwapper{w.around, below}
	}
	return nil
}

type wrappedSwapper struct {
	around Around
	below  Swapper
}

func (w wrappedSwapper) Swap(ctx context.Context, swaps []Swap) error {
	keys := make([]string, len(swaps))
	for i := range swaps {
		swaps[i].Done = false
		keys[i] = swaps[i].Key
	}
	return w.around.run(ctx, Call{"Swap", keys, nil}, func(ctx context.Context) error { return w.below.Swap(ctx, swaps) })
}

func (w *wrapped) Claimer() Claimer {
	if below := ClaimerOf(w.next); below != nil {
		return wrappedClaimer{w.around, below}
	}
	return nil
}

type wrappedClaimer struct {
	around Around
	below  Claimer
}

// ask runs a call about one name.
func (w wrappedClaimer) ask(ctx context.Context, method, name string, call func(context.Context) (bool, error)) (answer bool, err error) {
	err = w.around.run(ctx, Call{method, []string{name}, nil}, func(ctx context.Context) error {
		answer, err = call(ctx)
		return err
	})
	return answer && err == nil, err
}

func (w wrappedClaimer) Claim(ctx context.Context, c *Claim) (granted bool, err error) {
	return w.ask(ctx, "Claim", c.Name, func(ctx context.Context) (bool, error) { return w.below.Claim(ctx, c) })
}

func (w wrappedClaimer) Renew(ctx context.Context, c *Claim) (held bool, err error) {
	return w.ask(ctx, "Renew", c.Name, func(ctx context.Context) (bool, error) { return w.below.Renew(ctx, c) })
}

func (w wrappedClaimer) Release(ctx context.Context, name string, owner Writer) (released bool, err error) {
	return w.ask(ctx, "Release", name, func(ctx context.Context) (bool, error) { return w.below.Release(ctx, name, owner) })
}

func (w wrappedClaimer) Claims(ctx context.Context, name string) (claims []Claim, err error) {
	_, err = w.ask(ctx, "Claims", name, func(ctx context.Context) (bool, error) {
		claims, err = w.below.Claims(ctx, name)
		return true, err
	})
	return claims, err
}

func (w wrappedClaimer) Watch(name string) (woken <-chan struct{}, stop func()) {
	return w.below.Watch(name)
}
