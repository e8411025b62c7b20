package soak_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

var soakTime = flag.Duration("soak.time", 3*time.Second, "how long to keep the load up")

const (
	processes  = 4
	goroutines = 64 // of each process
	samples    = 40 // that each process takes
	enough     = 12 // of them
)

// What counts as flat, from the second quarter of the time to the last: medians, since a sample may fall
// into a burst. A run of seconds shows what grows fast; a leak of a kilobyte in each hundredth read is above it
// within half an hour.
const (
	heapSlack      = 16 << 20 // bytes, and a tenth
	goroutineSlack = 16
	redisSlack     = 16 << 20 // bytes, and a tenth
)

func TestMain(m *testing.M) {
	if encoded := os.Getenv(planEnv); encoded != "" {
		if err := soaked(encoded); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(servers.Main(m))
}

func TestSoak(t *testing.T) {
	pg, rds := servers.Postgres(t), servers.Redis(t)
	plain := pg.Open(t)
	must(t, seed(plain))
	client := rds.Client(t)
	base := connections(t, client)

	var (
		all      sync.WaitGroup
		reports  [processes][]sample
		memory   []uint64
		finished = make(chan struct{})
	)
	for i := range processes {
		all.Go(func() { reports[i] = run(t, plan{DSN: pg.DSN, Redis: rds.Addr, Seed: uint64(i), Time: *soakTime}) })
	}
	go func() {
		defer close(finished)
		all.Wait()
	}()
	for tick := time.NewTicker(*soakTime / samples); ; {
		select {
		case <-tick.C:
			memory = append(memory, used(t, client))
			continue
		case <-finished:
			tick.Stop()
		}
		break
	}
	t.Log("\n" + table(reports, memory))
	for i, r := range reports {
		judge(t, i, r)
	}
	flat(t, "Redis's memory in bytes", memory, redisSlack)
	nothingLeft(t, plain, client, base)
	final(t, plain, plan{DSN: pg.DSN, Redis: rds.Addr})
}

var must = lab.Must

// run runs one process and returns its samples.
func run(t *testing.T, p plan) (all []sample) {
	encoded, err := json.Marshal(p)
	if err != nil {
		t.Error(err)
		return nil
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), planEnv+"="+string(encoded))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Errorf("process %d says %q", p.Seed, lines.Text())
			continue
		}
		all = append(all, s)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("process %d: %v", p.Seed, err)
	}
	return all
}

// judge looks at what one process told.
func judge(t *testing.T, process int, all []sample) {
	if len(all) == 0 {
		return // run has said why
	}
	var heap, routines []uint64
	for _, s := range all[:len(all)-1] {
		heap, routines = append(heap, s.Heap), append(routines, s.Goroutines)
	}
	flat(t, fmt.Sprintf("process %d's heap in bytes", process), heap, heapSlack)
	flat(t, fmt.Sprintf("process %d's goroutines", process), routines, goroutineSlack)
	last := all[len(all)-1]
	// The first reads are misses, so a short soak on a slow machine has few hits.
	if last.Hits == 0 || last.Reads > 10_000 && 2*last.Hits < last.Reads || last.Writes == 0 {
		t.Errorf("process %d: %d reads, %d hits and %d writes are no load", process, last.Reads, last.Hits, last.Writes)
	}
	if last.Errors > 0 || last.StoreErrors > 0 {
		t.Errorf("process %d: %d statements failed, and %d calls of the store", process, last.Errors, last.StoreErrors)
	}
}

// flat compares the second quarter of samples with the last one.
func flat(t *testing.T, what string, all []uint64, slack uint64) {
	t.Helper()
	n := len(all) / 4
	if n == 0 {
		t.Errorf("%s: only %d samples", what, len(all))
		return
	}
	early, late := middle(all[n:2*n]), middle(all[len(all)-n:])
	if limit := early + early/10 + slack; late > limit {
		t.Errorf("%s: %d after warming up, %d at the end, more than %d", what, early, late, limit)
	}
}

func middle(all []uint64) uint64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// table prints ten moments of each process.
func table(reports [processes][]sample, memory []uint64) string {
	var to strings.Builder
	fmt.Fprintf(&to, "%-8s %7s %9s %7s %9s %9s %10s %8s\n", "process", "s", "reads/s", "hit %", "writes/s", "heap MB", "goroutines", "pending")
	for i, all := range reports {
		var before sample
		for j := 0; j < len(all); j += max(1, len(all)/10) {
			s := all[min(j+max(1, len(all)/10), len(all))-1]
			d := max((s.At - before.At).Seconds(), 1e-9)
			fmt.Fprintf(&to, "%-8d %7.1f %9.0f %7.1f %9.0f %9.1f %10d %8d\n", i, s.At.Seconds(), float64(s.Reads-before.Reads)/d,
				100*float64(s.Hits-before.Hits)/float64(max(s.Reads-before.Reads, 1)), float64(s.Writes-before.Writes)/d,
				float64(s.Heap)/(1<<20), s.Goroutines, s.Pending)
			before = s
		}
	}
	if n := len(memory); n > 0 {
		fmt.Fprintf(&to, "Redis: %.1f MB, %.1f MB at a quarter, %.1f MB at the end\n",
			float64(memory[0])/(1<<20), float64(memory[n/4])/(1<<20), float64(memory[n-1])/(1<<20))
	}
	return to.String()
}

// used is Redis's memory.
func used(t *testing.T, client *redis.Client) uint64 {
	info, err := client.InfoMap(t.Context(), "memory").Result()
	if err != nil {
		t.Error(err)
		return 0
	}
	var n uint64
	_, _ = fmt.Sscan(info["Memory"]["used_memory"], &n)
	return n
}

func connections(t *testing.T, client *redis.Client) int {
	list, err := client.ClientList(t.Context()).Result()
	must(t, err)
	return strings.Count(list, "\n")
}

// nothingLeft looks at both servers. They notice the end of a connection a moment after its client.
func nothingLeft(t *testing.T, plain *gorm.DB, client *redis.Client, base int) {
	var sessions int64
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		must(t, plain.Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&sessions).Error)
		if sessions == 0 && connections(t, client) <= base {
			return
		}
	}
	t.Errorf("%d sessions of PostgreSQL are left, and %d connections of Redis where %d were", sessions, connections(t, client), base)
}

// final reads everything once more, through the cache and not: no mark is left, and nothing is old.
func final(t *testing.T, plain *gorm.DB, p plan) {
	var reason observe.Read
	w, err := newWorker(p, &observe.Hooks{Read: func(_ context.Context, r observe.Read) { reason = r }})
	must(t, err)
	defer func() { must(t, w.close()) }()
	must(t, warm(w))
	for id := range uint(rows) {
		for kind := range queries {
			cached, err := queries[kind](w.db.Clauses(fromcache.Region(gormcache.DefaultRegion)), id+1)
			must(t, err)
			if reason.Outcome == observe.Bypass {
				t.Fatalf("query %d: bypassed: %s %s", kind, reason.Reason, reason.Detail)
			}
			direct, err := queries[kind](plain, id+1)
			must(t, err)
			if !reflect.DeepEqual(cached, direct) {
				t.Fatalf("query %d of %d: the cache says %v, the database %v", kind, id+1, cached, direct)
			}
		}
	}
}
