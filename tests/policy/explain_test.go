package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// recording is a store that notes what is looked up.
type recording struct {
	store.Store
	mu    sync.Mutex
	calls int
	keys  []string
	tags  []string
}

// Lookup implements store.Store.
func (r *recording) Lookup(ctx context.Context, l *store.Lookup) error {
	r.mu.Lock()
	r.calls++
	if len(l.Keys) > 0 {
		r.keys, r.tags = append(r.keys, l.Keys...), append(r.tags, l.Tags...)
	}
	r.mu.Unlock()
	return r.Store.Lookup(ctx, l)
}

func (r *recording) Mark(ctx context.Context, tags []string, w store.Writer, ttl time.Duration) error {
	r.mu.Lock()
	r.calls++
	r.mu.Unlock()
	return r.Store.Mark(ctx, tags, w, ttl)
}

func (r *recording) take() (keys, tags []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys, tags = set(r.keys), set(r.tags)
	r.keys, r.tags, r.calls = nil, nil, 0
	return keys, tags
}

func set(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func recorded(t *testing.T, kind string, models policies) (*world, *recording) {
	r := &recording{}
	w := newWorld(t, kind, byPolicy(models), func(c *gormcache.Config) {
		r.Store = c.Store
		c.Store, c.Tracked = r, map[string][]string{"orders": {"user_id"}}
	})
	return w, r
}

// discard makes a query of one that answers.
func discard(q query) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		_, err := q(db)
		tx := db.Session(&gorm.Session{})
		if !errors.Is(err, gorm.ErrDryRunModeUnsupported) {
			_ = tx.AddError(err)
		}
		return tx
	}
}

func where(q query, args ...any) query {
	return func(db *gorm.DB) (any, error) { return q(db.Where(args[0], args[1:]...)) }
}

// explained are queries, by the class they are said to be of, and words of what evicts them.
var explained = []struct {
	name  string
	query query
	class observe.Class
	words []string
}{
	{"a table", find[User], observe.ClassTable, []string{"any write to users"}},
	{"a row", where(first[User], "id = ?", 1), observe.ClassRow, []string{"a write to users where id is 1", "whose rows can't be told"}},
	{"a column", where(find[Order], "user_id = ?", 1), observe.ClassColumn, []string{"a write to orders where user_id is 1, before or after"}},
	{"rows", where(find[User], "id IN ?", []int{2, 1}), observe.ClassParts, []string{"id is 1", "id is 2"}},
	{"two tables", raw("SELECT u.name FROM users u JOIN orders o ON o.user_id = u.id"), observe.ClassTable, []string{"any write to users", "any write to orders"}},
	{"a count", count[User], observe.ClassTable, nil},
	{"rows by Scan", scan, observe.ClassTable, nil},
	{"a table with tags", with(find[User], fromcache.Region("second", fromcache.Tags("mine"), fromcache.TTL(time.Minute))), observe.ClassTable, []string{`invalidate.Tags("mine")`, `invalidate.Region("second")`}},
	{"a subquery", func(db *gorm.DB) (any, error) {
		fresh := db.Session(&gorm.Session{NewDB: true})
		return find[User](db.Where("id IN (?)", fresh.Model(&Order{}).Select("user_id")))
	}, observe.ClassTable, []string{"any write to users", "any write to orders"}},
}

func TestExplainedQueriesAreReadSo(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, r := recorded(t, kind, every)
			for _, c := range explained {
				before := w.plugin.Stats()
				e, err := gormcache.Explain(w.db, discard(c.query))
				must(t, err)
				if r.calls != 0 {
					t.Errorf("%s: the store was asked", c.name)
				}
				if after := w.plugin.Stats(); after.Bypasses != before.Bypasses || after.Misses != before.Misses {
					t.Errorf("%s: it was counted as a read", c.name)
				}
				if len(e.Statements) != 1 || e.Statements[0].Query == nil {
					t.Errorf("%s: %d statements:\n%s", c.name, len(e.Statements), e)
					continue
				}
				q := e.Statements[0].Query
				_, err = c.query(w.db)
				must(t, err)
				keys, tags := r.take()
				if !slices.Equal(set(q.Keys), keys) || !slices.Equal(set(q.Tags), tags) {
					t.Errorf("%s: the read used\n%s\n%s\nand it was explained so:\n%s", c.name, keys, tags, e)
				}
				if q.Class != c.class && !(c.class == observe.ClassParts && q.Class == observe.ClassRow) { // some databases keep no order
					t.Errorf("%s: class %s, want %s", c.name, q.Class, c.class)
				}
				for _, word := range c.words {
					if !strings.Contains(e.String(), word) {
						t.Errorf("%s: it does not say %q:\n%s", c.name, word, e)
					}
				}
			}
		})
	}
}

func TestExplainSaysWhyNot(t *testing.T) {
	models := policies{"users": {Operations: fromcache.Get}, "companies": {Off: true}, "notes": {}}
	w, _ := recorded(t, "sqlite", models)
	for name, c := range map[string]struct {
		query  query
		reason observe.Reason
		word   string
	}{
		"no policy":       {find[Order], observe.Unscoped, "no policy is for Order"},
		"off":             {find[Company], observe.Policy, "it is off"},
		"not this":        {find[User], observe.Policy, "it is for Get, and this is List"},
		"bypass":          {with(find[Order], fromcache.Bypass()), observe.Asked, ""},
		"bypass a policy": {with(find[Note], fromcache.Bypass()), observe.Asked, ""},
		"locking":         {with(find[Note], clause.Locking{Strength: "UPDATE"}), observe.Locking, ""},
		"volatile":        {where(find[Note], "text < random()"), observe.Volatile, "random"},
		"no such table":   {with(raw("SELECT * FROM nowhere"), fromcache.Region("default")), observe.Tables, "nowhere"},
	} {
		e, err := gormcache.Explain(w.db, discard(c.query))
		must(t, err)
		if len(e.Statements) != 1 || e.Statements[0].Query == nil || e.Statements[0].Query.Bypass != c.reason || !strings.Contains(e.String(), c.word) {
			t.Errorf("%s: want %s, %q:\n%s", name, c.reason, c.word, e)
		}
	}
	tx := w.db.Begin()
	defer tx.Rollback()
	e, err := gormcache.Explain(tx, discard(find[Note]))
	must(t, err)
	if q := e.Statements[0].Query; q.Bypass != observe.Transaction {
		t.Errorf("in a transaction:\n%s", e)
	}
}

// written are writes, and whether their rows are known.
var written = []struct {
	name   string
	write  func(*gorm.DB) *gorm.DB
	narrow bool
	words  []string
	later  bool // the write itself tells more
}{
	{"update a row", func(db *gorm.DB) *gorm.DB { return db.Model(&User{ID: 1}).Update("age", 3) }, true, []string{"at the COMMIT"}, false},
	{"save a row", func(db *gorm.DB) *gorm.DB { return db.Save(&Label{ID: 1, Name: "x"}) }, true, nil, false},
	{"update by a condition", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Where("age > ?", 3).Update("age", 3) }, false, []string{"pins no rows"}, false},
	{"create with a key", func(db *gorm.DB) *gorm.DB { return db.Create(&Label{ID: 77, Name: "x"}) }, true, nil, false},
	{"create without", func(db *gorm.DB) *gorm.DB { return db.Create(&Label{Name: "y"}) }, true, []string{"which the database makes"}, true},
	{"delete, and what goes with it", func(db *gorm.DB) *gorm.DB { return db.Delete(&User{ID: 2}) }, true, []string{"orders"}, false},
	{"raw, alone", func(db *gorm.DB) *gorm.DB { return db.Exec("UPDATE companies SET name = 'x' WHERE id = 1") }, true, []string{"when it has ended"}, false},
	{"raw, of all", func(db *gorm.DB) *gorm.DB { return db.Exec("UPDATE companies SET name = 'x'") }, false, []string{"pins no rows"}, false},
	{"raw, by Scan", func(db *gorm.DB) *gorm.DB {
		var got []map[string]any
		return db.Raw("UPDATE companies SET name = 'z' WHERE id = 1").Scan(&got)
	}, true, nil, false},
	{"an upsert", func(db *gorm.DB) *gorm.DB {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Label{ID: 1, Name: "x"})
	}, false, []string{"ON CONFLICT or ON DUPLICATE KEY UPDATE"}, false},
	{"tracked", func(db *gorm.DB) *gorm.DB { return db.Model(&Order{ID: 1}).Update("total", 9) }, true, []string{"the values of user_id"}, true},
	{"tracked, alone", func(db *gorm.DB) *gorm.DB { return db.Exec("UPDATE orders SET total = 8 WHERE id = 1") }, false, []string{"tracked columns user_id"}, false},
	{"tracked, created", func(db *gorm.DB) *gorm.DB { return db.Create(&Order{ID: 50, UserID: 1}) }, true, nil, false},
	{"DDL", func(db *gorm.DB) *gorm.DB { return db.Exec("CREATE TABLE more (id INTEGER)") }, false, []string{"DDL drops the whole namespace"}, false},
}

func TestExplainedWritesChangeSo(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, _ := recorded(t, kind, every)
			_, err := where(find[Order], "user_id = ?", 1)(w.db) // someone tracks a column
			must(t, err)
			must(t, w.db.Model(&Order{ID: 2}).Update("total", 1).Error) // and this process has learnt of it
			for _, c := range written {
				w.outcomes.Invalidations()
				e, err := gormcache.Explain(w.db, c.write)
				must(t, err)
				if len(w.outcomes.Invalidations()) > 0 {
					t.Errorf("%s: explaining it changed tags", c.name)
				}
				if len(e.Statements) != 1 || e.Statements[0].Write == nil {
					t.Errorf("%s: %d statements:\n%s", c.name, len(e.Statements), e)
					continue
				}
				x := e.Statements[0].Write
				must(t, c.write(w.db).Error)
				var changed []string
				for _, i := range w.outcomes.Invalidations() {
					changed = append(changed, i.Tags...)
				}
				changed = set(changed)
				for _, tag := range x.Tags {
					if !slices.Contains(changed, tag) {
						t.Errorf("%s: %s did not change:\n%s\n%s", c.name, tag, changed, e)
					}
				}
				if !c.later && len(x.Later) == 0 && !slices.Equal(set(x.Tags), changed) || c.later != (len(x.Later) > 0) {
					t.Errorf("%s: changed\n%s\nexplained:\n%s", c.name, changed, e)
				}
				if x.Narrow != c.narrow {
					t.Errorf("%s: narrow %v, want %v:\n%s", c.name, x.Narrow, c.narrow, e)
				}
				for _, word := range c.words {
					if !strings.Contains(e.String(), word) {
						t.Errorf("%s: it does not say %q:\n%s", c.name, word, e)
					}
				}
			}
		})
	}
}

func TestExplainShowsWhatIsPreloaded(t *testing.T) {
	w, r := recorded(t, "sqlite", every)
	var users []User
	e, err := gormcache.Explain(w.db, func(tx *gorm.DB) *gorm.DB {
		return tx.Clauses(relation.Cache("Orders", "second")).Preload("Orders.Items").Preload("Company").Preload("Labels").Find(&users)
	})
	must(t, err)
	var of []string
	for _, s := range e.Statements {
		if s.Query == nil {
			t.Fatalf("no query:\n%s", e)
		}
		of = append(of, strings.Join(s.Query.Tables, "+")+" "+s.Query.Region)
		if s.Sample != (len(of) > 1) {
			t.Errorf("sample: %v", s)
		}
	}
	if want := []string{"users default", "companies default", "user_labels default", "orders second", "order_items default"}; !slices.Equal(of, want) {
		t.Errorf("got %q, want %q:\n%s", of, want, e)
	}
	if users != nil || r.calls != 0 {
		t.Errorf("it ran: %v", users)
	}
}

func TestExplainShowsWhatIsSavedWith(t *testing.T) {
	w, _ := recorded(t, "sqlite", nil)
	e, err := gormcache.Explain(w.db, func(tx *gorm.DB) *gorm.DB {
		return tx.Create(&User{Name: "x", Company: &Company{Name: "y"}, Orders: []Order{{Total: 1}}})
	})
	must(t, err)
	var tables []string
	for _, s := range e.Statements {
		tables = append(tables, s.Write.Tables...)
	}
	if want := []string{"companies", "users", "orders"}; !slices.Equal(tables, want) {
		t.Errorf("got %q, want %q:\n%s", tables, want, e)
	}
	var n int64
	must(t, w.bare.Model(&User{}).Count(&n).Error)
	if n != 2 {
		t.Errorf("%d users: it ran", n)
	}
}

func TestExplainReadsWell(t *testing.T) {
	w, _ := recorded(t, "sqlite", every)
	e, err := gormcache.Explain(w.db, discard(where(first[User], "id = ?", 1)))
	must(t, err)
	q := e.Statements[0].Query
	want := "SELECT * FROM `users` WHERE id = 1 ORDER BY `users`.`id` LIMIT 1\n" +
		"  region      default, by Config.Models[\"*\"]\n" +
		"  depends on  rows by their keys, of users\n" +
		"  key         " + q.Keys[0] + "\n" +
		"  tags        policy:n policy:r:default policy:b:users policy:k:users.1\n" +
		"  evicted by  a write to users where id is 1\n" +
		"              a write to users whose rows can't be told\n" +
		"              invalidate.Region(\"default\"), invalidate.All, DDL\n" +
		"  and after   1h0m0s\n"
	if got := e.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var back observe.Explanation
	must(t, json.Unmarshal([]byte(e.JSON()), &back))
	if back.String() != want {
		t.Errorf("JSON is not the same:\n%s", e.JSON())
	}
}

func TestExplainRefuses(t *testing.T) {
	w, _ := recorded(t, "sqlite", nil)
	if _, err := gormcache.Explain(w.bare, discard(find[User])); !errors.Is(err, gormcache.ErrNotRegistered) {
		t.Error(err)
	}
	if _, err := gormcache.Explain(nil, nil); err == nil || !strings.Contains(err.Error(), "pass a *gorm.DB") {
		t.Error(err)
	}
	if _, err := gormcache.Explain(w.db, func(tx *gorm.DB) *gorm.DB { return tx.Model(&User{}).Update("age", 1) }); !errors.Is(err, gorm.ErrMissingWhereClause) {
		t.Error(err)
	}
	if _, err := gormcache.Explain(w.db, discard(with(find[User], fromcache.Region("nowhere")))); !errors.Is(err, region.ErrUnknownRegion) {
		t.Error(err)
	}
}
