package redis_test

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestClusterFailover replaces a master in both ways: it is told to step down, or it is killed. Its
// replica may have all the data or not: what was filled before is not trusted.
func TestClusterFailover(t *testing.T) {
	for name, failover := range map[string]func(t *testing.T, c *servers.RedisClusterServers, master, replica int){
		"Takeover": func(t *testing.T, c *servers.RedisClusterServers, master, replica int) {
			must(t, c.Nodes[replica].Client(t).ClusterFailover(t.Context()).Err())
			old := c.Nodes[master].Client(t)
			eventually(t, "the old master knows", func() bool { return hasRole(t, old, "slave") })
		},
		"Killed": func(_ *testing.T, c *servers.RedisClusterServers, master, _ int) { c.Nodes[master].Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			c := servers.RedisCluster(t)
			client := c.Client(t)
			// A client may have connections to replicas already, of the kind that lookups use.
			must(t, client.ForEachSlave(t.Context(), func(ctx context.Context, r *redis.Client) error {
				_, err := r.Pipelined(ctx, func(p redis.Pipeliner) error { p.Ping(ctx); p.Ping(ctx); return nil })
				return err
			}))
			s, other := redisstore.New(client), redisstore.New(c.Client(t))
			fill(t, s)
			if !valid(t, s) || !valid(t, other) {
				t.Fatal("two stores on one cluster do not share an entry")
			}
			master, replica := 0, 0
			owner, err := client.MasterForKey(t.Context(), tag)
			must(t, err)
			must(t, owner.Wait(t.Context(), 1, 0).Err())
			for i, node := range c.Nodes {
				if owner.Options().Addr == node.Addr {
					master, replica = i, i+3
				}
			}
			failover(t, c, master, replica)
			promoted := c.Nodes[replica].Client(t)
			eventually(t, "the replica is promoted", func() bool { return hasRole(t, promoted, "master") })
			neverAgain(t, s, other)
		})
	}
}

func hasRole(t *testing.T, c *redis.Client, role string) bool {
	return strings.Contains(c.Info(t.Context(), "replication").Val(), "role:"+role)
}

var infoCalls = regexp.MustCompile(`cmdstat_info:calls=(\d+)`)

// TestVerificationsAreShared: a pool that grows under load asks the server who it is once for each new
// connection at most, and not once for each call.
func TestVerificationsAreShared(t *testing.T) {
	const readers, each = 64, 50
	server := servers.Redis(t)
	client := server.Client(t, func(o *redis.Options) { o.PoolSize = readers })
	s := redisstore.New(client)
	admin := server.Client(t)
	must(t, admin.ConfigResetStat(t.Context()).Err())
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for range each {
				if _, err := served(s, t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	asked := 0
	if m := infoCalls.FindStringSubmatch(admin.Info(t.Context(), "commandstats").Val()); m != nil {
		asked, _ = strconv.Atoi(m[1])
	}
	if n := int(client.PoolStats().TotalConns); asked < 1 || asked > n+1 {
		t.Errorf("%d questions for %d connections and %d lookups", asked, n, readers*each)
	}
	t.Logf("%d questions, %d connections", asked, client.PoolStats().TotalConns)
}

// TestCheckRefusesWhatCannotBeRecognised: a restart would go unnoticed.
func TestCheckRefusesWhatCannotBeRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		client func(t *testing.T) redis.UniversalClient
		says   string
	}{
		"NoRightToInfo": {func(t *testing.T) redis.UniversalClient { return limited(t, "~*", "+@all", "-info") }, "+info"},
		"WithTimeout": {func(t *testing.T) redis.UniversalClient {
			return servers.Redis(t).Client(t).WithTimeout(1e9)
		}, "made by WithTimeout"},
	} {
		t.Run(name, func(t *testing.T) {
			s := redisstore.New(c.client(t))
			for call, err := range map[string]error{
				"Lookup": s.Lookup(t.Context(), &store.Lookup{Tags: []string{tag}}),
				"Check":  s.Check(t.Context()),
			} {
				if !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s gives %v: want an ErrUnsupported that says %q", call, err, c.says)
				}
			}
		})
	}
}

// TestMinIdleConnections: connections that the pool began to dial before the store watched it are not
// taken for those of a client that cannot be watched.
func TestMinIdleConnections(t *testing.T) {
	s := redisstore.New(servers.Redis(t).Client(t, func(o *redis.Options) { o.MinIdleConns = 3 }))
	for range 20 {
		must(t, s.Check(t.Context()))
	}
}
