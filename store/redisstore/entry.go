package redisstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Lookup implements [store.Store]: one MGET; or, if the keys lie on several servers, one pipeline of GETs, and two
// pipelines if there are several entries.
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	l.Reset()
	if err := s.ready(ctx); err != nil {
		return err
	}
	n := len(l.Keys) + len(l.Tags)
	if n == 0 {
		return nil
	}
	if err := s.lookup(ctx, l); err != nil {
		l.Reset()
		return s.fail(ctx, "lookup", err)
	}
	return nil
}

func (s *Store) lookup(ctx context.Context, l *store.Lookup) error {
	inc, err := s.recognize(ctx)
	if err != nil {
		return err
	}
	// The call works on copies of the names, and the answer is written to l only here: an abandoned call must not
	// touch what its caller uses again.
	if s.single {
		err = s.mget(ctx, l)
	} else {
		err = s.gets(ctx, l)
	}
	if err == nil {
		err = s.ringComplete()
	}
	if err == nil {
		err = s.unchanged(ctx, inc)
	}
	inc.bind(l.States)
	return err
}

func (s *Store) mget(ctx context.Context, l *store.Lookup) error {
	args := make([]any, 1, 1+len(l.Keys)+len(l.Tags))
	args[0] = "mget"
	for _, key := range l.Keys {
		args = append(args, key)
	}
	for _, tag := range l.Tags {
		args = append(args, tag)
	}
	values, err := call(ctx, &s.calls, func() ([]any, error) {
		cmd := redis.NewSliceCmd(ctx, args...)
		_ = s.client.Process(ctx, cmd)
		return cmd.Result()
	})
	if err != nil {
		return err
	}
	if len(values) != len(args)-1 {
		return fmt.Errorf("%d values for %d keys", len(values), len(args)-1)
	}
	for i, value := range values {
		if value, ok := value.(string); ok { // nil: no such key, or no string
			answer(l, i, value)
		}
	}
	return nil
}

// gets asks several servers, which answer at different moments. For one entry that is enough: its tokens show whether it
// was true when its last tag was read. But several entries could be from both sides of a commit, so their tags are read
// after all entries are here: by then the marks or new tokens of the commit show in the tags of the older entry.
func (s *Store) gets(ctx context.Context, l *store.Lookup) error {
	if len(l.Keys) > 1 {
		if err := s.pipeline(ctx, l, 0, len(l.Keys)); err != nil {
			return err
		}
		return s.pipeline(ctx, l, len(l.Keys), len(l.Keys)+len(l.Tags))
	}
	return s.pipeline(ctx, l, 0, len(l.Keys)+len(l.Tags))
}

// pipeline looks up the names from, up to and without to, of the keys and tags of l: keys come first, then tags.
func (s *Store) pipeline(ctx context.Context, l *store.Lookup, from, to int) error {
	names := make([]string, 0, len(l.Keys)+len(l.Tags))
	names = append(append(names, l.Keys...), l.Tags...)[from:to]
	if len(names) == 0 {
		return nil
	}
	cmds, err := call(ctx, &s.calls, func() ([]redis.Cmder, error) {
		pipe := s.client.Pipeline()
		for _, name := range names {
			pipe.Get(ctx, name)
		}
		return execute(ctx, pipe, func(err error) bool { return errors.Is(err, redis.Nil) || wrongType(err) })
	})
	if err != nil {
		return err
	}
	for i, cmd := range cmds {
		if get, ok := cmd.(*redis.StringCmd); ok && get.Err() == nil {
			answer(l, from+i, get.Val())
		}
	}
	return nil
}

// answer stores the i-th value of a lookup: keys come first, then tags.
func answer(l *store.Lookup, i int, value string) {
	if i < len(l.Keys) {
		l.Values[i] = bytesOf(value)
	} else {
		l.States[i-len(l.Keys)] = parse(value)
	}
}

// wrongType reports whether a key holds something other than a string, as another program stored it.
func wrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }

// Set implements [store.Store]. Redis counts ttl in milliseconds; fractions are rounded up.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if ttl < 0 {
		return s.Delete(ctx, key)
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	if !s.calls.callerWaits(ctx) {
		value = bytes.Clone(value) // the call may outlast its caller
	}
	_, err := call(ctx, &s.calls, func() (struct{}, error) {
		return struct{}{}, s.client.Set(ctx, key, value, wholeMillis(ttl)).Err()
	})
	if err == nil {
		err = s.ringComplete()
	}
	if err != nil {
		return s.fail(ctx, "set", err)
	}
	return nil
}

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

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	if err := s.ready(ctx); err != nil || len(keys) == 0 {
		return err
	}
	keys = append([]string(nil), keys...)
	_, err := call(ctx, &s.calls, func() (struct{}, error) { return struct{}{}, s.unlink(ctx, keys) })
	if err == nil {
		err = s.ringComplete()
	}
	if err != nil {
		return s.fail(ctx, "delete", err)
	}
	return nil
}

func (s *Store) unlink(ctx context.Context, keys []string) error {
	if s.single {
		return s.client.Unlink(ctx, keys...).Err()
	}
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Unlink(ctx, key)
		}
		return nil
	})
	return err
}
