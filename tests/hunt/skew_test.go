//go:build linux

package hunt_test

import (
	"context"
	"time"

	envelope "github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// skewed gives the plugin a clock that is off. All that one process learns of another's clock is when an
// entry was made, so to move that moment on the way in and out is to move the process's clock. What the
// process measures by itself, timeouts say, it measures by the monotonic clock, which does not jump.
type skewed struct {
	*child
	store.Store
}

func (s *skewed) off() time.Duration {
	return time.Duration(s.board.skew[s.plan.Process].Load())
}

// Set implements [store.Store].
func (s *skewed) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.Store.Set(ctx, key, shift(key, value, s.off()), ttl)
}

// Lookup implements [store.Store].
func (s *skewed) Lookup(ctx context.Context, l *store.Lookup) error {
	err := s.Store.Lookup(ctx, l)
	for i, value := range l.Values {
		if value != nil {
			l.Values[i] = shift(l.Keys[i], value, -s.off())
		}
	}
	return err
}

// shift moves the moment when an entry was made.
func shift(key string, value []byte, by time.Duration) []byte {
	var env envelope.Envelope
	if env.Decode(key, value) != nil {
		return value
	}
	env.Created += by.Milliseconds()
	shifted, err := envelope.Append(nil, key, &env)
	if err != nil {
		return value
	}
	return shifted
}
