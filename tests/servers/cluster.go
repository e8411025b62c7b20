package servers

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

const (
	clusterNodes   = 6
	clusterMasters = 3
	clusterSlots   = 16384

	clusterPortArg = 3 // where among a node's arguments the port of its cluster bus stands
)

// RedisClusterServers is a Redis Cluster of one test: three masters with a replica each.
type RedisClusterServers struct {
	// Nodes are the six servers. At first 0, 1 and 2 are masters, and 3, 4 and 5 their replicas.
	Nodes []*RedisServer
}

// RedisCluster starts a Redis Cluster and stops it when tb ends. It returns when every node says that
// the cluster is whole and every replica follows its master. A master that falls silent is replaced
// after two seconds. Args are passed to each server.
func RedisCluster(tb testing.TB, args ...string) *RedisClusterServers {
	tb.Helper()
	c := &RedisClusterServers{}
	for range clusterNodes {
		bus, err := freePort()
		if err != nil {
			tb.Fatal(err)
		}
		// A replica is listed in CLUSTER SLOTS once it has got a byte, and an idle master sends none
		// but its ping: every second instead of every ten.
		node := []string{"--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus), "--cluster-node-timeout", "2000",
			"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}
		c.Nodes = append(c.Nodes, Redis(tb, append(node, args...)...))
	}
	if err := c.create(); err != nil {
		tb.Fatal(err)
	}
	return c
}

// Addrs returns the addresses of all nodes.
func (c *RedisClusterServers) Addrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr
	}
	return addrs
}

// Client returns a cluster client that is closed when tb ends. Each of change may alter its options
// first.
func (c *RedisClusterServers) Client(tb testing.TB, change ...func(*redis.ClusterOptions)) *redis.ClusterClient {
	o := &redis.ClusterOptions{Addrs: c.Addrs()}
	for _, f := range change {
		f(o)
	}
	client := redis.NewClusterClient(o)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Masters returns the nodes that serve keys now. All nodes must run.
func (c *RedisClusterServers) Masters(tb testing.TB) (masters []*RedisServer) {
	tb.Helper()
	for _, node := range c.Nodes {
		if node.Master(tb) == 0 {
			masters = append(masters, node)
		}
	}
	return masters
}

// Serving returns the node that serves a key. All nodes must run.
func (c *RedisClusterServers) Serving(tb testing.TB, key string) *RedisServer {
	tb.Helper()
	for _, node := range c.Masters(tb) {
		client := redis.NewClient(node.probeOptions())
		err := client.Exists(context.Background(), key).Err()
		_ = client.Close()
		if err == nil {
			return node
		}
	}
	tb.Fatalf("servers: cluster: nobody serves %s", key)
	return nil
}

// ReplicaOf returns a replica of that master.
func (c *RedisClusterServers) ReplicaOf(tb testing.TB, master *RedisServer) *RedisServer {
	tb.Helper()
	for _, node := range c.Nodes {
		if node.Master(tb) == master.port {
			return node
		}
	}
	tb.Fatalf("servers: cluster: %s has no replica", master.Addr)
	return nil
}

// AwaitFailover waits until all others know that the slots of a node that was killed are served by its
// replica.
func (c *RedisClusterServers) AwaitFailover(tb testing.TB, dead *RedisServer) {
	tb.Helper()
	var alive []*RedisServer
	for _, node := range c.Nodes {
		if node != dead {
			alive = append(alive, node)
		}
	}
	c.await(tb, alive, func(ctx context.Context, clients []*redis.Client) error {
		for _, client := range clients {
			if err := serveAll(ctx, client); err != nil {
				return err
			}
			slots, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // deprecated, yet what go-redis itself loads
			if err != nil {
				return err
			}
			for _, slot := range slots {
				if slot.Nodes[0].Addr == dead.Addr {
					return fmt.Errorf("servers: cluster: nobody has taken over from %s", dead.Addr)
				}
			}
		}
		return nil
	})
}

// AwaitWhole waits until every node runs and knows all others, and every replica follows its master.
func (c *RedisClusterServers) AwaitWhole(tb testing.TB) {
	tb.Helper()
	c.await(tb, c.Nodes, whole)
}

func (c *RedisClusterServers) await(tb testing.TB, nodes []*RedisServer, cond func(context.Context, []*redis.Client) error) {
	tb.Helper()
	var clients []*redis.Client
	for _, node := range nodes {
		client := redis.NewClient(node.probeOptions())
		defer func() { _ = client.Close() }()
		clients = append(clients, client)
	}
	if err := until(func(ctx context.Context) error { return cond(ctx, clients) }); err != nil {
		tb.Fatal(err)
	}
}

// create makes one cluster of the nodes: the steps of `redis-cli --cluster create`, but without its
// pauses of a whole second.
func (c *RedisClusterServers) create() error {
	clients := make([]*redis.Client, len(c.Nodes))
	for i, node := range c.Nodes {
		clients[i] = redis.NewClient(node.probeOptions())
		defer func() { _ = clients[i].Close() }()
	}
	ids, err := c.meet(clients)
	if err != nil {
		return err
	}
	for i, client := range clients[clusterMasters:] {
		// The replica must have heard of its master before it can follow it.
		master := ids[i]
		err := until(func(ctx context.Context) error { return client.ClusterReplicate(ctx, master).Err() })
		if err != nil {
			return fmt.Errorf("servers: cluster replicate: %w", err)
		}
	}
	return until(func(ctx context.Context) error { return whole(ctx, clients) })
}

// meet shares out the slots among the masters, introduces every node to every other, and returns the
// nodes' names.
func (c *RedisClusterServers) meet(clients []*redis.Client) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ids := make([]string, len(clients))
	for i, client := range clients {
		id, err := client.ClusterMyID(ctx).Result()
		if err != nil {
			return nil, err
		}
		ids[i] = id
		// Different epochs from the start: no round of conflict resolution.
		if err := client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return nil, err
		}
		if i < clusterMasters {
			first, last := i*clusterSlots/clusterMasters, (i+1)*clusterSlots/clusterMasters-1
			if err := client.ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
				return nil, err
			}
		}
	}
	// Everyone meets everyone: gossip alone would take seconds to spread the news.
	for i, client := range clients {
		for _, node := range c.Nodes[:i] {
			bus := node.args[clusterPortArg]
			if err := client.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", node.port, bus).Err(); err != nil {
				return nil, err
			}
		}
	}
	return ids, nil
}

// whole checks that each node knows all others, and that every slot is served and has its replica.
func whole(ctx context.Context, clients []*redis.Client) error {
	for _, client := range clients {
		if err := serveAll(ctx, client); err != nil {
			return err
		}
		if err := follows(ctx, client); err != nil {
			return err
		}
	}
	return replicasKnown(ctx, clients)
}

// serveAll checks that a node knows a master for every slot, and finds none of them failing.
func serveAll(ctx context.Context, client *redis.Client) error {
	info, err := client.ClusterInfo(ctx).Result()
	if err != nil {
		return err
	}
	for _, want := range []string{
		"cluster_state:ok", fmt.Sprintf("cluster_slots_ok:%d", clusterSlots),
		fmt.Sprintf("cluster_known_nodes:%d", clusterNodes), fmt.Sprintf("cluster_size:%d", clusterMasters),
	} {
		if !strings.Contains(info, want+"\r\n") {
			return fmt.Errorf("servers: cluster: waiting for %s:\n%s", want, info)
		}
	}
	return nil
}

// follows checks that a node, if it is a replica, has its master's data.
func follows(ctx context.Context, client *redis.Client) error {
	info, err := client.Info(ctx, "replication").Result()
	if err != nil {
		return err
	}
	if strings.Contains(info, "role:slave") && !strings.Contains(info, "master_link_status:up") {
		return fmt.Errorf("servers: cluster: a replica does not follow yet")
	}
	return nil
}

// replicasKnown checks that every node's map of the slots shows each master with its replica: clients
// load that map from any of them.
func replicasKnown(ctx context.Context, clients []*redis.Client) error {
	for _, client := range clients {
		slots, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // deprecated, yet what go-redis itself loads
		if err != nil {
			return err
		}
		for _, slot := range slots {
			if len(slot.Nodes) != clusterNodes/clusterMasters {
				return fmt.Errorf("servers: cluster: slots %d-%d are at %d nodes", slot.Start, slot.End, len(slot.Nodes))
			}
		}
	}
	return nil
}
