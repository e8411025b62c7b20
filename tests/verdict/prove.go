package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// proof is one command of `make prove`, and how its output is summed up.
type proof struct {
	command []string
	sum     func(out string) []row
}

// row is one line of the summary: what a part of the proof did, and whether it found all in order.
type row struct {
	part, did string
	took      time.Duration
	verdict   string // ok, or what is wrong
}

const ok = "ok"

// proofs are all parts, with more flags for the hunt and a number of inputs for each fuzz target, such as
// 50000x.
func proofs(hunt []string, inputs string) []proof {
	test := func(pkg string, flags ...string) []string {
		return append([]string{"go", "test", "-count=1", "-v", "-timeout", "12h", "./tests/" + pkg}, flags...)
	}
	return []proof{
		{test("model"), sumModel},
		{test("hunt", hunt...), sumHunt},
		{test("differential"), sumDifferential},
		{[]string{".ci/fuzz", inputs}, sumFuzz},
	}
}

// prove runs all parts, whatever fails, and prints the summary. It reports whether all is well. Once ctx has
// ended, what is left fails at once.
func prove(ctx context.Context, out io.Writer, parts []proof) bool {
	var rows []row
	began := time.Now()
	for _, p := range parts {
		_, _ = fmt.Fprintf(out, "=== %s\n", strings.Join(p.command, " "))
		rows = append(rows, p.run(ctx, out)...)
	}
	return summarize(out, rows, time.Since(began))
}

// run runs one part. A command that fails where no row says so is a row of its own.
func (p proof) run(ctx context.Context, out io.Writer) []row {
	var said bytes.Buffer
	began := time.Now()
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Stdout = io.MultiWriter(out, &said)
	cmd.Stderr = cmd.Stdout
	cmd.WaitDelay = time.Second // its own children may keep the output open
	err := cmd.Run()
	rows := p.sum(said.String())
	for _, r := range rows {
		if r.verdict != ok {
			return rows
		}
	}
	if err != nil || len(rows) == 0 {
		name := p.command[len(p.command)-1]
		rows = append(rows, row{name, "", time.Since(began), fmt.Sprintf("FAILED: %v, see above", err)})
	}
	return rows
}

func summarize(out io.Writer, rows []row, took time.Duration) bool {
	well := len(rows) > 0
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\npart\twhat it did\ttime\tverdict")
	for _, r := range rows {
		well = well && r.verdict == ok
		_, _ = fmt.Fprintf(w, "%s\t%s\t%.0fs\t%s\n", r.part, r.did, r.took.Seconds(), r.verdict)
	}
	verdict := ok
	if !well {
		verdict = "FAILED"
	}
	_, _ = fmt.Fprintf(w, "all\t\t%.0fs\t%s\n", took.Seconds(), verdict)
	_ = w.Flush()
	return well
}

// ended finds how a test ended, and after what time.
func ended(out, test string) (took time.Duration, verdict string) {
	m := regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): ` + test + ` \(([0-9.]+)s\)`).FindStringSubmatch(out)
	if m == nil {
		return 0, "FAILED: it did not end"
	}
	seconds, _ := strconv.ParseFloat(m[2], 64)
	took = time.Duration(seconds * float64(time.Second))
	switch m[1] {
	case "PASS":
		return took, ok
	case "SKIP":
		return took, "SKIPPED: a program is missing"
	}
	return took, "FAILED"
}

// unless is the verdict, or what is wrong where nothing was counted: a part that does nothing proves nothing.
func unless(verdict string, nothing bool) string {
	if verdict == ok && nothing {
		return "FAILED: it counted nothing"
	}
	return verdict
}

var cells = regexp.MustCompile(` {2,}`)

// sumModel reads the table of the model's variants: name, states, depth, time, expected, got. Those that
// must not hold are the mutants.
func sumModel(out string) []row {
	var states float64
	var holding, variants, found, mutants int
	for line := range strings.Lines(out) {
		cell := cells.Split(strings.TrimSpace(line), -1)
		if len(cell) != 6 || cell[4] != "holds" && !strings.HasPrefix(cell[4], "violated") {
			continue
		}
		n, _ := strconv.ParseFloat(cell[1], 64)
		states += n
		right := 0
		if cell[4] == cell[5] {
			right = 1
		}
		if cell[4] == "holds" {
			holding, variants = holding+right, variants+1
		} else {
			found, mutants = found+right, mutants+1
		}
	}
	took, verdict := ended(out, "TestModel")
	// One test runs both. Each row answers for its own.
	judge := func(right, all int) string {
		switch {
		case right < all:
			return "FAILED"
		case verdict == "FAILED" && all > 0 && (holding < variants || found < mutants):
			return ok
		}
		return unless(verdict, all == 0)
	}
	return []row{
		{"model", fmt.Sprintf("%d of %d variants hold; %.0f states in all", holding, variants, states), took, judge(holding, variants)},
		{"model's mutants", fmt.Sprintf("%d of %d found", found, mutants), 0, judge(found, mutants)},
	}
}

// sumHunt reads the tables of the hunt. Each fault's row is printed as it ends, and once more at the end.
func sumHunt(out string) []row {
	var names []string
	faults := map[string][]string{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 3 && fields[0] == "fault" && strings.Contains(line, " violations "):
			names = fields
		case len(fields) >= len(names) && len(names) > 0:
			n := len(fields) - len(names) + 1 // a fault's name may have spaces
			if !numbers(fields[n:]) {
				continue // what the log of a violation says, say
			}
			faults[strings.Join(fields[:n], " ")] = fields[n:]
		}
	}
	total := func(name string) (sum uint64) {
		for _, values := range faults {
			for i, v := range values {
				if names[i+1] == name {
					n, _ := strconv.ParseUint(v, 10, 64)
					sum += n
				}
			}
		}
		return sum
	}
	reads, hits := total("reads"), total("hits")
	took, verdict := ended(out, "TestHunt")
	teeth := sumTeeth(out, "TestTheHuntHasTeeth")
	teeth.part = "hunt, code broken"
	return []row{{
		"hunt", fmt.Sprintf("%d faults: %d reads, %d hits, %d commits, %d violations", len(faults), reads, hits, total("commits"), total("violations")),
		took, unless(verdict, reads == 0 || hits == 0),
	}, teeth}
}

// numbers reports whether all fields are numbers or percentages.
func numbers(fields []string) bool {
	for _, f := range fields {
		if _, err := strconv.ParseFloat(strings.TrimSuffix(f, "%"), 64); err != nil {
			return false
		}
	}
	return true
}

// sumTeeth counts the mutants of the code that a test must find, one a subtest.
func sumTeeth(out, test string) row {
	passed := len(regexp.MustCompile(`(?m)^    --- PASS: `+test+`/`).FindAllString(out, -1))
	failed := len(regexp.MustCompile(`(?m)^    --- FAIL: `+test+`/`).FindAllString(out, -1))
	took, verdict := ended(out, test)
	return row{"", fmt.Sprintf("%d of %d mutants found", passed, passed+failed), took, unless(verdict, passed == 0)}
}

var (
	operations = regexp.MustCompile(`(?m)(\d+) operations in .* programs: (\d+) reads compared`)
	cacheHits  = regexp.MustCompile(`(?m)through the cache: (\d+) hits`)
)

// sumDifferential adds up the tallies, one a kind of database and store.
func sumDifferential(out string) []row {
	var ops, reads, hits uint64
	// The teeth have tallies too.
	all := out
	if i := strings.Index(out, "=== RUN   TestTeeth"); i >= 0 {
		all = out[:i]
	}
	for _, m := range operations.FindAllStringSubmatch(all, -1) {
		o, _ := strconv.ParseUint(m[1], 10, 64)
		r, _ := strconv.ParseUint(m[2], 10, 64)
		ops, reads = ops+o, reads+r
	}
	for _, m := range cacheHits.FindAllStringSubmatch(all, -1) {
		h, _ := strconv.ParseUint(m[1], 10, 64)
		hits += h
	}
	_, verdict := ended(out, "TestDifferential") // its subtests are parallel, so it has no time of its own
	teeth := sumTeeth(out, "TestTeeth")
	teeth.part = "differential, code broken"
	var took time.Duration
	if m := elapsed.FindStringSubmatch(out); m != nil {
		s, _ := strconv.ParseFloat(m[1], 64)
		took = time.Duration(s*float64(time.Second)) - teeth.took
	}
	return []row{{
		"differential", fmt.Sprintf("%d operations, %d reads compared, %d hits", ops, reads, hits),
		took, unless(verdict, ops == 0 || hits == 0),
	}, teeth}
}

var (
	target  = regexp.MustCompile(`(?m)^--- (\S+) (Fuzz\w+)$`)
	execs   = regexp.MustCompile(`(?m)^fuzz: elapsed: .*execs: (\d+)`)
	elapsed = regexp.MustCompile(`(?m)^ok\s+\S+\s+([0-9.]+)s$`)
)

// sumFuzz adds up the targets. The last count of each is what it ran.
func sumFuzz(out string) []row {
	var inputs uint64
	var took float64
	passed := 0
	starts := target.FindAllStringIndex(out, -1)
	for i, at := range starts {
		end := len(out)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		own := out[at[0]:end]
		if all := execs.FindAllStringSubmatch(own, -1); all != nil {
			n, _ := strconv.ParseUint(all[len(all)-1][1], 10, 64)
			inputs += n
		}
		if m := elapsed.FindStringSubmatch(own); m != nil {
			passed++
			s, _ := strconv.ParseFloat(m[1], 64)
			took += s
		}
	}
	verdict := ok
	if passed < len(starts) {
		verdict = "FAILED"
	}
	return []row{{
		"fuzz", fmt.Sprintf("%d of %d targets, %d inputs", passed, len(starts), inputs),
		time.Duration(took * float64(time.Second)), unless(verdict, inputs == 0),
	}}
}
