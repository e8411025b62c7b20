package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestErrorsNameTheirCause: a client that can't connect goes on trying until the caller's deadline, and then names
// that only.
//
// Falls if: the error of the last attempt to connect is not kept (DialHook, ProcessHook).
func TestErrorsNameTheirCause(t *testing.T) {
	server := servers.Redis(t)
	admin := server.Client(t)
	must(t, admin.Do(t.Context(), "config", "set", "requirepass", "right").Err())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nobody := listener.Addr().String()
	must(t, listener.Close())
	for name, c := range map[string]struct {
		client func() redis.UniversalClient
		word   string
	}{
		"WrongPassword": {func() redis.UniversalClient {
			return redis.NewClient(&redis.Options{Addr: server.Addr, Password: "wrong"})
		}, "WRONGPASS"},
		"NoPassword":   {func() redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: server.Addr}) }, "NOAUTH"},
		"NoPasswordDB": {func() redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: server.Addr, DB: 3}) }, "NOAUTH"},
		"Nobody":       {func() redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: nobody}) }, "connection refused"},
		"NobodyPunctual": {func() redis.UniversalClient {
			return redis.NewClient(&redis.Options{Addr: nobody, ContextTimeoutEnabled: true})
		}, "connection refused"},
		"ClusterNobody": {func() redis.UniversalClient {
			return redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nobody}})
		}, "connection refused"},
		"ClusterWrongPassword": {func() redis.UniversalClient {
			return redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}, Password: "wrong"})
		}, "WRONGPASS"},
		"RingWrongPassword": {func() redis.UniversalClient {
			return redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": server.Addr}, Password: "wrong"})
		}, "WRONGPASS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := c.client()
			s := redisstore.New(client) // before a ring takes the server for down
			t.Cleanup(func() { _ = client.Close() })
			for call, do := range map[string]func(context.Context) error{
				"Check":  s.Check,
				"Lookup": func(ctx context.Context) error { return s.Lookup(ctx, &store.Lookup{Tags: []string{"tag"}}) },
				"Mark":   func(ctx context.Context) error { return s.Mark(ctx, []string{"tag"}, store.NewWriter(), time.Minute) },
			} {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, store.ErrBudget)
				err := do(ctx)
				cancel()
				switch {
				case err == nil || !strings.Contains(err.Error(), c.word):
					t.Errorf("%s says %v, without %q", call, err, c.word)
				case strings.Count(err.Error(), "gormcache:") != 1:
					t.Errorf("%s says who it is more than once: %v", call, err)
				case c.word != "connection refused" && !strings.Contains(err.Error(), "Password"):
					t.Errorf("%s names no remedy: %v", call, err)
				}
			}
		})
	}
}

// TestACauseIsForgotten: once a connection is made, a time-out has another cause.
//
// Falls if: a dial that succeeds leaves the error of the one before.
func TestACauseIsForgotten(t *testing.T) {
	server := servers.Redis(t)
	client := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = client.Close() })
	s := redisstore.New(client)
	lookup := func() error {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, store.ErrBudget)
		defer cancel()
		return s.Lookup(ctx, &store.Lookup{Tags: []string{"tag"}})
	}
	server.Stop()
	if err := lookup(); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Fatalf("nobody listens, and it says %v", err)
	}
	server.Start(t)
	for lookup() != nil {
		if t.Context().Err() != nil {
			t.Fatal("it does not recover")
		}
	}
	server.Pause(t)
	err := lookup()
	server.Resume(t)
	if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "connect:") {
		t.Errorf("the server hangs, and it says %v", err)
	}
}
