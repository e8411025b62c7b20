package main

import (
	"strings"
	"testing"
)

const (
	modelOut = `=== RUN   TestModel
    model_test.go:139:   1.0s  as built: a: holds
    model_test.go:161: 
        variant      states       depth  time  expected         got
        as built: a  1.5e+06      88     1.0s  holds            holds
        as built: b  500000       88     1.0s  holds            holds
        rule: c      100          88     1.0s  violated: seen   violated: seen
--- PASS: TestModel (61.00s)
`
	huntOut = `    hunt_test.go:363: 
        fault                             reads     hits  share   calm bypasses commits queued refused unknown deaths violations      s
        no fault                           1000      900    90%    95%       10      30      0       0       0      0          0    3.0
    teeth_test.go:153: found after 1s: a schedule of some thirteen words or more that ends with 12
    hunt_test.go:367: 
        fault                             reads     hits  share   calm bypasses commits queued refused unknown deaths violations      s
        no fault                           1000      900    90%    95%       10      30      0       0       0      0          0    3.0
        a slow Redis, say                   500      100    20%    95%       10      20      0       0       0      0          0    3.0
--- PASS: TestHunt (61.00s)
    --- PASS: TestTheHuntHasTeeth/marks (1.00s)
    --- PASS: TestTheHuntHasTeeth/early (1.00s)
--- PASS: TestTheHuntHasTeeth (2.00s)
`
	differentialOut = `    differential_test.go:81: 600 operations in 1.0s (600/s), 9 programs: 400 reads compared, 100 writes (1 refused), 9 transactions ended
        through the cache: 300 hits (75.0 %), 90 misses, 10 bypasses, 9 fills, 9 invalidations, 0 unstable
--- PASS: TestDifferential (9.00s)
    --- PASS: TestTeeth/a (0.10s)
    --- FAIL: TestTeeth/b (0.10s)
--- FAIL: TestTeeth (1.00s)
`
	fuzzOut = `--- store FuzzParse
fuzz: elapsed: 0s, gathering baseline coverage: 0/9 completed
fuzz: elapsed: 3s, execs: 40000 (1/sec), new interesting: 0 (total: 9)
fuzz: elapsed: 4s, execs: 50000 (1/sec), new interesting: 0 (total: 9)
PASS
ok  	github.com/x/store	4.100s
--- region FuzzJoin
fuzz: elapsed: 4s, execs: 50000 (1/sec), new interesting: 0 (total: 9)
PASS
ok  	github.com/x/region	5.000s
`
)

func TestSums(t *testing.T) {
	for _, test := range []struct {
		name string
		sum  func(string) []row
		out  string
		want []row // took is not compared
	}{
		{"model", sumModel, modelOut, []row{
			{part: "model", did: "2 of 2 variants hold; 2000100 states in all", verdict: ok},
			{part: "model's mutants", did: "1 of 1 found", verdict: ok},
		}},
		{"a mutant that is not found", sumModel, strings.NewReplacer("violated: seen   violated: seen", "violated: seen   holds", "PASS", "FAIL").Replace(modelOut), []row{
			{part: "model", did: "2 of 2 variants hold; 2000100 states in all", verdict: ok},
			{part: "model's mutants", did: "0 of 1 found", verdict: "FAILED"},
		}},
		{"spin is missing", sumModel, "--- SKIP: TestModel (0.00s)\n", []row{
			{part: "model", did: "0 of 0 variants hold; 0 states in all", verdict: "SKIPPED: a program is missing"},
			{part: "model's mutants", did: "0 of 0 found", verdict: "SKIPPED: a program is missing"},
		}},
		{"hunt", sumHunt, huntOut, []row{
			{part: "hunt", did: "2 faults: 1500 reads, 1000 hits, 50 commits, 0 violations", verdict: ok},
			{part: "hunt, code broken", did: "2 of 2 mutants found", verdict: ok},
		}},
		{"hunt killed", sumHunt, huntOut[:strings.Index(huntOut, "--- PASS: TestHunt")], []row{
			{part: "hunt", did: "2 faults: 1500 reads, 1000 hits, 50 commits, 0 violations", verdict: "FAILED: it did not end"},
			{part: "hunt, code broken", did: "0 of 0 mutants found", verdict: "FAILED: it did not end"},
		}},
		{"differential", sumDifferential, differentialOut, []row{
			{part: "differential", did: "600 operations, 400 reads compared, 300 hits", verdict: ok},
			{part: "differential, code broken", did: "1 of 2 mutants found", verdict: "FAILED"},
		}},
		{"nothing compared", sumDifferential, "--- PASS: TestDifferential (9.00s)\n", []row{
			{part: "differential", did: "0 operations, 0 reads compared, 0 hits", verdict: "FAILED: it counted nothing"},
			{part: "differential, code broken", did: "0 of 0 mutants found", verdict: "FAILED: it did not end"},
		}},
		{"fuzz", sumFuzz, fuzzOut, []row{{part: "fuzz", did: "2 of 2 targets, 100000 inputs", verdict: ok}}},
		{"fuzz found something", sumFuzz, strings.Replace(fuzzOut, "ok  \tgithub.com/x/region\t5.000s", "FAIL", 1), []row{
			{part: "fuzz", did: "1 of 2 targets, 100000 inputs", verdict: "FAILED"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.sum(test.out)
			for i := range got {
				got[i].took = 0
			}
			if len(got) != len(test.want) {
				t.Fatalf("got %v", got)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("got %+v\nwant %+v", got[i], test.want[i])
				}
			}
		})
	}
}

// TestProveGoesOn: what fails keeps nothing else from being run and summed up.
func TestProveGoesOn(t *testing.T) {
	var out strings.Builder
	good := func(string) []row { return []row{{part: "good", did: "something", verdict: ok}} }
	well := prove(t.Context(), &out, []proof{
		{[]string{"false"}, good}, // fails, though no row says so
		{[]string{"no-such-program"}, func(string) []row { return nil }},
		{[]string{"echo", "heard"}, good},
	})
	if well {
		t.Error("all is said to be well")
	}
	for _, want := range []string{"exit status 1", "no-such-program", "heard", "all "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	out.Reset()
	if !prove(t.Context(), &out, []proof{{[]string{"true"}, good}}) {
		t.Error(out.String())
	}
}
