//go:build linux

package hunt_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// fault is a kind of failure, and how it is made.
type fault struct {
	name    string
	plan    plan          // what differs from the usual plan
	redis   []string      // arguments of the server
	cluster bool          // Redis is a Cluster
	clock   bool          // Redis has a clock of its own
	proxy   bool          // between processes and Redis
	pgcut   bool          // a proxy between processes and PostgreSQL
	slow    bool          // COMMIT takes a while on the server
	jump    time.Duration // how far from the machine's time a clock jumps, either way
	run     func(*hunt)

	memcached int      // how many: the store is in these
	args      []string // of each memcached
	deploys   [2]int   // of a migration from Redis to memcached: those that run side by side
}

// deploy is that of one process; 0: there is no migration.
func (f fault) deploy(process int) int { return f.deploys[process%2] }

const failWrite = invalidate.FailWrite

// faults are the kinds, each with a schedule of its own. Budgets are those of production where the
// store is at fault, and wide elsewhere.
var faults = []fault{
	{name: "none"},
	{name: "kill a writer at each step", plan: plan{Grace: time.Second, Write: time.Second}, run: killWriters},
	{name: "pause a process", run: pauseProcesses},
	{name: "pause Redis, short", plan: tight(0), run: func(h *hunt) { h.pauseRedis(5, 40, 100) }},
	{name: "pause Redis, long", plan: tight(0), run: func(h *hunt) { h.pauseRedis(200, 500, recovery) }},
	{name: "pause Redis, long, FailWrite", plan: tight(failWrite), run: func(h *hunt) { h.pauseRedis(200, 500, recovery) }},
	{name: "restart Redis empty", plan: lossy(), run: restartRedis},
	{name: "FLUSHALL", plan: lossy(), run: func(h *hunt) { h.command(500, "FLUSHALL") }},
	{name: "SCRIPT FLUSH", run: func(h *hunt) { h.command(200, "SCRIPT", "FLUSH") }},
	{name: "CLIENT KILL", run: func(h *hunt) { h.command(500, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }},
	{name: "allkeys-lru", plan: lossy(), redis: maxmemory("allkeys-lru"), run: crowd},
	{name: "allkeys-random", plan: lossy(), redis: maxmemory("allkeys-random"), run: crowd},
	{name: "noeviction", redis: maxmemory("noeviction"), run: fillUp},
	{name: "delay to Redis", plan: tight(0), proxy: true, run: delay},
	{name: "delay to Redis, FailWrite", plan: tight(failWrite), proxy: true, run: delay},
	{name: "cut from Redis", plan: tight(0), proxy: true, run: cut},
	{name: "cut from Redis, FailWrite", plan: tight(failWrite), proxy: true, run: cut},
	{name: "cancelled contexts", plan: plan{Cancel: true, WritesFail: true, Grace: doubt * time.Millisecond, Write: time.Second}, slow: true, run: bursts},
	{name: "cut from the database", plan: plan{ReadsFail: true, WritesFail: true, Grace: doubt * time.Millisecond, Write: time.Second}, pgcut: true, slow: true, run: cutDatabase},
	{name: "none, MariaDB", plan: plan{MariaDB: true}},
	{name: "kill a writer, MariaDB", plan: plan{MariaDB: true, Grace: time.Second, Write: time.Second}, run: killWriters},
	{name: "Cluster node killed", plan: clustered(), cluster: true, run: failOver},
	{name: "Redis's clock jumps", clock: true, jump: 10 * time.Second, plan: plan{Jumps: 20 * time.Second}},
	{name: "Redis's clock jumps, kills", clock: true, jump: 500 * time.Millisecond,
		plan: plan{Grace: 2 * time.Second, Write: time.Second, Jumps: time.Second}, run: killWriters},
	{name: "processes' clocks jump", jump: 50 * time.Minute, plan: plan{Skew: true}},
	{name: "memcached", memcached: 1},
	{name: "two memcached", memcached: 2},
	{name: "kill a writer, memcached", memcached: 2, plan: plan{Grace: time.Second, Write: time.Second, Late: 2 * time.Second}, run: killWriters},
	{name: "pause a process, memcached", memcached: 2, run: pauseProcesses},
	{name: "memcached restarts", memcached: 2, plan: lossy(), run: restartMemcached},
	{name: "memcached hangs", memcached: 2, plan: tight(0), run: pauseMemcached},
	{name: "memcached hangs, FailWrite", memcached: 2, plan: tight(failWrite), run: pauseMemcached},
	{name: "flush_all", memcached: 2, plan: lossy(), run: flushMemcached},
	{name: "memcached evicts", memcached: 1, args: []string{"-m", "2", "-I", "512k"}, plan: lossy(), run: crowdMemcached},
	{name: "deploys 0 and 1", memcached: 1, deploys: [2]int{1, 2}},
	{name: "deploys 1 and 2", memcached: 1, deploys: [2]int{2, 3}},
	{name: "deploys 1 and 3", memcached: 1, deploys: [2]int{2, 4}},
	{name: "deploys 2 and 3", memcached: 1, deploys: [2]int{3, 4}},
	{name: "deploys 3 and 4", memcached: 1, deploys: [2]int{4, 5}},
	{name: "deploys 1 and 2, kills", memcached: 1, deploys: [2]int{2, 3},
		plan: plan{Grace: time.Second, Write: time.Second, Late: 2 * time.Second}, run: killWriters},
}

// tight are budgets as in production.
func tight(policy invalidate.Policy) plan {
	return plan{Policy: policy, Read: 50 * time.Millisecond, Write: 150 * time.Millisecond}
}

// recovery is how long, in ms, a store's failure has consequences: what waits in the queue lands, marks
// that were given up and land late are swept.
const recovery = 1000

// doubt is how long, in ms, marks stay where the outcome of a COMMIT is in doubt: short, so that there is
// time between the faults, and longer than a busy machine holds a writer up.
const doubt = 2000

func lossy() plan { return plan{MarksLost: true} }

// clustered is for a Cluster that loses what it has acknowledged, most of it from one process.
func clustered() plan {
	p := tight(0)
	p.MarksLost, p.Writers = true, 1
	return p
}

func maxmemory(policy string) []string {
	return []string{"--maxmemory", "5mb", "--maxmemory-policy", policy}
}

// killWriters arms two processes with the next two steps and waits until both are dead; what they
// leave behind has a write grace to run out.
func killWriters(h *hunt) {
	step := uint32(h.rand.IntN(lastStep-1)) + 1
	for h.rest(50, 150) {
		deaths := h.board.deaths.Load()
		for _, i := range h.rand.Perm(processes)[:2] {
			h.board.armed[i].Store(step)
			step = step%(lastStep-1) + 1
		}
		for h.board.deaths.Load() < deaths+2 && h.rest(5, 6) {
		}
		// Their marks run out, and then all is calm for a moment.
		for h.calm() < 200*time.Millisecond && h.rest(10, 20) {
		}
	}
	for i := range h.board.armed {
		h.board.armed[i].Store(stepNone)
	}
}

func pauseProcesses(h *hunt) {
	for h.rest(50, 150) {
		i := h.rand.IntN(processes)
		h.signal(i, syscall.SIGSTOP)
		h.during(0, func() { h.rest(20, 300) })
		h.signal(i, syscall.SIGCONT)
	}
}

func (h *hunt) pauseRedis(from, to, recovery int) {
	for h.rest(recovery+100, 2*recovery+100) {
		h.during(recovery, func() {
			h.redis.Pause(h.t)
			h.rest(from, to)
			h.redis.Resume(h.t)
		})
	}
}

func restartRedis(h *hunt) {
	for h.rest(300, 900) {
		h.during(400, func() {
			h.redis.Kill()
			h.rest(1, 100)
			h.redis.Start(h.t)
		})
	}
}

// command sends a command again and again: every so many reads, since on a slow machine it would
// otherwise leave no time for hits.
func (h *hunt) command(every int, args ...any) {
	client := h.redis.Client(h.t)
	for h.reads(every/2, every) {
		if err := client.Do(context.Background(), args...).Err(); err != nil {
			h.t.Errorf("%v: %v", args, err)
		}
	}
}

// reads lets the processes work for some reads, and reports false when the hunt is over.
func (h *hunt) reads(from, to int) bool {
	for end := h.total().reads + uint64(from+h.rand.IntN(to-from)); h.total().reads < end; {
		if !h.rest(1, 2) {
			return false
		}
	}
	return true
}

// crowd keeps the server full of what nobody reads, so that it always evicts.
func crowd(h *hunt) {
	client := h.redis.Client(h.t)
	junk := make([]byte, 4096)
	n := 0
	crowd := func() {
		n++
		_ = client.Set(context.Background(), fmt.Sprint("junk:", n), junk, 0).Err()
	}
	for n < 5<<20/len(junk) {
		crowd()
	}
	for h.reads(20, 60) {
		crowd()
	}
	if info := client.Info(context.Background(), "stats").Val(); strings.Contains(info, "evicted_keys:0\r") {
		h.t.Error("nothing was evicted")
	}
}

// fillUp fills the server until it refuses, and makes room again.
func fillUp(h *hunt) {
	client := h.redis.Client(h.t)
	junk := make([]byte, 64<<10)
	for h.rest(200, 400) {
		h.during(100, func() {
			n := 0
			for ; n < 200 && client.Set(context.Background(), fmt.Sprint("junk:", n), junk, 0).Err() == nil; n++ {
			}
			h.rest(100, 300)
			for ; n >= 0; n-- {
				_ = client.Unlink(context.Background(), fmt.Sprint("junk:", n)).Err()
			}
		})
	}
}

// delay makes one process's way to Redis longer than the budget of a read; sometimes of a write, too.
func delay(h *hunt) {
	for h.rest(recovery+300, recovery+500) {
		p := h.proxies[h.rand.IntN(processes)]
		h.during(recovery, func() {
			p.setDelay(time.Duration(30+h.rand.IntN(100)) * time.Millisecond)
			h.rest(200, 500)
			p.setDelay(0)
		})
	}
}

func cut(h *hunt) {
	for h.rest(recovery+300, recovery+500) {
		p := h.proxies[h.rand.IntN(processes)]
		h.during(recovery, func() {
			p.setCut(true)
			h.rest(20, 400)
			p.setCut(false)
		})
	}
}

// bursts lets contexts end early for a while.
func bursts(h *hunt) {
	for h.rest(doubt+500, doubt+3000) {
		h.during(doubt+100, func() {
			h.board.burst.Store(true)
			h.rest(200, 400)
			h.board.burst.Store(false)
		})
	}
}

// cutDatabase cuts one process's connections to PostgreSQL, some of them in the middle of a COMMIT.
func cutDatabase(h *hunt) {
	for h.rest(doubt+500, doubt+3000) {
		p := h.proxies[h.rand.IntN(processes)]
		h.during(doubt+100, func() {
			for range 4 + h.rand.IntN(5) {
				p.setCut(true)
				p.setCut(false)
				h.rest(5, 40)
			}
		})
	}
}

// failOver kills a node that serves keys, and brings it back as its replica's replica. Sometimes the
// replica has not got what the master acknowledged last, and the writer, whose next tokens would cover
// that up, sleeps until the others have hits again.
func failOver(h *hunt) {
	for h.rest(1000, 3000) || h.failovers == 0 {
		h.during(1000, func() {
			masters := h.cluster.Masters(h.t)
			dead := masters[h.rand.IntN(len(masters))]
			if h.rand.IntN(2) == 0 || h.plan.Tooth != "" {
				dead = h.cluster.Serving(h.t, store.Namespace(namespace).Table("cells"))
				h.leaveBehind(dead)
			}
			dead.Kill()
			h.cluster.AwaitFailover(h.t, dead)
			h.awaitHits()
			h.signal(0, syscall.SIGCONT)
			dead.Start(h.t)
			h.cluster.AwaitWhole(h.t)
		})
		h.failovers++
	}
}

// leaveBehind ends the replication to a master's replica, and lets it acknowledge some writes after that.
func (h *hunt) leaveBehind(master *servers.RedisServer) {
	replica := h.cluster.ReplicaOf(h.t, master)
	replica.Pause(h.t)
	if err := master.Client(h.t).Do(context.Background(), "CLIENT", "KILL", "TYPE", "replica").Err(); err != nil {
		h.t.Error(err)
	}
	h.rest(50, 300)
	h.signal(0, syscall.SIGSTOP)
	master.Kill()
	replica.Resume(h.t)
}

// awaitHits lets the processes work until some reads are hits, or, where marks have stayed, a while.
func (h *hunt) awaitHits() {
	const some, while = 200, 3 * time.Second
	before := h.total().hits
	for end := time.Now().Add(while); h.total().hits < before+some && time.Now().Before(end); {
		h.rest(5, 10)
	}
}

// hop lets the clocks jump, if that is some time and some reads ago.
func (h *hunt) hop() {
	const pause, some = 50 * time.Millisecond, 200
	if h.fault.jump == 0 || time.Since(h.hopped.at) < pause || h.total().reads < h.hopped.reads+some {
		return
	}
	h.hopped.at, h.hopped.reads = time.Now(), h.total().reads
	to := func() time.Duration { return time.Duration(h.rand.Int64N(2*int64(h.fault.jump))) - h.fault.jump }
	if h.clock != nil {
		h.clock.Set(h.t, to())
		return
	}
	h.board.skew[h.rand.IntN(processes)].Store(int64(to()))
}

// cache is one of the fault's memcached.
func (h *hunt) cache() *servers.MemcachedServer { return h.caches[h.rand.IntN(len(h.caches))] }

func restartMemcached(h *hunt) {
	for h.rest(300, 900) {
		cache := h.cache()
		h.during(400, func() {
			cache.Kill()
			h.rest(1, 100)
			cache.Start(h.t)
		})
	}
}

func pauseMemcached(h *hunt) {
	for h.rest(2*recovery, 3*recovery) {
		cache := h.cache()
		h.during(2*recovery, func() {
			cache.Pause(h.t)
			h.rest(200, 500)
			cache.Resume(h.t)
		})
	}
}

func flushMemcached(h *hunt) {
	clients := h.clients()
	for h.reads(250, 500) {
		if err := clients[h.rand.IntN(len(clients))].FlushAll(); err != nil {
			h.t.Errorf("flush_all: %v", err)
		}
	}
}

// clients are of the fault's memcached, one each.
func (h *hunt) clients() (all []*memcache.Client) {
	for _, cache := range h.caches {
		client := memcache.New(cache.Addr)
		client.Timeout = 10 * time.Second
		h.t.Cleanup(func() { _ = client.Close() })
		all = append(all, client)
	}
	return all
}

// crowdMemcached keeps the server full of what nobody reads, in slabs of all sizes: each size evicts for itself.
func crowdMemcached(h *hunt) {
	client := h.clients()[0]
	n := 0
	crowd := func() {
		n++
		junk := make([]byte, 16<<(n%8))
		_ = client.Set(&memcache.Item{Key: fmt.Sprint("junk:", n), Value: junk})
	}
	for n < 20_000 {
		crowd()
	}
	var first []string
	for i := 1; i <= 5000; i++ {
		first = append(first, fmt.Sprint("junk:", i))
	}
	if left, err := client.GetMulti(first); err != nil || len(left) == len(first) {
		h.t.Errorf("nothing was evicted: %v", err)
	}
	for h.reads(2, 4) {
		for range 40 {
			crowd()
		}
	}
}
