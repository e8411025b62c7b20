package redisstore

import (
	"context"
	"errors"
	"fmt"

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

// execute runs a pipeline and returns its commands, or the first error that is not tolerable. The error of the pipeline
// itself counts only if no command has an error: go-redis returns the first command's error there.
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

// wrongType reports whether a key holds something other than a string, as another program stored it.
func wrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }
