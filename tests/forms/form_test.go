package forms_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// form is one way of reading.
type form struct {
	name string
	run  func(x *run)
	on   []string // the dialects that have it; nil: all
	// bypass is why the cache is left alone each time; empty: first a miss, then a hit.
	bypass observe.Reason
	// outcomes, where neither bypass nor miss-then-hit is right, are those of the two runs.
	outcomes []observe.Outcome
	fails    bool // the rows do not fit the destination; what is left in it is anybody's guess
	reads    int  // cached reads in one run; 0: one
	subs     int  // subqueries with a scope, each of them a dry run
	also     int  // statements that a hit runs beside the cached read, as for preloading
	// textOnly: not with PrepareStmt, where GORM or a driver goes wrong without the cache too, as GORM's
	// Row does (it panics) when the statement can't be prepared.
	textOnly bool
}

// asText is the form without PrepareStmt.
func (f form) asText() form {
	f.textOnly = true
	return f
}

// story is a test that is no comparison; it runs in every world.
type story struct {
	name string
	run  func(t *testing.T, w *world)
	on   []string
}

// run is one run of a form, by one of the three ways.
type run struct {
	*world
	DB   *gorm.DB // the handle to read with
	ctx  context.Context
	log  *hookLog
	way  string // direct, miss, hit
	seen []observation
}

type observation struct {
	name  string
	value any
}

// scope returns what is given to db.Clauses: a scope, or nothing for the plain handle.
func (x *run) scope(opts ...fromcache.Option) clause.Expression { return x.region("default", opts...) }

func (x *run) region(name string, opts ...fromcache.Option) clause.Expression {
	if x.way == "direct" || x.policy && name == "default" && len(opts) == 0 {
		return none{}
	}
	return fromcache.Region(name, opts...)
}

// q is a new query through the cache; by the plain handle, through nothing.
func (x *run) q(opts ...fromcache.Option) *gorm.DB { return x.DB.Clauses(x.scope(opts...)) }

// see notes what will be compared. A pointer's target must not change afterwards.
func (x *run) see(name string, value any) {
	x.seen = append(x.seen, observation{name, value})
	if err, ok := value.(error); ok {
		x.seen = append(x.seen, observation{name + " is", sentinelsOf(err)})
	}
}

// tx notes what a finished query leaves: RowsAffected, Error, and the destinations.
func (x *run) tx(tx *gorm.DB, dests ...any) {
	x.see("RowsAffected", tx.RowsAffected)
	x.see("Error", tx.Error)
	for i, dest := range dests {
		x.see(fmt.Sprintf("destination %d", i), dest)
	}
}

// none is a clause that does nothing.
type none struct{}

func (none) Build(clause.Builder)            {}
func (none) ModifyStatement(*gorm.Statement) {}

// hookLog is what AfterFind sees and how often it runs.
type hookLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *hookLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

type hookLogKey struct{}

// do runs the form once.
func (w *world) do(t *testing.T, f *form, way string) *run {
	t.Helper()
	x := &run{world: w, way: way, log: &hookLog{}}
	x.ctx = context.WithValue(t.Context(), hookLogKey{}, x.log)
	db := w.cached
	if way == "direct" {
		db = w.plain
	}
	x.DB = db.WithContext(x.ctx)
	f.run(x)
	x.see("hooks", x.log.lines)
	return x
}

// check runs the form by all ways and compares.
func (w *world) check(t *testing.T, f *form) {
	t.Helper()
	if err := invalidate.Region(t.Context(), w.cached, regions...); err != nil { // forms may share their SQL
		t.Fatal(err)
	}
	want := w.do(t, f, "direct")
	for _, o := range want.seen {
		if err, ok := o.value.(error); ok && !f.fails && (strings.Contains(err.Error(), "Scan error") || strings.Contains(err.Error(), "unsupported Scan")) {
			t.Fatalf("form %s, %s: the database's own answer can't be scanned: %v", f.name, w, err)
		}
	}
	outcomes := f.outcomes
	if outcomes == nil {
		outcomes = []observe.Outcome{observe.Miss, observe.Hit}
		if f.bypass != "" {
			outcomes = []observe.Outcome{observe.Bypass, observe.Bypass}
		}
	}
	w.plainSQL.take()
	for i, way := range []string{"first", "second"} {
		w.outcomes.Reads()
		w.SQL.take()
		fills := w.plugin.Stats().Fills
		got := w.do(t, f, way)
		where := fmt.Sprintf("form %s, %s, %s run (%s)", f.name, w, way, outcomes[i])
		for _, d := range differences(want.seen, got.seen) {
			t.Errorf("%s differs from the database: %s", where, d)
		}
		if w.policy { // what has no scope is read through the cache too
			continue
		}
		w.checkReads(t, f, where, outcomes[i])
		if got := w.plugin.Stats().Fills - fills; outcomes[i] != observe.Miss && got != 0 {
			t.Errorf("%s: %d entries were stored", where, got)
		}
	}
}

// checkReads compares the reads that were reported, and the SQL that was run, with what the form says.
func (w *world) checkReads(t *testing.T, f *form, where string, want observe.Outcome) {
	t.Helper()
	reads, sqls := w.outcomes.Reads(), w.SQL.take()
	for range f.subs {
		if len(reads) == 0 || reads[0].Reason != observe.DryRun {
			t.Errorf("%s: %d subqueries with a scope are not reported as dry runs: %+v", where, f.subs, reads)
			return
		}
		reads = reads[1:]
	}
	n := max(f.reads, 1)
	if want == 0 {
		n = 0
	}
	if len(reads) != n {
		t.Errorf("%s: %d cached reads, want %d: %+v", where, len(reads), n, reads)
	}
	for _, r := range reads {
		if r.Outcome != want || r.Reason != f.bypass {
			t.Errorf("%s: outcome %s, reason %q (%s), want %s, %q", where, r.Outcome, r.Reason, r.Detail, want, f.bypass)
		}
	}
	if want == observe.Hit && len(sqls) != f.also {
		t.Errorf("%s: ran %d statements, want %d:\n%s", where, len(sqls), f.also, strings.Join(sqls, "\n"))
	}
	if want == observe.Miss && len(sqls) < n+f.also {
		t.Errorf("%s: ran %d statements, want at least %d", where, len(sqls), n+f.also)
	}
}

func has(on []string, dialect string) bool { return on == nil || slices.Contains(on, dialect) }

// TestPolicy runs every form where all is cached by policy, without scopes: the answers are the same.
func TestPolicy(t *testing.T) {
	for _, dialect := range []string{lite, pg, my} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dialect, false, func(c *gormcache.Config) {
				c.Models = map[string]fromcache.Policy{"*": {}}
			})
			w.policy = true
			for i := range forms {
				if f := &forms[i]; has(f.on, dialect) {
					t.Run(f.name, func(t *testing.T) { w.check(t, f) })
				}
			}
			s := w.plugin.Stats()
			if t.Logf("%d hits, %d misses, bypassed: %v", s.Hits, s.Misses, s.Bypassed); s.Hits < s.Misses/3 {
				t.Errorf("%d hits, %d misses: a cache that is not asked proves nothing", s.Hits, s.Misses)
			}
		})
	}
}

var forms = slices.Concat(findForms, firstForms, clauseForms, scanForms, rowsForms, rawForms, joinForms,
	relationForms, genericForms, kindForms, liteForms, pgForms, myForms, argumentForms, optionForms, bypassForms, hookForms)

// TestForms runs every form and story in every world.
func TestForms(t *testing.T) {
	names := map[string]bool{}
	for _, f := range forms {
		if names[f.name] {
			t.Fatalf("two forms are called %s", f.name)
		}
		names[f.name] = true
	}
	t.Logf("%d forms, %d stories", len(forms), len(stories))
	for _, dialect := range []string{lite, pg, my} {
		for _, prepared := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/prepared=%v", dialect, prepared), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, dialect, prepared)
				for i := range forms {
					if f := &forms[i]; has(f.on, dialect) && !(prepared && f.textOnly) {
						t.Run(f.name, func(t *testing.T) { w.check(t, f) })
					}
				}
				for _, s := range stories {
					if has(s.on, dialect) {
						t.Run(s.name, func(t *testing.T) { s.run(t, w) })
					}
				}
			})
		}
	}
}
