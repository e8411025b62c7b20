package bench_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// BenchmarkWake is how long after another process's load has ended who waits for its claim has the value: the fill, the
// release, the push and a lookup. Who is not woken looks each 50 ms.
func BenchmarkWake(b *testing.B) {
	server := servers.Redis(b)
	var regions [2]*region.Region
	for i := range regions {
		store := server.Store(b)
		p, err := gormcache.New(gormcache.Config{
			Store: store, Namespace: "wake", Regions: map[string]region.Config{"default": {TTL: time.Hour}},
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = p.Close() })
		if regions[i], err = p.Region("default"); err != nil {
			b.Fatal(err)
		}
	}
	const load = 20 * time.Millisecond
	var delays []time.Duration
	n := 0
	for b.Loop() {
		n++
		key, began, ended := fmt.Sprint("key ", b.N, n), make(chan struct{}), make(chan time.Time, 1)
		go func() {
			_, _ = region.GetOrCreate(context.Background(), regions[0], key, func(context.Context) (string, error) {
				close(began)
				time.Sleep(load)
				ended <- time.Now()
				return "v", nil
			})
		}()
		<-began
		_, err := region.GetOrCreate(context.Background(), regions[1], key, func(context.Context) (string, error) {
			return "", fmt.Errorf("loaded twice")
		})
		if err != nil {
			b.Fatal(err)
		}
		delays = append(delays, time.Since(<-ended))
	}
	slices.Sort(delays)
	us := func(d time.Duration) float64 { return float64(d.Microseconds()) }
	b.ReportMetric(us(delays[len(delays)/2]), "us-median")
	b.ReportMetric(us(delays[len(delays)*99/100]), "us-p99")
}
