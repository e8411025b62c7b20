package bench_test

import (
	"slices"
	"testing"
	"time"
)

// contender is one of several ways to do the same.
type contender struct {
	name string
	run  func()
}

// compare runs the contenders in turn, so that all meet the same moments of a busy machine, and each turn begins with
// another one. It prints the median time of each, how many allocations it makes, and how often the time of each other one
// goes into the first's: a ratio above 1 says that the first is slower. Before each turn prepare, if there is one, runs
// uncounted. A turn has so many runs of each: several where one is too short for the clock.
func compare(b *testing.B, runs int, prepare func(), all ...contender) {
	b.Helper()
	if prepare == nil {
		prepare = func() {}
	}
	prepare()
	for _, c := range all {
		c.run()
	}
	spent := make([][]time.Duration, len(all))
	first := 0
	for b.Loop() {
		first++
		prepare()
		for n := range all {
			at := (first + n) % len(all)
			began := time.Now()
			for range runs {
				all[at].run()
			}
			spent[at] = append(spent[at], time.Since(began))
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of all says nothing
	ns := make([]float64, len(all))
	for at, c := range all {
		slices.Sort(spent[at])
		ns[at] = float64(spent[at][len(spent[at])/2]) / float64(runs)
		b.ReportMetric(ns[at], "ns/"+c.name)
		if at > 0 {
			b.ReportMetric(ns[0]/ns[at], all[0].name+"/"+c.name)
		}
	}
	for _, c := range all {
		b.ReportMetric(testing.AllocsPerRun(20, func() { prepare(); c.run() })-testing.AllocsPerRun(20, prepare), "allocs/"+c.name)
	}
}
