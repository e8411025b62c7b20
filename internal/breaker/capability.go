package breaker

import (
	"context"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Swapper implements [store.Layer].
func (s *Store) Swapper() store.Swapper {
	if below := store.SwapperOf(s.next); below != nil {
		return swapper{s, below}
	}
	return nil
}

// swapper is the check-and-set of a store behind breakers. It changes entries, so its breaker is that of readers.
type swapper struct {
	s     *Store
	below store.Swapper
}

func (w swapper) Swap(ctx context.Context, swaps []store.Swap) error {
	return w.s.reads.do(ctx, func() error { return w.below.Swap(ctx, swaps) }, func() check {
		keys := make([]string, len(swaps))
		for i := range swaps {
			keys[i] = swaps[i].Key
		}
		return w.s.look(keys...)()
	})
}

// Claimer implements [store.Layer].
func (s *Store) Claimer() store.Claimer {
	if below := store.ClaimerOf(s.next); below != nil {
		return claimer{s, below}
	}
	return nil
}

// claimer is the claims of a store behind breakers. Those who load want claims, so the breaker is that of readers.
type claimer struct {
	s     *Store
	below store.Claimer
}

func (c claimer) Claim(ctx context.Context, cl *store.Claim) (granted bool, err error) {
	err = c.s.reads.do(ctx, func() error { granted, err = c.below.Claim(ctx, cl); return err }, c.s.look(cl.Name))
	return granted && err == nil, err
}

func (c claimer) Renew(ctx context.Context, cl *store.Claim) (held bool, err error) {
	err = c.s.reads.do(ctx, func() error { held, err = c.below.Renew(ctx, cl); return err }, c.s.look(cl.Name))
	return held && err == nil, err
}

func (c claimer) Release(ctx context.Context, name string, owner store.Writer) (released bool, err error) {
	err = c.s.reads.do(ctx, func() error { released, err = c.below.Release(ctx, name, owner); return err }, c.s.look(name))
	return released && err == nil, err
}

func (c claimer) Claims(ctx context.Context, name string) (claims []store.Claim, err error) {
	err = c.s.reads.do(ctx, func() error { claims, err = c.below.Claims(ctx, name); return err }, c.s.look(name))
	return claims, err
}

func (c claimer) Watch(name string) (woken <-chan struct{}, stop func()) { return c.below.Watch(name) }
