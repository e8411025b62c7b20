package redisstore

import (
	"bytes"
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var _ store.Batch = (*Store)(nil)

// SetAll implements [store.Batch]: one pipeline of SETs.
func (s *Store) SetAll(ctx context.Context, entries []store.Entry) error {
	if err := s.ready(ctx); err != nil || len(entries) == 0 {
		return err
	}
	if !s.calls.callerWaits(ctx) { // the call may outlast its caller
		entries = slices.Clone(entries)
		for i := range entries {
			entries[i].Value = bytes.Clone(entries[i].Value)
		}
	}
	_, err := call(ctx, &s.calls, func() ([]redis.Cmder, error) {
		pipe := s.client.Pipeline()
		for _, e := range entries {
			if e.TTL < 0 {
				pipe.Unlink(ctx, e.Key)
			} else {
				pipe.Set(ctx, e.Key, e.Value, wholeMillis(e.TTL))
			}
		}
		return execute(ctx, pipe, func(error) bool { return false })
	})
	if err == nil {
		err = s.ringComplete()
	}
	if err != nil {
		return s.fail(ctx, "set", err)
	}
	return nil
}
