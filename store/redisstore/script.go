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

// There are two variants of the script. A server that is out of memory runs only the urgent one: marks and new tokens
// must be stored even then, or an old entry would stay valid. They are small, and only writes make them. New tags for
// readers can wait, since such a server accepts no entries either.
var (
	urgent = newScript("#!lua flags=allow-oom\n" + tagLua)
	frugal = newScript("#!lua\n" + tagLua)
)

// script is a source text and the hash by which a server knows it.
type script struct{ source, hash string }

func newScript(source string) script { return script{source, redis.NewScript(source).Hash()} }

// eval runs the script on each key in one pipeline, by its hash, and returns its results. args returns the arguments for
// the i-th key. If a server does not know the hash (it is new, was restarted, or its scripts were flushed), eval sends the
// source for the keys concerned.
func (s script) eval(ctx context.Context, client redis.UniversalClient, wait waiting, keys []string, args func(i int) []any) ([]string, error) {
	pipe := client.Pipeline()
	for i, key := range keys {
		pipe.EvalSha(ctx, s.hash, []string{key}, args(i)...)
	}
	cmds, err := wait.finish(ctx, pipe, noScript)
	if err != nil {
		return nil, err
	}
	pipe = client.Pipeline()
	for i, cmd := range cmds {
		if cmd.Err() != nil {
			pipe.Eval(ctx, s.source, []string{keys[i]}, args(i)...)
		}
	}
	if pipe.Len() > 0 {
		again, err := wait.finish(ctx, pipe, func(error) bool { return false })
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

// operation is what the script does to a tag.
type operation struct {
	name    string
	writer  store.Writer
	span    time.Duration // how long writer's mark stands from now; 0: the mark is removed
	lasting bool          // replicas must acknowledge the change, see Wait
}

// noScript reports whether a server does not know a script's hash.
func noScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }
