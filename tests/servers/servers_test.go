package servers_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }

func TestRedisKeepsItsAddressAndOnlyASnapshotsData(t *testing.T) {
	s := servers.Redis(t, "--maxmemory", "5mb")
	client := s.Client(t, func(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 })
	ctx := t.Context()
	if got := client.ConfigGet(ctx, "maxmemory").Val()["maxmemory"]; got != "5242880" {
		t.Fatalf("maxmemory = %q, want what the argument says", got)
	}
	set(t, client, "kept")
	s.Snapshot(t)
	set(t, client, "lost")
	s.Kill()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Fatal("a killed server answers")
	}
	s.Start(t)
	client = s.Client(t) // the first one backs off after its refused connection
	if got := client.Exists(ctx, "kept", "lost").Val(); got != 1 {
		t.Fatalf("%d keys after a restart, want the one of the snapshot", got)
	}
	s.Stop()
	s.DropSnapshot(t)
	s.Start(t)
	if got := client.DBSize(ctx).Val(); got != 0 {
		t.Fatalf("%d keys after an empty restart", got)
	}
}

func TestRedisPausedDoesNotAnswer(t *testing.T) {
	s := servers.Redis(t)
	client := s.Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled, o.MaxRetries = true, -1 })
	set(t, client, "a")
	s.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := client.Get(ctx, "a").Err(); err == nil {
		t.Error("a paused server answers")
	}
	s.Resume(t)
	if err := client.Get(t.Context(), "a").Err(); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func set(t *testing.T, client *redis.Client, key string) {
	t.Helper()
	if err := client.Set(t.Context(), key, "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestRedisClusterServesEverySlot(t *testing.T) {
	c := servers.RedisCluster(t)
	client := c.Client(t)
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		if err := client.Set(t.Context(), key, "x", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	slots, err := client.ClusterSlots(t.Context()).Result() //nolint:staticcheck // deprecated, yet what go-redis itself loads
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range slots {
		if len(slot.Nodes) != 2 {
			t.Errorf("slots %d-%d: %d nodes, want a master and a replica", slot.Start, slot.End, len(slot.Nodes))
		}
	}
	if len(slots) != 3 {
		t.Errorf("%d ranges of slots, want one for each of 3 masters", len(slots))
	}
}

func TestMemcachedIsEmptyAfterARestart(t *testing.T) {
	s := servers.Memcached(t)
	client := memcache.New(s.Addr)
	defer func() { _ = client.Close() }()
	if err := client.Set(&memcache.Item{Key: "a", Value: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start(t)
	// A fresh client: the first one may still hold the broken connection.
	again := memcache.New(s.Addr)
	defer func() { _ = again.Close() }()
	if _, err := again.Get("a"); !errors.Is(err, memcache.ErrCacheMiss) {
		t.Errorf("after a restart: %v, want a miss", err)
	}
}

func TestPostgresDatabasesAreApart(t *testing.T) { apart(t, servers.Postgres) }

func TestMariaDBDatabasesAreApart(t *testing.T) { apart(t, servers.MariaDB) }

// apart checks that two databases share a server, and nothing else.
func apart(t *testing.T, create func(testing.TB) *servers.Database) {
	first, second := create(t), create(t)
	if first.Addr != second.Addr {
		t.Errorf("two servers, %s and %s: the second database should share the first one's", first.Addr, second.Addr)
	}
	a, b := first.Open(t), second.Open(t)
	if err := a.Exec("CREATE TABLE things (id int)").Error; err != nil {
		t.Fatal(err)
	}
	if b.Migrator().HasTable("things") {
		t.Error("a table of one database shows in the other")
	}
}

func TestMissingProgramSkipsOrFails(t *testing.T) {
	t.Setenv("PATH", "")
	if _, err := os.Stat("/usr/sbin/memcached"); err == nil {
		t.Fatal("this test needs a program that is nowhere but in PATH")
	}
	t.Setenv(servers.RequireEnv, "")
	if tb := try(t, func(tb testing.TB) { servers.Memcached(tb) }); !tb.skipped || tb.failed {
		t.Errorf("without %s: %+v, want a skip", servers.RequireEnv, tb)
	}
	t.Setenv(servers.RequireEnv, "1")
	if tb := try(t, func(tb testing.TB) { servers.Memcached(tb) }); tb.skipped || !tb.failed {
		t.Errorf("with %s: %+v, want a failure", servers.RequireEnv, tb)
	}
}

// verdict is a testing.TB that only notes how its test ends.
type verdict struct {
	testing.TB
	skipped, failed bool
}

// ended is what a verdict panics with where a real test would stop its goroutine.
type ended struct{}

func (v *verdict) Helper()               {}
func (v *verdict) Skipf(string, ...any)  { v.skipped = true; panic(ended{}) }
func (v *verdict) Fatalf(string, ...any) { v.failed = true; panic(ended{}) }

func try(t *testing.T, f func(testing.TB)) (v *verdict) {
	v = &verdict{TB: t}
	defer func() {
		if r := recover(); r != nil && r != (ended{}) {
			panic(r)
		}
	}()
	f(v)
	return v
}

func TestRedisLivesByItsOwnClock(t *testing.T) {
	s, clock := servers.RedisWithClock(t)
	client, ctx := s.Client(t), t.Context()
	if err := client.Set(ctx, "a", "x", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	for _, jump := range []time.Duration{40 * time.Minute, -20 * time.Minute, 0} {
		clock.Set(t, jump)
		left, off := client.PTTL(ctx, "a").Val(), time.Until(client.Time(ctx).Val())
		if d := left - (time.Hour - jump); d > 0 || d < -time.Minute {
			t.Errorf("%v after a jump of %v the key has %v left", d, jump, left)
		}
		if d := off - jump; d > time.Minute || d < -time.Minute {
			t.Errorf("the clock is off by %v after a jump of %v", off, jump)
		}
	}
	clock.Set(t, 61*time.Minute)
	if client.Exists(ctx, "a").Val() != 0 {
		t.Error("the key outlived its hour")
	}
}

func TestRedisClusterFailsOver(t *testing.T) {
	c := servers.RedisCluster(t)
	dead := c.Masters(t)[0]
	replica := c.ReplicaOf(t, dead)
	dead.Kill()
	c.AwaitFailover(t, dead)
	dead.Start(t)
	c.AwaitWhole(t)
	if c.ReplicaOf(t, replica) != dead {
		t.Error("the old master does not follow the new one")
	}
}

func TestSentinelFailsOver(t *testing.T) {
	s := servers.Sentinel(t)
	client := s.Client(t)
	set(t, client, "a")
	if n, err := client.Do(t.Context(), "wait", 1, 5000).Int(); n != 1 || err != nil {
		t.Fatalf("%d replicas have it, want 1 (%v)", n, err)
	}
	began := time.Now()
	dead := s.Fail(t)
	t.Logf("a failover took %v", time.Since(began).Round(time.Millisecond))
	client = s.Client(t) // the first one backs off after its refused connections
	if got := client.Exists(t.Context(), "a").Val(); got != 1 {
		t.Error("what the replica had is lost")
	}
	dead.Start(t)
	s.AwaitReplica(t, dead)
	if client.Exists(t.Context(), "a").Val() != 1 {
		t.Error("the old master came back as the master")
	}
}

func TestValkeyIsOne(t *testing.T) {
	info := servers.Valkey(t).Client(t).Info(t.Context(), "server").Val()
	if !strings.Contains(info, "server_name:valkey") {
		t.Errorf("got another server:\n%s", info)
	}
}
