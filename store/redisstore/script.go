package redisstore

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
)

//go:embed tag.lua
var tagLua string

// The script comes in two: a server that is out of memory runs only the urgent one. Marks and new
// tokens must land even then, or an old entry would stay valid; they are small, and as many as there
// are writes. New tags of readers can wait, since such a server takes no entries either.
var (
	urgent = newScript("#!lua flags=allow-oom\n" + tagLua)
	frugal = newScript("#!lua\n" + tagLua)
)

// script is a source, and the hash by which a server knows it.
type script struct{ source, hash string }

func newScript(source string) script { return script{source, redis.NewScript(source).Hash()} }

// operation is what the script is to do to a tag.
type operation struct {
	name    string
	writer  store.Writer
	span    time.Duration // how long writer's mark is to stand from now; 0: not at all
	lasting bool          // replicas must have it, see Wait
}

// change runs a script on each tag in one pipeline, and returns the tags' values.
func (s *Store) change(ctx context.Context, sc script, op operation, tags []string) ([]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	tags = append([]string(nil), tags...) // a call that is left behind must not look at the caller's
	nonce := store.NewToken()
	args := []any{
		op.name, nonce[:], op.writer[:],
		wholeMillis(op.span).Milliseconds(), s.tagTTL.Milliseconds(),
	}
	values, err := call(ctx, &s.calls, func() ([]string, error) { return s.eval(ctx, sc, tags, args, op.lasting) })
	if err == nil {
		err = s.whole()
	}
	return values, err
}

// eval runs a script by its hash. A server that does not know it (it is new, it was restarted, its
// scripts were flushed) gets the source, for the tags concerned.
func (s *Store) eval(ctx context.Context, sc script, tags []string, args []any, lasting bool) ([]string, error) {
	pipe := s.client.Pipeline()
	for _, tag := range tags {
		pipe.EvalSha(ctx, sc.hash, []string{tag}, args...)
	}
	cmds, err := s.finish(ctx, pipe, lasting, noScript)
	if err != nil {
		return nil, err
	}
	pipe = s.client.Pipeline()
	for i, cmd := range cmds {
		if cmd.Err() != nil {
			pipe.Eval(ctx, sc.source, []string{tags[i]}, args...)
		}
	}
	if pipe.Len() > 0 {
		again, err := s.finish(ctx, pipe, lasting, func(error) bool { return false })
		if err != nil {
			return nil, err
		}
		for i, cmd := range cmds {
			if cmd.Err() != nil {
				cmds[i], again = again[0], again[1:]
			}
		}
	}
	values := make([]string, len(cmds))
	for i, cmd := range cmds {
		if values[i], err = cmd.(*redis.Cmd).Text(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// noScript tells that a server does not know a script's hash.
func noScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }
