package store

import (
	"context"
	"time"
)

// Entry is what [Store.Set] stores.
type Entry struct {
	Key   string
	Value []byte
	TTL   time.Duration
}

// Batch is an optional capability of a [Store]: SetAll does what Set does for each of the entries, in one round trip.
// After an error some of the entries may be stored. The caller may use the slices again afterwards.
type Batch interface {
	SetAll(ctx context.Context, entries []Entry) error
}

// SetAll stores entries, in one round trip if the store is a [Batch].
func SetAll(ctx context.Context, s Store, entries []Entry) error {
	if b, ok := s.(Batch); ok {
		return b.SetAll(ctx, entries)
	}
	for i := range entries {
		if err := s.Set(ctx, entries[i].Key, entries[i].Value, entries[i].TTL); err != nil {
			return err
		}
	}
	return nil
}
