package memory

import (
	"bytes"
	"context"

	"github.com/maypok86/otter/v2"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var _ store.Swapper = (*Store)(nil)

// Swap implements [store.Swapper].
func (s *Store) Swap(ctx context.Context, swaps []store.Swap) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	now := s.now()
	for i := range swaps {
		sw := &swaps[i]
		sw.Done = false
		s.entries.Compute(sw.Key, func(e entry, found bool) (entry, otter.ComputeOp) {
			if !matches(sw, e, found && now < e.expires) {
				return e, otter.CancelOp
			}
			sw.Done = true
			if sw.TTL < 0 {
				return e, otter.InvalidateOp
			}
			return newEntry(sw.Value, sw.TTL, now), otter.WriteOp
		})
	}
	return nil
}

// matches reports whether a swap may replace e.
func matches(sw *store.Swap, e entry, found bool) bool {
	if !found {
		return sw.Old == nil
	}
	return bytes.Equal(e.value, sw.Value) || sw.Old != nil && bytes.Equal(e.value, sw.Old)
}
