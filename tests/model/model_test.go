// Package model_test runs the model of the freshness protocol, and the mutants that it must find.
package model_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

var long = flag.Bool("long", false, "also run the larger variants: minutes and gigabytes")

// requireEnv turns a missing program from a skip into a failure, as for the servers of other tests.
const requireEnv = "GORMCACHE_REQUIRE_SERVERS"

// What a variant must give. The promise's letter is that no read is older than a commit that returned
// before it began; the whole is that none is older than what others may have seen.
const (
	holds    = "holds"
	returned = "violated: returned" // even the letter is broken
	seen     = "violated: seen"     // at least the whole is
)

type variant struct {
	name  string
	flags string // -D settings of the model
	want  string
	long  bool
	model string // freshness.pml if empty
}

const (
	small  = " -DEVICTION=0 -DERRORS=0"
	faults = " -DFAULTS=1" + small
	shared = " -DFLIGHTS=1 -DANY_MODE=1 -DPROCESS_OF_READER_1=0" + small
	refuse = " -DFAIL_WRITE=1" + faults
	apart  = " -DTAGS=2 -DTAGS_0=2 -DTAGS_1=1 -DEVICTION=0"
	// The reader that hits lives beside writer 0 and its queue, the one that fills elsewhere.
	beside = " -DDEATH=0 -DPROCESS_OF_READER_0=1 -DPROCESS_OF_READER_1=0" + faults
	// Both writers, and the reader that hits, beside one queue; the reader that fills is elsewhere.
	together = " -DDEATH=0 -DPROCESS_OF_WRITER_1=0 -DPROCESS_OF_READER_0=1 -DPROCESS_OF_READER_1=0" + faults
)

var variants = []variant{
	{name: "as built: death, errors of COMMIT, eviction", want: holds},
	{name: "as built: a settling sent again", flags: "-DRESEND=1" + small, want: holds},
	{name: "as built: a replica that lags", flags: "-DREPLICA=1" + small, want: holds},
	{name: "as built: writes outside GORM, invalidated by hand", flags: "-DBY_HAND=1" + small, want: holds},
	{name: "as built: a foreign transaction, the store works", flags: "-DFOREIGN=1" + small, want: holds},
	{name: "as built: shared loads", flags: shared, want: holds},
	{name: "as built: the store fails, AllowStale", flags: "-DDEATH=0" + faults, want: holds},
	{name: "as built: the store fails, FailWrite", flags: refuse, want: holds},
	{name: "as built: two tags, a writer each", flags: "-DDEATH=0 -DERRORS=0" + apart, want: holds},

	{name: "as built: a settling sent again, eviction", flags: "-DRESEND=1", want: holds, long: true},
	{name: "as built: a replica that lags, eviction", flags: "-DREPLICA=1", want: holds, long: true},
	{name: "as built: renewals by hand at any time", flags: "-DRENEWALS=1", want: holds, long: true},
	{name: "as built: writes outside GORM, eviction", flags: "-DBY_HAND=1", want: holds, long: true},
	{name: "as built: the store fails, AllowStale, death", flags: faults, want: holds, long: true},
	{name: "as built: the store fails, both writers in one process", flags: together, want: holds, long: true},
	{name: "as built: two tags, a writer each, death", flags: apart, want: holds, long: true},
	{name: "as built: two tags, both writers on both", flags: "-DTAGS=2 -DDEATH=0" + small, want: holds, long: true},
	{name: "as built: readers of any mode", flags: "-DANY_MODE=1" + small, want: holds, long: true},

	{name: "rule: writers mark", flags: "-DMUTANT=1", want: seen},
	{name: "rule: settling leaves other writers' marks", flags: "-DMUTANT=2", want: seen},
	{name: "rule: settling changes the token", flags: "-DMUTANT=3 -DONLY_RETURNED", want: returned},
	{name: "rule: tokens are random, not counters", flags: "-DMUTANT=4 -DONLY_RETURNED", want: returned},
	{name: "rule: tokens are read before the load", flags: "-DMUTANT=5 -DONLY_RETURNED", want: returned},
	{name: "spare rule: no fill under a mark", flags: "-DMUTANT=6" + small, want: holds},
	{name: "rule: no hit under a mark", flags: "-DMUTANT=7", want: seen},
	{name: "rule: loads are shared by equal tokens only", flags: "-DMUTANT=8 -DONLY_RETURNED" + shared, want: returned},
	{name: "rule: loads under a mark are not shared", flags: "-DMUTANT=9" + shared, want: seen},
	{name: "rule: a mark that runs out changes the token", flags: "-DMUTANT=10", want: seen},
	{name: "rule: … a lingering one too, or no fill under a mark", flags: "-DMUTANT=23 -DREPLICA=1 -DONLY_RETURNED", want: returned},
	{name: "rule: invalidation after COMMIT, not only before", flags: "-DMUTANT=11 -DONLY_RETURNED", want: returned},
	{name: "rule: marked tags are not evicted", flags: "-DMUTANT=12", want: seen},
	{name: "rule: a refused write leaves other writers' marks", flags: "-DMUTANT=13" + refuse, want: seen},
	{name: "rule: snapshots don't fill", flags: "-DMUTANT=14 -DONLY_RETURNED", want: returned},
	{name: "rule: a resent settling draws another token", flags: "-DMUTANT=15 -DRESEND=1 -DONLY_RETURNED -DDEATH=0" + small, want: returned},
	{name: "rule: what is queued is bypassed by its process", flags: "-DMUTANT=16 -DONLY_RETURNED" + beside, want: returned},
	{name: "rule: the queue is asked before the lookup", flags: "-DMUTANT=17 -DONLY_RETURNED" + beside, want: returned},
	{name: "rule: delivery keeps what was queued meanwhile", flags: "-DMUTANT=18 -DONLY_RETURNED" + together, want: returned},
	{name: "rule: a transaction that has written does not fill", flags: "-DMUTANT=19", want: seen},
	{name: "rule: settling leaves a mark for the lag", flags: "-DMUTANT=20 -DREPLICA=1 -DONLY_RETURNED", want: returned},
	{name: "rule: a failed COMMIT is settled all the same", flags: "-DMUTANT=21", want: seen},
	{name: "rule: all tags are compared", flags: "-DMUTANT=22" + apart, want: seen},

	{name: "limit: a stall of a living writer beyond its mark", flags: "-DSTALL=1", want: seen},
	{name: "limit: … which its own settling ends", flags: "-DSTALL=1 -DONLY_RETURNED" + small, want: holds},
	{name: "mutant: a COMMIT in doubt leaves no mark", flags: "-DLATE_COMMIT=1", want: seen},
	{name: "as built: a COMMIT carried out after it failed", flags: "-DLATE_COMMIT=1 -DERROR_FENCES=1" + small, want: holds},
	{name: "mutant: two writers of one id", flags: "-DONE_WRITER_ID=1", want: seen},
	{name: "mutant: a queued fence loses its mark", flags: "-DFOREIGN=1 -DDEATH=0 -DONLY_RETURNED" + faults, want: returned},
	{name: "as built: a foreign transaction, its fence queued", flags: "-DFOREIGN=1 -DDEATH=0 -DQUEUE_KEEPS_FENCE=1" + faults, want: holds, long: true},
}

const tracking = "tracking.pml"

var columns = []variant{
	{name: "tracked columns: death of enrolments, eviction", want: holds},
	{name: "tracked columns: death, errors, lost lookups, eviction of all", flags: "-DDEATH=2 -DERRORS=1 -DLOOK_FAILS=1 -DEVICTION=2", want: holds, long: true},
	{name: "tracked columns: two enrolments at a time", flags: "-DENROLMENTS=2 -DEVICTION=0", want: holds, long: true},
	{name: "tracked columns: a mark fails, AllowStale", flags: "-DMARK_FAILS=1 -DONLY_RETURNED -DDEATH=0", want: holds},
	{name: "tracked columns: marks and marked tags are lost", flags: "-DLOSSES=1 -DONLY_RETURNED", want: holds},

	{name: "rule: the pre-image locks", flags: "-DMUTANT=1", want: seen},
	{name: "rule: enrolment looks at T", flags: "-DMUTANT=2", want: seen},
	{name: "rule: a writer marks before it looks", flags: "-DMUTANT=3", want: seen},
	{name: "rule: readers depend on T?", flags: "-DMUTANT=4", want: seen},
	{name: "rule: readers depend on T?c", flags: "-DMUTANT=5", want: seen},
	{name: "rule: T? and T?c are made by enrolment", flags: "-DMUTANT=6", want: seen},
	{name: "rule: a failed lookup changes T!", flags: "-DMUTANT=7 -DLOOK_FAILS=1", want: seen},
	{name: "rule: readers depend on T!", flags: "-DMUTANT=8", want: seen},
	{name: "rule: the old value's tag changes too", flags: "-DMUTANT=9", want: seen},
	{name: "rule: values not known change T!", flags: "-DMUTANT=10", want: seen},
	{name: "rule: enrolment marks", flags: "-DMUTANT=11 -DENDS_BY_SETTLE=1", want: seen},
	{name: "rule: a writer whose mark failed changes T!", flags: "-DMARK_FAILS=1 -DUNMARKED_IS_BULK=0 -DONLY_RETURNED", want: returned},
	{name: "rule: a writer whose mark is lost changes T!", flags: "-DLOSSES=1 -DLOST_IS_BULK=0 -DONLY_RETURNED", want: returned},
	{name: "rule: an enrolment makes no tag when it ends", flags: "-DLOSSES=1 -DENDS_BY_SETTLE=1 -DONLY_RETURNED", want: returned},
	{name: "mutant: a remembered column that was not tracked", flags: "-DREMEMBERS=1", want: seen},
	{name: "limit: an enrolment's WriteGrace shorter than a writer's", flags: "-DSHORT_GRACE=1", want: seen},
}

func init() {
	for _, v := range columns {
		v.model = tracking
		variants = append(variants, v)
	}
}

// result is what a run of the verifier says.
type result struct {
	got, states, depth string
	took               time.Duration
	err                error
}

func TestModel(t *testing.T) {
	for _, program := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv(requireEnv) == "1" {
				t.Fatalf("%s not found in PATH: install Debian's package %[1]s", program)
			}
			t.Skipf("%s not found in PATH: install Debian's package %[1]s", program)
		}
	}
	var wg sync.WaitGroup
	results := make([]*result, len(variants))
	two := make(chan struct{}, 2) // a search takes up to half a gigabyte, a long one up to 1.5
	for i, v := range variants {
		if v.long && !*long {
			continue
		}
		dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
		wg.Go(func() {
			two <- struct{}{}
			defer func() { <-two }()
			r := run(t.Context(), dir, v)
			results[i] = &r
			t.Logf("%5.1fs  %s: %s", r.took.Seconds(), v.name, r.got)
		})
	}
	wg.Wait()

	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "variant\tstates\tdepth\ttime\texpected\tgot")
	for i, r := range results {
		if r == nil {
			continue
		}
		v := variants[i]
		switch {
		case r.err != nil:
			t.Errorf("%s (%s): %v", v.name, v.flags, r.err)
		case r.got != v.want:
			t.Errorf("%s (%s): %s, want %s. See README.md for how to read a schedule", v.name, v.flags, r.got, v.want)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%.1fs\t%s\t%s\n", v.name, r.states, r.depth, r.took.Seconds(), v.want, r.got)
	}
	_ = w.Flush()
	t.Logf("\n%s", table.String())
}

var (
	statesLine = regexp.MustCompile(`(?m)^\s*(\S+) states, stored`)
	depthLine  = regexp.MustCompile(`depth reached (\d+), errors: (\d+)`)
	assertLine = regexp.MustCompile(`assertion violated \((.*?)\) \(at depth`)
)

// run builds the verifier of a variant and runs it. Nothing but a finished search without an error
// counts as "holds".
func run(ctx context.Context, dir string, v variant) (r result) {
	began := time.Now()
	defer func() { r.took = time.Since(began) }()
	if r.err = os.MkdirAll(dir, 0o755); r.err != nil {
		return r
	}
	model := cmp.Or(v.model, "freshness.pml")
	var source []byte
	if source, r.err = os.ReadFile(model); r.err != nil {
		return r
	}
	if r.err = os.WriteFile(filepath.Join(dir, model), source, 0o644); r.err != nil {
		return r
	}
	optimize := "-O0" // compiles faster than it searches
	if v.want == holds {
		optimize = "-O2"
	}
	var out string
	for _, args := range [][]string{
		append(append([]string{"spin", "-a"}, strings.Fields(v.flags)...), model),
		{"gcc", optimize, "-w", "-DSAFETY", "-DVECTORSZ=512", "-DMEMLIM=6000", "-o", "pan", "pan.c"},
		{"./pan", "-m500000"},
	} {
		if out, r.err = command(ctx, dir, args); r.err != nil {
			return r
		}
	}
	depth := depthLine.FindStringSubmatch(out)
	states := statesLine.FindStringSubmatch(out)
	if depth == nil || states == nil || strings.Contains(out, "max search depth too small") || strings.Contains(out, "out of memory") {
		r.err = fmt.Errorf("the search did not end:\n%s", out)
		return r
	}
	r.states, r.depth = states[1], depth[1]
	broken := assertLine.FindStringSubmatch(out)
	switch {
	case depth[2] == "0":
		r.got = holds
	case broken == nil:
		r.err = fmt.Errorf("an error that is no broken promise:\n%s", out)
	case strings.Contains(v.flags, "-DONLY_RETURNED"):
		r.got = returned
	default:
		r.got = seen
	}
	return r
}

func command(ctx context.Context, dir string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "nice", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
