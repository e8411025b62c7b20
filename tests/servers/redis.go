package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

var (
	redisProgram  = program{name: "redis-server", debian: "redis-server", places: []string{"/usr/local/bin", "/opt/redis/bin"}}
	valkeyProgram = program{name: "valkey-server", debian: "valkey-server, of Debian 12 from its backports"}
)

// RedisServer is a redis-server or valkey-server process of one test. Its address stays the same when it is started
// again. The methods are for the test's own goroutine.
type RedisServer struct {
	// Addr is host:port.
	Addr string

	path   string
	args   []string
	env    []string
	port   int
	as     *account
	folder *folder
	proc   *process
}

// Redis starts a Redis without persistence and stops it when tb ends. Args are passed to the program,
// and override what is set here: Redis(t, "--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru").
func Redis(tb testing.TB, args ...string) *RedisServer {
	tb.Helper()
	return startRedis(tb, redisProgram, args, nil)
}

// Valkey is [Redis] with a Valkey in its place.
func Valkey(tb testing.TB, args ...string) *RedisServer {
	tb.Helper()
	return startRedis(tb, valkeyProgram, args, nil)
}

func startRedis(tb testing.TB, p program, args, env []string) *RedisServer {
	tb.Helper()
	path := p.find(tb)
	as, err := accountFor("redis", "valkey")
	if err != nil {
		tb.Fatal(err)
	}
	var errs []error
	// Another process may take the port first: then the server ends at once, and we draw again.
	for range 3 {
		s, err := newRedis(path, as, args, env)
		if err == nil {
			tb.Cleanup(s.close)
			return s
		}
		errs = append(errs, err)
	}
	tb.Fatal(errors.Join(errs...))
	return nil
}

func newRedis(path string, as *account, args, env []string) (*RedisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	f, err := newFolder("redis", as)
	if err != nil {
		return nil, err
	}
	s := &RedisServer{Addr: loopback(port), path: path, args: args, env: env, port: port, as: as, folder: f}
	if err := s.start(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *RedisServer) start() error {
	args := []string{
		"--bind", "127.0.0.1", "--port", fmt.Sprint(s.port), "--dir", s.folder.path,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "notice",
	}
	cmd := command{path: s.path, args: append(args, s.args...), env: s.env, dir: s.folder.path, as: s.as, death: syscall.SIGKILL}
	p, err := cmd.start(s.folder.join("log"))
	if err != nil {
		return err
	}
	s.proc = p
	client := redis.NewClient(s.probeOptions())
	defer func() { _ = client.Close() }()
	return p.ready(func(ctx context.Context) error { return s.answers(ctx, client) })
}

// answers checks that it is our process that listens on the port, and that its data is loaded.
func (s *RedisServer) answers(ctx context.Context, client *redis.Client) error {
	// A bare connection first: after a refused one, the client would wait a second before its next try.
	if err := listens(ctx, s.port); err != nil {
		return err
	}
	info, err := client.Info(ctx, "server", "persistence").Result()
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("process_id:%d\r\n", s.proc.cmd.Process.Pid); !strings.Contains(info, want) {
		return fmt.Errorf("servers: %s is served by another process", s.Addr)
	}
	if !strings.Contains(info, "loading:0\r\n") {
		return errors.New("servers: redis is loading its data")
	}
	return nil
}

func listens(ctx context.Context, port int) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", loopback(port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// probeOptions are a client's options for looking at a server that may not be there yet.
func (s *RedisServer) probeOptions() *redis.Options {
	o := s.Options()
	o.MaxRetries, o.DialerRetries, o.PoolSize = -1, 1, 1
	o.DialTimeout, o.ReadTimeout = time.Second, 5*time.Second
	return o
}

// Options returns options for a client of this server, to be changed at will.
func (s *RedisServer) Options() *redis.Options { return &redis.Options{Addr: s.Addr} }

// Client returns a client that is closed when tb ends. Each of change may alter its options first.
func (s *RedisServer) Client(tb testing.TB, change ...func(*redis.Options)) *redis.Client {
	o := s.Options()
	for _, f := range change {
		f(o)
	}
	client := redis.NewClient(o)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Store returns a store on this server, over a client that heeds contexts. It is closed when tb ends.
func (s *RedisServer) Store(tb testing.TB) *redisstore.Store {
	store := redisstore.New(s.Client(tb, func(o *redis.Options) { o.ContextTimeoutEnabled = true }))
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

// Pid returns the number of the process.
func (s *RedisServer) Pid() int { return s.proc.cmd.Process.Pid }

// Master returns the port of the server's master, 0 if it is one itself.
func (s *RedisServer) Master(tb testing.TB) int {
	tb.Helper()
	client := redis.NewClient(s.probeOptions())
	defer func() { _ = client.Close() }()
	info, err := client.Info(context.Background(), "replication").Result()
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if port, ok := strings.CutPrefix(line, "master_port:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(port))
			if err != nil {
				tb.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// Stop ends the server in order. What it held is lost, except for a [RedisServer.Snapshot].
func (s *RedisServer) Stop() { s.proc.stop(syscall.SIGTERM) }

// Kill ends the server at once, as a crash does.
func (s *RedisServer) Kill() { s.proc.stop(syscall.SIGKILL) }

// Start starts the server again after Stop or Kill: with the data of the last Snapshot, or empty.
func (s *RedisServer) Start(tb testing.TB) {
	tb.Helper()
	if s.proc.running() {
		tb.Fatal("servers: Start of a Redis that is running")
	}
	if err := s.start(); err != nil {
		tb.Fatal(err)
	}
}

// Pause stops the server's process as a hang does: connections stay open, nothing is answered.
func (s *RedisServer) Pause(tb testing.TB) {
	tb.Helper()
	if err := s.proc.signal(syscall.SIGSTOP); err != nil {
		tb.Fatal(err)
	}
}

// Resume ends a Pause.
func (s *RedisServer) Resume(tb testing.TB) {
	tb.Helper()
	if err := s.proc.signal(syscall.SIGCONT); err != nil {
		tb.Fatal(err)
	}
}

// Snapshot writes the data of this moment to disk. A later Start comes back with it: to lose the
// writes in between, Snapshot, write, Kill, Start; to lose none, Snapshot, Kill, Start.
func (s *RedisServer) Snapshot(tb testing.TB) {
	tb.Helper()
	client := redis.NewClient(s.probeOptions())
	defer func() { _ = client.Close() }()
	if err := client.Save(context.Background()).Err(); err != nil {
		tb.Fatal(err)
	}
}

// DropSnapshot deletes what Snapshot wrote, so that the next Start is an empty one.
func (s *RedisServer) DropSnapshot(tb testing.TB) {
	tb.Helper()
	if err := os.Remove(s.folder.join("dump.rdb")); err != nil && !errors.Is(err, os.ErrNotExist) {
		tb.Fatal(err)
	}
}

func (s *RedisServer) close() {
	if s.proc != nil {
		s.proc.stop(syscall.SIGKILL)
	}
	s.folder.remove()
}
