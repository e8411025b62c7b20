package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Lookup implements [store.Store]: one MGET, or, where the keys lie on several servers, one pipeline of
// GETs, and two if there are several entries.
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
	inc, err := s.recognise(ctx)
	if err != nil {
		return err
	}
	// The call works on copies of the names, and its answer is written to l only here: a call that
	// is left behind must not touch what its caller uses again.
	if s.single {
		err = s.mget(ctx, l)
	} else {
		err = s.gets(ctx, l)
	}
	if err == nil {
		err = s.whole()
	}
	if err == nil {
		err = s.same(ctx, inc)
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

// gets asks several servers, which answer at different moments. One entry needs no more than that: whether
// it was true when its last tag was read is what its tokens tell. But several entries could be from both
// sides of a commit, so their tags are read after all of them are here: by then the commit's marks or new
// tokens show in the tag of whichever entry is older.
func (s *Store) gets(ctx context.Context, l *store.Lookup) error {
	if len(l.Keys) > 1 {
		if err := s.pipeline(ctx, l, 0, len(l.Keys)); err != nil {
			return err
		}
		return s.pipeline(ctx, l, len(l.Keys), len(l.Keys)+len(l.Tags))
	}
	return s.pipeline(ctx, l, 0, len(l.Keys)+len(l.Tags))
}

// pipeline asks for some of what l asks for: keys come first, then tags.
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

// answer notes the i-th value of a lookup: keys come first, then tags.
func answer(l *store.Lookup, i int, value string) {
	if i < len(l.Keys) {
		l.Values[i] = bytesOf(value)
	} else {
		l.States[i-len(l.Keys)] = parse(value)
	}
}

// execute runs a pipeline and returns its commands, or the first error that tolerable does not let
// pass. The pipeline's own error counts only where no command has one: it is that of the first.
func execute(ctx context.Context, pipe redis.Pipeliner, tolerable func(error) bool) ([]redis.Cmder, error) {
	cmds, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		if own := cmd.Err(); own != nil {
			if !tolerable(own) {
				return nil, own
			}
			err = nil
		}
	}
	return cmds, err
}

// wrongType tells that a key holds something other than a string: another program's.
func wrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }
