package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// replay sends each settling again after something else happened, as a client does whose connection
// broke before the answer came.
type replay struct{ between func() }

func (replay) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (replay) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (r replay) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := next(ctx, cmds); err != nil {
			return err
		}
		r.between()
		return next(ctx, cmds)
	}
}

// TestAReplayedCommandRevivesNoToken: settle by A (the answer is lost), a fill under A's token, a commit
// and a settling by B, A's command again. Were A's token back now, the fill would be valid, and older
// than B's commit.
func TestAReplayedCommandRevivesNoToken(t *testing.T) {
	server := servers.Redis(t)
	plain, twice := redisstore.New(server.Client(t)), server.Client(t)
	for name, first := range map[string]func(s *redisstore.Store, tag string) error{
		"Settle": func(s *redisstore.Store, tag string) error {
			return store.Failure(s.Settle(t.Context(), []string{tag}, store.NewWriter(), 0))
		},
		"Tokens": func(s *redisstore.Store, tag string) error {
			return s.Tokens(t.Context(), []string{tag}, make([]store.State, 1))
		},
		"Mark": func(s *redisstore.Store, tag string) error {
			return s.Mark(t.Context(), []string{tag}, store.NewWriter(), time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, store.Failure(redisstore.New(twice).Settle(t.Context(), []string{name}, store.NewWriter(), 0))) // script known
			// With this option the store uses the client itself; the hooks of commands don't go to a clone.
			client := server.Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled = true })
			var seen store.Token
			client.AddHook(replay{func() {
				seen = lookup(t, plain, name)[0].Token
				must(t, store.Failure(plain.Settle(t.Context(), []string{name}, store.NewWriter(), 0)))
				if name != "Settle" { // evicted: the command makes the tag anew
					must(t, twice.Del(t.Context(), name).Err())
				}
			}})
			must(t, twice.Del(t.Context(), name).Err())
			must(t, first(redisstore.New(client), name))
			if seen == (store.Token{}) {
				t.Fatal("the hook did not run")
			}
			if state := lookup(t, plain, name)[0]; state.Token == seen {
				t.Errorf("token %v was settled away, and is back", seen)
			}
		})
	}
}
