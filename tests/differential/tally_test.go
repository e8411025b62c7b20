package differential_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// tally counts what a test has done.
type tally struct {
	began         time.Time
	programs      int
	reads         int // compared; each was asked once without and twice through the cache
	writes        int
	failed        int // writes that the database refused
	ends          int // transactions that were ended
	unstable      int
	hits, misses  uint64
	bypasses      uint64
	bypassed      map[observe.Reason]uint64
	invalidations uint64
	fills         uint64
	refused       map[string]int
}

func newTally() *tally {
	return &tally{began: time.Now(), bypassed: map[observe.Reason]uint64{}, refused: map[string]int{}}
}

// operations is what -differential.ops counts.
func (c *tally) operations() int { return c.reads + c.writes + c.ends }

// plugin adds one plugin's counters.
func (c *tally) plugin(s observe.Stats) {
	c.hits += s.Hits
	c.misses += s.Misses
	c.bypasses += s.Bypasses
	c.fills += s.Fills
	c.invalidations += s.Invalidations
	for reason, n := range s.Bypassed {
		c.bypassed[reason] += n
	}
}

// share is that of hits among all reads through the cache.
func (c *tally) share() float64 {
	return float64(c.hits) / float64(max(1, c.hits+c.misses+c.bypasses))
}

// wrote notes how a write ended.
func (c *tally) wrote(err error) {
	c.writes++
	if err != nil {
		c.failed++
		c.refused[head(err.Error())]++
	}
}

// head is what errors of a kind have in common.
func head(s string) string {
	if len(s) > 60 {
		s = s[:60]
	}
	return s
}

func (c *tally) String() string {
	var b strings.Builder
	spent := time.Since(c.began)
	fmt.Fprintf(&b, "%d operations in %v (%.0f/s), %d programs: %d reads compared, %d writes (%d refused), %d transactions ended\n",
		c.operations(), spent.Round(time.Second/10), float64(c.operations())/spent.Seconds(), c.programs, c.reads, c.writes, c.failed, c.ends)
	fmt.Fprintf(&b, "through the cache: %d hits (%.1f %%), %d misses, %d bypasses, %d fills, %d invalidations, %d unstable\n",
		c.hits, 100*c.share(), c.misses, c.bypasses, c.fills, c.invalidations, c.unstable)
	b.WriteString("bypasses by reason:")
	for _, reason := range slices.Sorted(maps.Keys(c.bypassed)) {
		fmt.Fprintf(&b, " %s %d", reason, c.bypassed[reason])
	}
	return b.String()
}

// frequent lists the errors that came most often, to see whether the programs make sense.
func frequent(errors map[string]int, n int) string {
	texts := slices.SortedFunc(maps.Keys(errors), func(a, b string) int { return errors[b] - errors[a] })
	var b strings.Builder
	for _, text := range texts[:min(n, len(texts))] {
		fmt.Fprintf(&b, "\n  %d × %s", errors[text], text)
	}
	return b.String()
}
