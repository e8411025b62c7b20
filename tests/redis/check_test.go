package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestCheckRefusesServers(t *testing.T) {
	master := servers.Redis(t)
	for name, c := range map[string]struct {
		client func(t *testing.T) redis.UniversalClient
		says   string
	}{
		"Replica": {func(t *testing.T) redis.UniversalClient {
			host, port, _ := strings.Cut(master.Addr, ":")
			return servers.Redis(t, "--replicaof", host+" "+port).Client(t)
		}, "connect to its master"},
		"NodeOfACluster": {func(t *testing.T) redis.UniversalClient {
			return servers.RedisCluster(t).Nodes[0].Client(t)
		}, "redis.NewClusterClient"},
		"NoCluster": {func(t *testing.T) redis.UniversalClient {
			client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{master.Addr, servers.Redis(t).Addr}})
			t.Cleanup(func() { _ = client.Close() })
			return client
		}, "redis.NewClient"},
		"NoScripts": {func(t *testing.T) redis.UniversalClient {
			return servers.Redis(t, "--rename-command", "EVAL", "NOEVAL").Client(t)
		}, "Redis 7.0 or later"},
		"NoRightToScripts": {func(t *testing.T) redis.UniversalClient {
			return limited(t, "~*", "+@all", "-eval", "-evalsha")
		}, "ACL"},
		"NoRightToSelect": {func(t *testing.T) redis.UniversalClient {
			o := *limited(t, "~*", "+@all", "-select").Options()
			o.DB = 1
			client := redis.NewClient(&o)
			t.Cleanup(func() { _ = client.Close() })
			return client
		}, "SELECT"},
		"NoRightToPing": {func(t *testing.T) redis.UniversalClient { // the ring takes such a shard for down in time
			o := limited(t, "~*", "+@all", "-ping").Options()
			client := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": o.Addr}, Username: o.Username, Password: o.Password})
			t.Cleanup(func() { _ = client.Close() })
			return client
		}, "PING"},
	} {
		t.Run(name, func(t *testing.T) {
			s := redisstore.New(c.client(t))
			err := s.Check(t.Context())
			if !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v: want an ErrUnsupported that says %q", err, c.says)
			}
			if again := s.Lookup(t.Context(), &store.Lookup{Tags: []string{"t"}}); !errors.Is(again, store.ErrUnsupported) {
				t.Errorf("Lookup of a store that Check refused gives %v", again)
			}
		})
	}
}

func TestCheckOfAServerThatIsDown(t *testing.T) {
	server := servers.Redis(t)
	client := server.Client(t, func(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 })
	server.Stop()
	s := redisstore.New(client)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.Check(ctx); err == nil || errors.Is(err, store.ErrUnsupported) {
		t.Fatalf("got %v: want an error that is not final", err)
	}
	server.Start(t)
	eventually(t, "the server is back", func() bool { return s.Check(t.Context()) == nil })
}

// TestCheckNeedsNoRightToOtherKeys: a user may be held to the keys of one namespace.
func TestCheckNeedsNoRightToOtherKeys(t *testing.T) {
	s := redisstore.New(limited(t, "~shop:*", "+@all"))
	must(t, s.Check(t.Context()))
	token(t, s, "shop:t:users")
}

func TestCloseLeavesTheClientOpen(t *testing.T) {
	client := servers.Redis(t).Client(t)
	must(t, redisstore.New(client).Close())
	must(t, client.Ping(t.Context()).Err())
}

// limited returns the client of a user with these rights.
func limited(t *testing.T, rules ...string) *redis.Client {
	server := servers.Redis(t)
	setUser := []any{"acl", "setuser", "shop", "on", ">secret"}
	for _, rule := range rules {
		setUser = append(setUser, rule)
	}
	must(t, server.Client(t).Do(t.Context(), setUser...).Err())
	return server.Client(t, func(o *redis.Options) { o.Username, o.Password = "shop", "secret" })
}
