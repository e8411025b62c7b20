package bench_test

import (
	"testing"
	"time"

	"github.com/bsm/redislock"

	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// BenchmarkLock takes a lock and releases it, and does the same with redislock on the same server, in turn, so that both meet
// the same moments of a busy machine. It prints the time of each and their ratio. redislock takes no fence, renews nothing and
// wakes nobody.
func BenchmarkLock(b *testing.B) {
	r := servers.Redis(b)
	locks, err := lock.New(r.Store(b), "bench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = locks.Close() })
	theirs := redislock.New(r.Client(b))
	ctx := b.Context()
	ours := func() {
		l, err := locks.TryAcquire(ctx, "nightly")
		if err == nil {
			err = l.Release(ctx)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	other := func() {
		l, err := theirs.Obtain(ctx, "redislock:nightly", 30*time.Second, nil)
		if err == nil {
			err = l.Release(ctx)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	ours()
	other()
	var spent, spentThere time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		ours()
		between := time.Now()
		other()
		spent += between.Sub(began)
		spentThere += time.Since(between)
	}
	n := float64(b.N)
	b.ReportMetric(float64(spent.Microseconds())/n, "µs/lock")
	b.ReportMetric(float64(spentThere.Microseconds())/n, "µs/redislock")
	b.ReportMetric(float64(spent)/float64(spentThere), "ratio")
}
