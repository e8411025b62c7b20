// Command verdict reads the output of `go test -json` and says what matters of it: the output of what
// failed, one line a package, and every test that was skipped. It fails if anything failed, was
// skipped, or did not end: where all servers are installed, a skip is a test that nobody runs.
//
//	go test -json ./... | go run ./tests/verdict
//
// With -prove it runs the proof instead: the model and its mutants, the hunt under faults, random programs
// and the fuzz targets, one after the other, and prints one table of what they did, whatever fails.
//
//	go run ./tests/verdict -prove -fuzz 50000x -- -hunt.time=1h
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	proving := flag.Bool("prove", false, "run the proof; arguments go to the hunt")
	inputs := flag.String("fuzz", "50000x", "how many inputs each fuzz target gets")
	flag.Parse()
	if *proving {
		// Who interrupts it still gets the table.
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		well := prove(ctx, os.Stdout, proofs(flag.Args(), *inputs))
		stop()
		if !well {
			os.Exit(1)
		}
		return
	}
	v := newVerdict(os.Stdout)
	if err := v.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "verdict:", err)
		os.Exit(1)
	}
	if !v.conclude() {
		os.Exit(1)
	}
}

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Output     string
	Elapsed    float64
}

// name is what an event belongs to: a test, or a package if test is empty.
type name struct{ pkg, test string }

// verdict gathers what has happened.
type verdict struct {
	out     io.Writer
	output  map[name][]string
	open    map[string]bool // packages that have started and not ended
	passed  int
	skipped []name
	failed  bool
	racing  map[string]bool // packages in the middle of a report of the race detector
}

func newVerdict(out io.Writer) *verdict {
	return &verdict{out: out, output: map[name][]string{}, open: map[string]bool{}, racing: map[string]bool{}}
}

// read takes in events. Lines that are none, such as those of make, are passed through.
func (v *verdict) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Action == "" {
			v.printf("%s\n", lines.Text())
			continue
		}
		v.note(e)
	}
	return lines.Err()
}

func (v *verdict) note(e event) {
	of := name{e.Package, e.Test}
	switch e.Action {
	case "start":
		v.open[e.Package] = true
	case "output":
		v.output[of] = append(v.output[of], e.Output)
		v.race(e)
	case "build-output":
		v.printf("%s", e.Output)
	case "build-fail":
		v.failed = true
		v.printf("FAIL to build %s\n", e.ImportPath)
	case "pass", "fail", "skip":
		v.end(of, e)
	}
}

// race prints what the race detector reports as it comes. The report stands in the output of whatever test wrote a line
// before it, which may well be one that passes.
func (v *verdict) race(e event) {
	const rule = "=================="
	if strings.HasPrefix(e.Output, "WARNING: DATA RACE") {
		v.racing[e.Package] = true
		v.printf("--- RACE %s\n", e.Package)
	}
	if v.racing[e.Package] {
		v.printf("%s", e.Output)
	}
	if strings.HasPrefix(e.Output, rule) {
		delete(v.racing, e.Package)
	}
}

// end notes how a test or a package ended, and lets go of its output.
func (v *verdict) end(of name, e event) {
	if of.test == "" {
		delete(v.open, of.pkg)
		if e.Action != "skip" { // that is a package without tests
			v.printf("%s  %s  %.1fs\n", e.Action, of.pkg, e.Elapsed)
		}
	}
	switch {
	case e.Action == "fail":
		v.failed = true
		v.printf("--- FAIL %s %s\n", of.pkg, of.test)
		for _, line := range v.output[of] {
			v.printf("%s", line)
		}
	case of.test == "":
	case e.Action == "skip":
		v.skipped = append(v.skipped, of)
		v.printf("--- SKIP %s %s\n", of.pkg, of.test)
		for _, line := range v.output[of] {
			v.printf("%s", line)
		}
	default:
		v.passed++
	}
	delete(v.output, of)
}

// conclude prints the sums and reports whether all is well.
func (v *verdict) conclude() bool {
	for pkg := range v.open {
		v.printf("--- NO END %s\n", pkg)
	}
	v.printf("%d tests and subtests passed, %d skipped\n", v.passed, len(v.skipped))
	if v.passed == 0 {
		v.printf("no test ran\n")
	}
	return !v.failed && len(v.skipped) == 0 && len(v.open) == 0 && v.passed > 0
}

func (v *verdict) printf(format string, args ...any) { _, _ = fmt.Fprintf(v.out, format, args...) }
