package plugin_test

import (
	"errors"
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

// A path is one way of writing. It runs against every database, with two plugins over one store, and
// is judged by the cached reads of all watched tables:
//
//	commit:   what it wrote to is loaded anew, by either plugin; all else is still served from the
//	          cache, which is proved by a change behind the cache's back that is not seen
//	rollback: everything is still served from the cache
type path struct {
	name    string
	touches []string // the tables it changes; nothing is dropped if it rolls back
	only    []string // the kinds of database that can do it; all if empty
	rolls   bool     // it rolls back
	all     bool     // it can't be told from outside what it changes: everything is dropped
	implied bool     // it needs GORM's default transactions
	run     func(w *walk) error
}

// errWanted makes transactions roll back.
var errWanted = errors.New("wanted")

// walk is one path on its way.
type walk struct {
	*database
	t         testing.TB
	db, other *gorm.DB // two handles with plugins over one store
	path      *path
	before    map[string]rows // what is cached when the path begins
}

func setup(house string) (kind, storeKind string, cfg gorm.Config) {
	switch house {
	case "sqlite, memory":
		return "sqlite", "memory", gorm.Config{}
	case "sqlite, redis, prepared, no default transactions":
		return "sqlite", "redis", gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true}
	case "postgres, redis":
		return "postgres", "redis", gorm.Config{}
	case "postgres, redis, prepared":
		return "postgres", "redis", gorm.Config{PrepareStmt: true}
	case "mariadb, redis, prepared":
		return "mariadb", "redis", gorm.Config{PrepareStmt: true}
	case "mariadb, redis, no default transactions":
		return "mariadb", "redis", gorm.Config{SkipDefaultTransaction: true}
	}
	panic(house)
}

var houses = []string{
	"sqlite, memory", "sqlite, redis, prepared, no default transactions",
	"postgres, redis", "postgres, redis, prepared",
	"mariadb, redis, prepared", "mariadb, redis, no default transactions",
}

// walkAll runs the paths in every house.
func walkAll(t *testing.T, paths []path) {
	for _, house := range houses {
		t.Run(house, func(t *testing.T) {
			kind, storeKind, cfg := setup(house)
			d, s := newDatabase(t, kind), newStore(t, storeKind)
			c1, c2 := cfg, gorm.Config{}
			db, other := d.Open(t, &c1), d.Open(t, &c2)
			use(t, db, s)
			use(t, other, s)
			for i := range paths {
				p := &paths[i]
				if len(p.only) > 0 && !slices.Contains(p.only, kind) || p.implied && cfg.SkipDefaultTransaction {
					continue
				}
				t.Run(p.name, func(t *testing.T) {
					must(t, seed(d.plain))
					must(t, invalidate.All(t.Context(), db))
					w := &walk{database: d, t: t, db: db, other: other, path: p}
					w.walk()
				})
			}
		})
	}
}

func (w *walk) walk() {
	w.t.Helper()
	w.before = map[string]rows{}
	for _, x := range watched {
		// Entries of either handle: where the protocol is part of the key, there are two.
		w.before[x.table] = warm(w.t, w.db, x.table)
		same(w.t, "warm read of "+x.table, warm(w.t, w.other, x.table), w.before[x.table])
	}
	var kept []string
	for _, x := range watched {
		if !w.path.all && (w.path.rolls || !slices.Contains(w.path.touches, x.table)) && x.behind != "-" {
			kept = append(kept, x.table)
			w.behind(w.t, x.table)
		}
	}
	if err := w.path.run(w); err != nil && !errors.Is(err, errWanted) {
		w.t.Fatal(err)
	}
	if w.t.Failed() {
		return
	}
	for _, table := range kept {
		reading(w.t, w.db, table, w.before[table], hit)
		reading(w.t, w.other, table, w.before[table], hit)
	}
	if w.path.rolls {
		return
	}
	for _, table := range w.path.touches {
		truth := direct(w.t, w.plain, table)
		// The other handle asks first: where the two share an entry, what it loads serves the first.
		dropped(w.t, w.other, table, truth, w.path.all)
		got, _ := cached(w.t, w.db, table)
		same(w.t, "cached read of "+table, got, truth)
	}
}

// outside checks, in the midst of a transaction that has written, that nobody outside sees it, and that
// nothing has been dropped yet.
func (w *walk) outside() {
	w.t.Helper()
	for _, table := range w.path.touches {
		reading(w.t, w.other, table, w.before[table], hit)
		reading(w.t, w.db, table, w.before[table], hit)
	}
}

// inside checks that a transaction sees its own writes through a cached read.
func (w *walk) inside(tx *gorm.DB) {
	w.t.Helper()
	for _, table := range w.path.touches {
		reading(w.t, tx, table, direct(w.t, tx, table), bypass)
	}
}

// both is inside and outside.
func (w *walk) both(tx *gorm.DB) error {
	w.t.Helper()
	w.inside(tx)
	w.outside()
	return nil
}
