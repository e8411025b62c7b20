package redis_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestARecoveryNeedsNoDeadNode: a master is killed and stays away. Nothing sends the client to the
// replica that took over: the dead one answers nobody. Only a new map of the slots shows the way.
func TestARecoveryNeedsNoDeadNode(t *testing.T) {
	c := servers.RedisCluster(t)
	s := redisstore.New(c.Client(t), redisstore.Recheck(time.Hour)) // which brings a new map as well
	fill(t, s)
	attempt := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return s.Lookup(ctx, &store.Lookup{Keys: []string{entry}, Tags: []string{tag, "another", "third"}}) == nil
	}
	// Connections to all nodes: a new one would make the store ask who is there, and so find the replica.
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 20 {
				attempt()
			}
		})
	}
	readers.Wait()
	dead := c.Serving(t, tag)
	dead.Kill()
	if attempt() {
		t.Fatal("a lookup succeeds whose tag nobody serves")
	}
	c.AwaitFailover(t, dead)
	start := time.Now()
	eventually(t, "lookups succeed again", attempt)
	t.Logf("%v after the failover", time.Since(start).Round(time.Millisecond))
}
