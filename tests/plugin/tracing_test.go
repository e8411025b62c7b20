package plugin_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
)

// span is what a tracing plugin puts into a statement's context.
type span struct {
	parent  *span
	text    string // of the statement, when the span ended
	hook    observe.Outcome
	outcome observe.Outcome
}

type spanKey struct{}

// spanContext is how the plugin for OpenTelemetry remembers the context that it has replaced.
type spanContext struct {
	context.Context
	parent context.Context
}

// tracer registers its callbacks as the plugin for OpenTelemetry does.
type tracer struct{ spans []*span }

func (*tracer) Name() string { return "tracer" }

func (tr *tracer) Initialize(db *gorm.DB) error {
	before := func(tx *gorm.DB) {
		ctx := tx.Statement.Context
		s := &span{}
		s.parent, _ = ctx.Value(spanKey{}).(*span)
		tr.spans = append(tr.spans, s)
		tx.Statement.Context = spanContext{context.WithValue(ctx, spanKey{}, s), ctx}
	}
	after := func(tx *gorm.DB) {
		ctx, ok := tx.Statement.Context.(spanContext)
		if !ok {
			return
		}
		s := ctx.Value(spanKey{}).(*span)
		s.text = tx.Statement.SQL.String()
		s.outcome, _ = fromcache.OutcomeOf(tx)
		tx.Statement.Context = ctx.parent
	}
	cb := db.Callback()
	for _, err := range []error{
		cb.Query().Before("gorm:query").Register("tracer:before_query", before),
		cb.Query().After("gorm:query").Register("tracer:after_query", after),
		cb.Row().Before("gorm:row").Register("tracer:before_row", before),
		cb.Row().After("gorm:row").Register("tracer:after_row", after),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (tr *tracer) take() []*span {
	spans := tr.spans
	tr.spans = nil
	return spans
}

// traced opens a handle with a tracing plugin, registered before the cache or after it, and a hook that notes the
// outcome in the span of the statement, as the README shows.
func traced(t *testing.T, d *database, first bool) (*gorm.DB, *tracer) {
	t.Helper()
	db, tr := d.Open(t), &tracer{}
	if first {
		must(t, db.Use(tr))
	}
	use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
		c.Hooks = &observe.Hooks{Read: func(ctx context.Context, r observe.Read) {
			if s, ok := ctx.Value(spanKey{}).(*span); ok {
				s.hook = r.Outcome
			}
		}}
		c.Models = map[string]fromcache.Policy{"*": {}}
	})
	if !first {
		must(t, db.Use(tr))
	}
	return db, tr
}

// A tracing plugin, and a hook of the application, learn in the statement's own span how its read ended, whatever
// way it was asked.
func TestOutcomesReachTheSpan(t *testing.T) {
	for _, first := range []bool{true, false} {
		t.Run(fmt.Sprintf("before the cache %v", first), func(t *testing.T) {
			db, tr := traced(t, newDatabase(t, "sqlite"), first)
			for entry, ask := range entries {
				for _, want := range []observe.Outcome{miss, hit, bypass} {
					handle := db.WithContext(t.Context())
					if want == bypass {
						handle = handle.Clauses(fromcache.Bypass()).Session(&gorm.Session{})
					}
					if entry == "an association" || entry == "gorm.G" {
						if want == bypass { // their statements are not the handle's
							continue
						}
					}
					must(t, ask(handle))
					got := tr.take()
					if len(got) != 1 {
						t.Fatalf("%s, to be a %v: %d spans", entry, want, len(got))
					}
					if got[0].hook != want || got[0].outcome != want {
						t.Errorf("%s: the hook says %v, OutcomeOf %v, want %v", entry, got[0].hook, got[0].outcome, want)
					}
					if strings.Contains(got[0].text, "gormcache: hit") != (want == hit) {
						t.Errorf("%s, a %v: %q", entry, want, got[0].text)
					}
				}
			}
		})
	}
}

// What a query preloads has spans of its own, below the query's, each with its own outcome.
func TestOutcomesOfPreloads(t *testing.T) {
	db, tr := traced(t, newDatabase(t, "sqlite"), true)
	ask := func() []*span {
		var us []User
		must(t, db.Clauses(fromcache.Region("default"), relation.Cache("Orders", "default").And("Tags", "default")).
			Preload("Orders").Preload("Tags").Where("age > ?", 3).Find(&us).Error)
		return tr.take()
	}
	for _, want := range []observe.Outcome{miss, hit} {
		spans := ask()
		if len(spans) != 4 { // users, orders, the join table, tags
			t.Fatalf("%d spans", len(spans))
		}
		for i, s := range spans {
			if s.hook != want || s.outcome != want {
				t.Errorf("span %d: the hook says %v, OutcomeOf %v, want %v (%s)", i, s.hook, s.outcome, want, s.text)
			}
			if i > 0 && s.parent != spans[0] {
				t.Errorf("span %d is not below the query's", i)
			}
		}
	}
	must(t, db.Create(&Order{Name: "new", UserID: new(uint(1))}).Error)
	spans := ask()
	if spans[0].outcome != hit || spans[1].outcome != miss {
		t.Errorf("after a write to orders: users %v, orders %v", spans[0].outcome, spans[1].outcome)
	}
}

// OutcomeOf tells of the handle's last cached read.
func TestOutcomeOf(t *testing.T) {
	db := newDatabase(t, "sqlite").Open(t)
	use(t, db, newStore(t, "memory"))
	find := func(db *gorm.DB) *gorm.DB { var us []User; return db.Find(&us) }
	scoped := db.Clauses(fromcache.Region("default")).Session(&gorm.Session{})
	for i, step := range []struct {
		ask  func() *gorm.DB
		want observe.Outcome
	}{
		{func() *gorm.DB { return find(db) }, 0},
		{func() *gorm.DB { return find(scoped) }, miss},
		{func() *gorm.DB { return find(scoped) }, hit},
		{func() *gorm.DB { var us []User; return scoped.Model(&User{}).Scan(&us) }, hit},
		{func() *gorm.DB { return find(scoped.Clauses(fromcache.Bypass())) }, bypass},
		{func() *gorm.DB { return find(scoped.Clauses(fromcache.OnlyIfCached()).Where("age > 7")) }, miss},
		{func() *gorm.DB { return scoped }, 0},
		{func() *gorm.DB { return db }, 0},
		{func() *gorm.DB { return nil }, 0},
		{func() *gorm.DB { return &gorm.DB{} }, 0},
	} {
		if got, ok := fromcache.OutcomeOf(step.ask()); got != step.want || ok != (step.want != 0) {
			t.Errorf("step %d: %v, %v, want %v", i, got, ok, step.want)
		}
	}
}

// Owner is a user whose orders know it.
type Owner struct {
	User
	Orders []Owned `gorm:"foreignKey:UserID"`
}

// TableName implements schema.Tabler.
func (Owner) TableName() string { return "users" }

// Owned is an order that knows its user.
type Owned struct {
	Order
	Owner *User `gorm:"foreignKey:UserID"`
}

// TableName implements schema.Tabler.
func (Owned) TableName() string { return "orders" }

// GORM's log names the line of the application that asked, for what is preloaded too: the same as without the plugin.
//
// Falls if: a callback of the plugin stands on the stack while GORM preloads.
func TestTheLogNamesTheApplicationsLine(t *testing.T) {
	d := newDatabase(t, "sqlite")
	must(t, d.plain.Create(&[]Child{{ParentID: 1, Name: "a"}, {ParentID: 2, Name: "b"}}).Error)
	log, plainLog := &lab.Lines{}, &lab.Lines{}
	db, plain := d.Open(t), d.Open(t)
	for _, h := range []struct {
		db  *gorm.DB
		log *lab.Lines
	}{{db, log}, {plain, plainLog}} {
		h.db.Logger = logger.New(h.log, logger.Config{LogLevel: logger.Info})
	}
	use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
		c.Models = map[string]fromcache.Policy{"*": {}}
	})
	scoped := db.Clauses(fromcache.Region("default"), relation.Cache(clause.Associations, "default").
		And(clause.Associations+"."+clause.Associations, "default")).Session(&gorm.Session{})
	for name, ask := range map[string]func(db *gorm.DB) error{
		"a preload":   func(db *gorm.DB) error { var us []User; return db.Preload("Orders").Find(&us).Error },
		"several":     func(db *gorm.DB) error { var us []User; return db.Preload("Orders").Preload("Tags").Find(&us).Error },
		"all":         func(db *gorm.DB) error { var us []User; return db.Preload(clause.Associations).Find(&us).Error },
		"of one row":  func(db *gorm.DB) error { var u User; return db.Preload("Orders").First(&u, 1).Error },
		"nested":      func(db *gorm.DB) error { var us []Owner; return db.Preload("Orders.Owner").Find(&us).Error },
		"nested deep": func(db *gorm.DB) error { var us []Owner; return db.Preload("Orders.Owner.Tags").Find(&us).Error },
		"by condition": func(db *gorm.DB) error {
			var us []User
			return db.Preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Order("orders.name") }).Find(&us).Error
		},
		"an association": func(db *gorm.DB) error {
			var orders []Order
			return db.Model(&User{ID: 1}).Association("Orders").Find(&orders)
		},
		"gorm.G": func(db *gorm.DB) error {
			_, err := gorm.G[User](db).Preload("Orders", nil).Find(context.Background())
			return err
		},
		"batches": func(db *gorm.DB) error {
			var us []User
			return db.Preload("Orders").FindInBatches(&us, 2, func(*gorm.DB, int) error { return nil }).Error
		},
		"a create": func(db *gorm.DB) error { return db.Create(&User{Name: "new", Orders: []Order{{Name: "o"}}}).Error },
	} {
		must(t, ask(plain))
		want := files(plainLog)
		if !slices.ContainsFunc(want, func(f string) bool { return strings.HasPrefix(f, "tracing_test.go:") }) {
			t.Fatalf("%s: %q", name, want)
		}
		for _, h := range []*gorm.DB{db, scoped, scoped} { // by policy, by scope, as hits
			must(t, ask(h))
			if got := files(log); !slices.Equal(got, want) {
				t.Errorf("%s: the log names %q, and without the plugin %q", name, got, want)
			}
		}
	}
}

// files are the files and lines that the log names.
func files(log *lab.Lines) (names []string) {
	for _, line := range log.Take() {
		file, _, _ := strings.Cut(line, "\n")
		names = append(names, filepath.Base(file))
	}
	return names
}
