package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

const (
	sentinels = 3
	quorum    = 2
	// masterName is by what name the sentinels know the master.
	masterName = "mymaster"
	// never is longer than any test, in milliseconds.
	never = 600_000
)

// SentinelServers is a Redis of one test behind sentinels: a master, and a replica that takes its place.
type SentinelServers struct {
	// Nodes are the two servers. At first 0 is the master.
	Nodes []*RedisServer

	watchers []*watcher
}

// Sentinel starts a master with a replica and three sentinels, and stops them when tb ends. It returns when the replica
// follows, and all sentinels know of it and of each other. They take no master for dead but one that [SentinelServers.Fail]
// has killed: a machine that is busy is no failover.
func Sentinel(tb testing.TB) *SentinelServers {
	tb.Helper()
	s := &SentinelServers{Nodes: []*RedisServer{node(tb), nil}}
	s.Nodes[1] = node(tb, "--replicaof", strings.ReplaceAll(s.Nodes[0].Addr, ":", " "))
	s.await(tb, s.following(0, 1))
	for range sentinels {
		s.watchers = append(s.watchers, watch(tb, s.Nodes[0]))
	}
	s.await(tb, s.agreed)
	return s
}

func node(tb testing.TB, args ...string) *RedisServer {
	return Redis(tb, append([]string{"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}, args...)...)
}

// Options returns options for a client of the master, whichever that is, to be changed at will.
func (s *SentinelServers) Options() *redis.FailoverOptions {
	o := &redis.FailoverOptions{MasterName: masterName}
	for _, w := range s.watchers {
		o.SentinelAddrs = append(o.SentinelAddrs, loopback(w.port))
	}
	return o
}

// Client returns a client of the master, whichever that is, that is closed when tb ends.
func (s *SentinelServers) Client(tb testing.TB) *redis.Client {
	client := redis.NewFailoverClient(s.Options())
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Part keeps from the replica what the master is told from now on. It does not end.
func (s *SentinelServers) Part(tb testing.TB) {
	tb.Helper()
	master := s.master(tb)
	client := master.Client(tb)
	for _, args := range [][]any{{"acl", "setuser", "default", "-psync", "-sync"}, {"client", "kill", "type", "replica"}} {
		if err := client.Do(tb.Context(), args...).Err(); err != nil {
			tb.Fatal(err)
		}
	}
	s.await(tb, func(ctx context.Context) error {
		info, err := client.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(info, "connected_slaves:0\r\n") {
			err = fmt.Errorf("servers: the master still has its replica:\n%s", info)
		}
		return err
	})
}

// Fail kills the master, and returns when the other server is the master and all sentinels say so.
func (s *SentinelServers) Fail(tb testing.TB) (dead *RedisServer) {
	tb.Helper()
	dead = s.master(tb)
	dead.Kill()
	// A replica that has had no master for ten times as long, at its death, is not taken.
	s.set(tb, "down-after-milliseconds", 300, s.watchers)
	defer s.set(tb, "down-after-milliseconds", never, s.watchers)
	// The first one leads. Votes that are split between two would cost ten seconds.
	s.set(tb, "quorum", sentinels+1, s.watchers[1:])
	next := s.Nodes[1-slices.Index(s.Nodes, dead)]
	s.await(tb, func(ctx context.Context) error {
		for _, w := range s.watchers {
			if addr, err := w.master(ctx); err != nil || addr != next.Addr {
				return fmt.Errorf("servers: a sentinel's master is %s, not %s (%w)", addr, next.Addr, err)
			}
		}
		return nil
	})
	return dead
}

func (s *SentinelServers) master(tb testing.TB) *RedisServer {
	tb.Helper()
	return s.Nodes[slices.IndexFunc(s.Nodes, func(node *RedisServer) bool { return node.Master(tb) == 0 })]
}

func (s *SentinelServers) set(tb testing.TB, option string, value int, of []*watcher) {
	tb.Helper()
	for _, w := range of {
		if err := w.client.Do(context.Background(), "sentinel", "set", masterName, option, value).Err(); err != nil {
			tb.Error(err)
		}
	}
}

// AwaitReplica waits until a server that was started again follows the other one.
func (s *SentinelServers) AwaitReplica(tb testing.TB, replica *RedisServer) {
	tb.Helper()
	n := slices.Index(s.Nodes, replica)
	s.await(tb, s.following(1-n, n))
}

func (s *SentinelServers) await(tb testing.TB, check func(context.Context) error) {
	tb.Helper()
	if err := until(check); err != nil {
		tb.Fatal(err)
	}
}

// following checks that one of the nodes has another's data.
func (s *SentinelServers) following(master, replica int) func(context.Context) error {
	return func(ctx context.Context) error {
		client := redis.NewClient(s.Nodes[replica].probeOptions())
		defer func() { _ = client.Close() }()
		info, err := client.Info(ctx, "replication").Result()
		if err != nil {
			return err
		}
		for _, want := range []string{"role:slave", fmt.Sprint("master_port:", s.Nodes[master].port), "master_link_status:up"} {
			if !strings.Contains(info, want+"\r\n") {
				return fmt.Errorf("servers: waiting for %s:\n%s", want, info)
			}
		}
		return nil
	}
}

// agreed checks that each sentinel knows of the replica and of the other sentinels.
func (s *SentinelServers) agreed(ctx context.Context) error {
	for _, w := range s.watchers {
		known, err := w.client.Do(ctx, "sentinel", "master", masterName).Result()
		if err != nil {
			return err
		}
		text := fmt.Sprint(known)
		for _, want := range []string{"flags:master ", "num-slaves:1 ", fmt.Sprintf("num-other-sentinels:%d ", sentinels-1)} {
			if !strings.Contains(text, want) {
				return fmt.Errorf("servers: a sentinel is not ready, waiting for %s: %s", want, text)
			}
		}
	}
	return nil
}

// watcher is one sentinel.
type watcher struct {
	port   int
	folder *folder
	proc   *process
	client *redis.Client
}

// watch starts a sentinel of a master, and stops it when tb ends.
func watch(tb testing.TB, master *RedisServer) *watcher {
	tb.Helper()
	var errs []error
	for range 3 {
		w, err := newWatcher(master)
		if err == nil {
			tb.Cleanup(w.close)
			return w
		}
		errs = append(errs, err)
	}
	tb.Fatal(errors.Join(errs...))
	return nil
}

func newWatcher(master *RedisServer) (*watcher, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	f, err := newFolder("sentinel", master.as)
	if err != nil {
		return nil, err
	}
	w := &watcher{port: port, folder: f}
	w.client = redis.NewClient(&redis.Options{Addr: loopback(port), MaxRetries: -1, DialerRetries: 1, PoolSize: 1})
	if err := w.start(master); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *watcher) start(master *RedisServer) error {
	config := w.folder.join("sentinel.conf")
	// A sentinel writes to its file what it learns.
	lines := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nsentinel monitor %s %s %d\nsentinel down-after-milliseconds %[3]s %[6]d\n"+
		"sentinel failover-timeout %[3]s 5000\n", w.port, w.folder.path, masterName, strings.ReplaceAll(master.Addr, ":", " "), quorum, never)
	if err := os.WriteFile(config, []byte(lines), 0o644); err != nil {
		return err
	}
	if err := master.as.give(w.folder.path); err != nil {
		return err
	}
	cmd := command{path: master.path, args: []string{config, "--sentinel"}, dir: w.folder.path, as: master.as, death: syscall.SIGKILL}
	var err error
	if w.proc, err = cmd.start(w.folder.join("log")); err != nil {
		return err
	}
	return w.proc.ready(w.answers)
}

// answers checks that it is our process that listens on the port, and quickens it.
func (w *watcher) answers(ctx context.Context) error {
	if err := listens(ctx, w.port); err != nil {
		return err
	}
	info, err := w.client.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("process_id:%d\r\n", w.proc.cmd.Process.Pid); !strings.Contains(info, want) {
		return fmt.Errorf("servers: %s is served by another process", loopback(w.port))
	}
	// Sentinels tell of themselves every two seconds, and look for replicas every ten.
	return w.client.Do(ctx, "sentinel", "debug", "info-period", 100, "ask-period", 100, "publish-period", 100).Err()
}

// master returns the address that the sentinel gives to clients.
func (w *watcher) master(ctx context.Context) (string, error) {
	parts, err := w.client.Do(ctx, "sentinel", "get-master-addr-by-name", masterName).StringSlice()
	if err != nil || len(parts) != 2 {
		return "", errors.Join(errors.New("servers: no answer of a sentinel"), err)
	}
	return net.JoinHostPort(parts[0], parts[1]), nil
}

func (w *watcher) close() {
	_ = w.client.Close()
	if w.proc != nil {
		w.proc.stop(syscall.SIGKILL)
	}
	w.folder.remove()
}
