//go:build linux

package hunt_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

var (
	huntTime  = flag.Duration("hunt.time", 0, "how long to hunt under each fault, at least; 0: 3 s, with -short 2 s")
	huntReads = flag.Uint64("hunt.reads", 0, "how many reads through the cache to see under each fault, at least")
	huntSeed  = flag.Uint64("hunt.seed", 1, "seed of the schedules")
	huntOther = flag.String("hunt.other", "", "this test's binary, built of another version of the library: every second process runs it")
)

func TestMain(m *testing.M) {
	if encoded := os.Getenv(planEnv); encoded != "" {
		if err := hunted(encoded); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(servers.Main(m))
}

// hunt is the coordinator's side of one fault.
type hunt struct {
	t       *testing.T
	fault   fault
	plan    plan
	rand    *rand.Rand
	board   *board
	redis   *servers.RedisServer
	cluster *servers.RedisClusterServers
	caches  []*servers.MemcachedServer
	clock   *servers.Clock
	proxies []*proxy
	began   time.Time
	hopped  struct { // when a clock has jumped last
		at    time.Time
		reads uint64
	}
	found     string // the first violation
	failovers int

	mu       sync.Mutex
	stopping bool
	procs    [processes]*os.Process
	ended    sync.WaitGroup
	output   bytes.Buffer
}

func newHunt(t *testing.T, f fault) *hunt {
	h := &hunt{t: t, fault: f, plan: f.plan, rand: rand.New(rand.NewPCG(*huntSeed, 0))}
	h.plan.Board = filepath.Join(t.TempDir(), "board")
	h.plan.Seed = *huntSeed
	setDefault(&h.plan.Grace, 30*time.Second)
	setDefault(&h.plan.Read, time.Second)
	setDefault(&h.plan.Write, 10*time.Second)
	h.plan.Pause = 20
	if f.slow {
		h.plan.Pause = 40
	}
	var err error
	if h.board, err = openBoard(h.plan.Board); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.board.close() })
	database := servers.Postgres
	if f.plan.MariaDB {
		database = servers.MariaDB
	}
	db := database(t)
	h.plan.DSN = db.DSN
	h.serve()
	plain := h.plain()
	if err := schema(plain, f.slow); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.stop)
	for i := range processes {
		p := h.plan
		p.Process, p.ByPolicy = i, i == processes-1
		p.Deploy = f.deploy(i)
		if f.proxy {
			h.proxies = append(h.proxies, newProxy(t, h.redis.Addr))
			p.Redis = h.proxies[i].addr
		}
		if f.pgcut {
			h.proxies = append(h.proxies, newProxy(t, db.Addr))
			p.DSN = strings.Replace(db.DSN, portOf(db.Addr), portOf(h.proxies[i].addr), 1)
		}
		h.ended.Add(1)
		go h.keepAlive(p)
	}
	for h.board.ready.Load() < processes {
		if t.Failed() {
			t.FailNow()
		}
		time.Sleep(2 * time.Millisecond)
	}
	h.began = time.Now()
	return h
}

// serve starts the fault's Redis or memcached; for a migration both.
func (h *hunt) serve() {
	var addrs []string
	for range h.fault.memcached {
		cache := servers.Memcached(h.t, h.fault.args...)
		h.caches, addrs = append(h.caches, cache), append(addrs, cache.Addr)
	}
	h.plan.Memcached = strings.Join(addrs, ",")
	switch {
	case h.fault.memcached > 0 && h.fault.deploys == [2]int{}:
		return
	case h.fault.cluster:
		h.cluster = servers.RedisCluster(h.t, h.fault.redis...)
		h.plan.Redis = strings.Join(h.cluster.Addrs(), ",")
		return
	case h.fault.clock:
		h.redis, h.clock = servers.RedisWithClock(h.t, h.fault.redis...)
	default:
		h.redis = servers.Redis(h.t, h.fault.redis...)
	}
	h.plan.Redis = h.redis.Addr
}

func portOf(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// plain opens a handle without the plugin.
func (h *hunt) plain() *gorm.DB {
	dialect, err := dialector(h.plan, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	// A foreign key would make a move wait for its cell's writers.
	db, err := gorm.Open(dialect, &gorm.Config{Logger: logger.Discard, DisableForeignKeyConstraintWhenMigrating: true})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	return db
}

// keepAlive runs a process, and another one in its place whenever it was killed.
func (h *hunt) keepAlive(p plan) {
	defer h.ended.Done()
	// The kernel kills a child with the thread that made it, so this thread must last as long.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for life := 0; ; life++ {
		p.Seed = *huntSeed + uint64(life)<<32
		encoded, _ := json.Marshal(p)
		program, err := program(p.Process)
		if err != nil {
			h.crashed(p.Process, err, "")
			return
		}
		var out bytes.Buffer
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), planEnv+"="+string(encoded))
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if !h.start(p.Process, cmd) {
			return
		}
		err = cmd.Wait()
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if status.Signaled() && status.Signal() == syscall.SIGKILL {
			continue
		}
		h.crashed(p.Process, err, out.String())
		return
	}
}

// program is what a process runs. Two versions of the library meet in one store while a program is being deployed.
func program(process int) (string, error) {
	if *huntOther != "" && process%2 == 1 {
		return *huntOther, nil
	}
	return os.Executable()
}

func (h *hunt) start(i int, cmd *exec.Cmd) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return false
	}
	if err := cmd.Start(); err != nil {
		h.t.Error(err)
		return false
	}
	h.procs[i] = cmd.Process
	return true
}

// crashed notes what a process said, and how it ended if that was not in order.
func (h *hunt) crashed(i int, err error, out string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.output.WriteString(out)
	if err != nil {
		h.t.Errorf("process %d: %v\n%s", i, err, out)
	}
}

func (h *hunt) signal(i int, s syscall.Signal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.procs[i] != nil {
		_ = h.procs[i].Signal(s)
	}
}

// rest lets the processes work for some ms, and reports false when the hunt is over.
func (h *hunt) rest(from, to int) bool {
	h.hop()
	time.Sleep(time.Duration(from+h.rand.IntN(to-from)) * time.Millisecond)
	return !h.over()
}

// over tells that the hunt has lasted long enough, and seen enough.
func (h *hunt) over() bool {
	took := time.Since(h.began)
	if h.board.broken.Load() > 0 && h.found == "" {
		h.found = h.board.shortest() // soon, since the board forgets
	}
	if h.plan.Tooth != "" {
		return h.board.broken.Load() > 0 || took > 2*time.Minute
	}
	s := h.total()
	return took > patience() && s.reads-s.direct >= *huntReads && (s.calm >= calm || took > 10*patience())
}

// during makes a fault, after which the processes need some ms to recover.
func (h *hunt) during(recovery int, fault func()) {
	const forever = int64(time.Hour)
	start := now()
	h.board.disturb(start + forever)
	h.board.record(entry{kind: eventFault, start: start, end: start, note: 1})
	fault()
	end := now()
	h.board.record(entry{kind: eventFault, start: end, end: end})
	h.board.window.Store(end + int64(recovery)*1e6)
}

// calm is how long no fault has lasted.
func (h *hunt) calm() time.Duration { return time.Duration(now() - h.board.window.Load()) }

// stop ends the processes, and waits for them.
func (h *hunt) stop() {
	h.board.stop.Store(true)
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	for i := range processes {
		h.signal(i, syscall.SIGCONT)
	}
	h.ended.Wait()
}

// hunt lets the fault happen until the hunt is over. With a tooth, that is when it is found.
func (h *hunt) hunt() {
	if h.fault.run != nil {
		h.fault.run(h)
	}
	for h.rest(5, 50) {
	}
	h.stop()
}

// final compares every query with the database when all is over.
func (h *hunt) final() {
	p := h.plan
	p.Deploy = h.fault.deploy(0)
	rdb, done := sharedStore(p)
	defer done()
	db, plugin, err := open(p, rdb, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() {
		if err := plugin.Close(); err != nil {
			h.t.Error(err)
		}
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	}()
	for q := range queries {
		for id := range uint(cells) {
			cached, err := ask(db.Clauses(scopes[q]...), q, id+1)
			if err != nil {
				h.t.Errorf("final: %v", err)
			}
			direct, err := ask(db, q, id+1)
			if err != nil {
				h.t.Errorf("final: %v", err)
			}
			if !reflect.DeepEqual(cached, direct) {
				h.t.Errorf("final: %s (%d): the cache says %v, the database %v", queryNames[q], id+1, cached, direct)
			}
		}
	}
}

// sums are the counts of all processes.
type sums struct {
	reads, hits, misses, bypasses, direct, calm, calmHits, commits, refused, queued, unknown uint64
}

func (h *hunt) total() (s sums) {
	for i := range h.board.counts {
		c := &h.board.counts[i]
		s.reads += c.reads.Load()
		s.hits += c.hits.Load()
		s.misses += c.misses.Load()
		s.bypasses += c.bypasses.Load()
		s.direct += c.direct.Load()
		s.calm += c.calm.Load()
		s.calmHits += c.calmHits.Load()
		s.commits += c.commits.Load()
		s.refused += c.refused.Load()
		s.queued += c.queued.Load()
		s.unknown += c.unknown.Load()
	}
	return s
}

func share(n, of uint64) float64 { return 100 * float64(n) / float64(max(of, 1)) }

const (
	head = "%-30s %8s %8s %6s %6s %8s %7s %7s %7s %7s %6s %10s %6s\n"
	line = "%-30s %8d %8d %5.0f%% %5.0f%% %8d %7d %7d %7d %7d %6d %10d %6.1f\n"
	calm = 1000 // reads by which to tell the share of hits while all is calm
)

// wanted is that share in percent. Few reads find a cache that is still cold to some queries.
func wanted(reads uint64) float64 {
	if reads < 5*calm {
		return 40
	}
	return 50
}

// patience is how long to hunt under each fault.
func patience() time.Duration {
	switch {
	case *huntTime > 0:
		return *huntTime
	case testing.Short():
		return 2 * time.Second
	}
	return 3 * time.Second
}

func TestHunt(t *testing.T) {
	var table strings.Builder
	names := fmt.Sprintf(head, "fault", "reads", "hits", "share", "calm", "bypasses", "commits", "queued", "refused", "unknown", "deaths", "violations", "s")
	table.WriteString(names)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			h := newHunt(t, f)
			h.hunt()
			s := h.total()
			violations := h.board.broken.Load()
			row := fmt.Sprintf(line, f.name, s.reads-s.direct, s.hits, share(s.hits, s.reads-s.direct), share(s.calmHits, s.calm), s.bypasses,
				s.commits, s.queued, s.refused, s.unknown, h.board.deaths.Load(), violations, time.Since(h.began).Seconds())
			table.WriteString(row)
			t.Logf("\n%s%s", names, row)
			h.judge(s, violations)
		})
	}
	t.Log("\n" + table.String())
}

func (h *hunt) judge(s sums, violations uint64) {
	overruns := h.board.overruns.Load()
	switch {
	case violations > 0 && overruns > 0:
		h.t.Logf("%d violations, not counted: %d writers were held up for longer than the write grace:%s", violations, overruns, cmp.Or(h.found, h.board.shortest()))
	case violations > 0:
		h.t.Errorf("%d violations, seed %d; the first, with times relative to it:%s\n%s", violations, *huntSeed, cmp.Or(h.found, h.board.shortest()), h.output.String())
	}
	if s.commits == 0 {
		h.t.Error("nothing was committed")
	}
	if s.calm < calm {
		h.t.Errorf("only %d reads while all was calm", s.calm)
	}
	if share(s.calmHits, s.calm) < wanted(s.calm) {
		h.t.Errorf("%.0f %% of %d reads were hits while all was calm, want %.0f %%", share(s.calmHits, s.calm), s.calm, wanted(s.calm))
	}
	if !h.plan.MarksLost && h.board.unmarked.Load() == 0 && overruns == 0 {
		h.t.Logf("%d accesses are linearizable", h.linear())
	}
	h.final()
}
