package differential_test

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// stores makes the stores of a program's two handles. It is a store that both share, unless a tooth
// is to be shown.
type stores func() (two [2]store.Store, close func())

// machine runs one program.
type machine struct {
	*program
	t interface {
		Fatalf(format string, args ...any)
	}
	world  *world
	tally  *tally
	clock  time.Time
	plain  [2]*gorm.DB // without a plugin, for each handle one with its settings
	root   [2]*gorm.DB // with one
	tx     [2]*gorm.DB // the transaction that is open on a handle
	wrote  [2]bool     // something may have been written in it
	plugin [2]*gormcache.Plugin
	closes []func()

	step int    // the operation that runs
	what string // its text

	defined     bool // DDL was run since the connections were made
	between     int  // the query that is asked while a write is under way; -1: none
	interrupted bool
	found       string // the first difference
}

// run runs a program from an empty database to its end.
func (m *machine) run(open stores) {
	defer m.close()
	if err := m.start(open); err != nil {
		m.t.Fatalf("the program can't start: %v", err)
		return
	}
	for i, op := range m.ops {
		if op.text != "" {
			m.step, m.what, m.between = i, op.text, -1
			op.run(m)
		}
	}
	m.step, m.what = len(m.ops), "the end"
	for i, q := range m.queries {
		m.ask(q, i%2, asking{})
	}
}

func (m *machine) start(open stores) error {
	if err := m.world.reset(); err != nil {
		return err
	}
	m.between = -1
	m.clock = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	shared, closeStores := open()
	for i, s := range m.two {
		for _, db := range []**gorm.DB{&m.plain[i], &m.root[i]} {
			var err error
			var close func()
			if *db, close, err = m.world.open(s, m.prefix, m.now); err != nil {
				return err
			}
			m.closes = append(m.closes, close)
		}
	}
	m.closes = append(m.closes, closeStores)
	if err := m.create(); err != nil {
		return err
	}
	for i := range m.two {
		p, err := gormcache.New(gormcache.Config{
			Store: between{shared[i], m}, Namespace: f("program%d", m.world.runs), Database: "differential",
			Regions: map[string]region.Config{"default": {TTL: time.Hour}, "small": {TTL: time.Hour, MaxRows: 3}},
			// A machine that is slow for a moment must not turn hits into bypasses.
			ReadTimeout: 20 * time.Second, WriteTimeout: 20 * time.Second,
			Logger: slog.New(slog.DiscardHandler), Models: m.models(),
		})
		if err != nil {
			return err
		}
		m.plugin[i] = p
		if err := m.root[i].Use(p); err != nil {
			return err
		}
	}
	return nil
}

// models are the policies of the program.
func (m *machine) models() map[string]fromcache.Policy {
	if !m.policy {
		return nil
	}
	return map[string]fromcache.Policy{"*": {}}
}

// create makes the schema.
func (m *machine) create() error {
	for _, t := range m.tables {
		if err := t.create(m.program, m.plain[0]); err != nil {
			return fmt.Errorf("create %s: %w", t, err)
		}
	}
	for _, r := range m.initial {
		if err := m.plain[0].Table(r.table.name).Create(r.make().Interface()).Error; err != nil {
			return fmt.Errorf("%s: %w", r.text, err)
		}
	}
	for _, v := range m.views {
		if err := m.plain[0].Exec(v.sql).Error; err != nil {
			return fmt.Errorf("%s: %w", v.sql, err)
		}
	}
	return nil
}

// now is a clock that a program sees the same at each run.
func (m *machine) now() time.Time {
	m.clock = m.clock.Add(time.Second)
	return m.clock
}

func (m *machine) close() {
	for i, p := range m.plugin {
		if m.tx[i] != nil { // the program failed inside
			m.tx[i].Rollback()
		}
		if p != nil {
			m.tally.plugin(p.Stats())
			if err := p.Close(); err != nil {
				m.t.Fatalf("close: %v", err)
			}
		}
	}
	for i := range m.closes {
		m.closes[len(m.closes)-1-i]()
	}
}

// on is where operations of a handle run: in its transaction, if one is open.
func (m *machine) on(h int) *gorm.DB {
	if m.tx[h] != nil {
		return m.tx[h]
	}
	return m.root[h]
}

// refresh makes all connections anew after DDL. PostgreSQL refuses statements that were prepared
// before it. SQLite's driver tells the columns before SQLite has seen that they are others, so that the
// first answer of each connection may be that of before.
func (m *machine) refresh() {
	if !m.defined {
		return
	}
	m.defined = m.tx[0] != nil || m.tx[1] != nil
	for _, db := range append(m.plain[:], m.root[:]...) {
		if pool, err := db.DB(); err == nil {
			pool.SetMaxIdleConns(0)
			pool.SetMaxIdleConns(2)
		}
	}
}

// sweep asks some of the queries after a write, from one of them on, by both handles in turn.
func (m *machine) sweep(from, n int) {
	for i := from; i < from+n; i++ {
		q, h := m.queries[i%len(m.queries)], i/2%2
		m.ask(q, h, asking{})
		if m.tx[h] != nil {
			m.ask(q, h, asking{inside: true})
		}
	}
}

// asking says how a query is asked.
type asking struct {
	inside    bool // in the transaction that is open on the handle
	anyway    bool // with fromcache.InTransaction
	refresh   bool
	otherwise string // what the answer may also be
	when      string // at what moment of the operation, if not after it
}

// ask compares the answers of a query with and without the cache, and ends the program if they differ.
func (m *machine) ask(q *query, h int, a asking) {
	if m.found == "" {
		m.found = m.difference(q, h, a)
	}
	if m.found != "" {
		m.t.Fatalf("%s", m.found)
	}
}

// difference is what ask finds.
func (m *machine) difference(q *query, h int, a asking) string {
	m.tally.reads++
	cached, plain := m.root[h], m.plain[h]
	a.anyway = a.anyway && !q.several // it may see the present in one statement, and the snapshot in another
	if a.inside && m.tx[h] != nil {
		if a.anyway && !m.wrote[h] {
			// It may be newer than the transaction's snapshot: the present.
			a.otherwise = q.ask(plain, nil)
		}
		cached = m.tx[h]
		plain = plain.Session(&gorm.Session{NewDB: true, Context: cached.Statement.Context})
		plain.Statement.ConnPool = cached.Statement.ConnPool
	}
	want := q.ask(plain, nil)
	if a.anyway && strings.Contains(want, "transaction is aborted") {
		return "" // a hit needs no transaction
	}
	if strings.HasPrefix(want, "panic") {
		return "" // the plugin gives the error instead
	}
	for i := range 2 {
		got := q.ask(cached, q.scope(a, m.policy))
		if got == want || a.otherwise != "" && got == a.otherwise {
			continue
		}
		if again := q.ask(plain, nil); again != want {
			m.tally.unstable++ // the database itself gives another answer each time
			return ""
		}
		where := f("handle %d", h)
		if a.inside {
			where += " in its transaction"
		}
		if a.when != "" {
			where += ", " + a.when
		}
		return f("operation %d, %s\nthen, by %s, the %s time:\n  %s\n got %s\nwant %s", m.step, m.what, where, []string{"1st", "2nd"}[i], q, got, want)
	}
	return ""
}
