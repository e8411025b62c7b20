package policy_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

type policies = map[string]fromcache.Policy

// query is a query, and what it answers.
type query func(db *gorm.DB) (any, error)

func find[T any](db *gorm.DB) (any, error) {
	var all []T
	err := db.Order("id").Find(&all).Error
	return all, err
}

func first[T any](db *gorm.DB) (any, error) {
	var one T
	err := db.First(&one).Error
	return one, err
}

func count[T any](db *gorm.DB) (any, error) {
	var n int64
	err := db.Model(new(T)).Count(&n).Error
	return n, err
}

func pluck(db *gorm.DB) (any, error) {
	var names []string
	err := db.Model(&User{}).Order("id").Pluck("name", &names).Error
	return names, err
}

func scan(db *gorm.DB) (any, error) {
	var got struct{ Name string }
	err := db.Model(&User{}).Order("id").Limit(1).Scan(&got).Error
	return got, err
}

func raw(sql string, args ...any) query {
	return func(db *gorm.DB) (any, error) {
		var got []map[string]any
		err := db.Raw(sql, args...).Scan(&got).Error
		return got, err
	}
}

func rawInto[T any](sql string) query {
	return func(db *gorm.DB) (any, error) {
		var got []T
		err := db.Raw(sql).Find(&got).Error // Scan does not tell GORM's callbacks what it scans into
		return got, err
	}
}

func table(name string) query {
	return func(db *gorm.DB) (any, error) {
		var got []map[string]any
		err := db.Table(name).Order("id").Find(&got).Error
		return got, err
	}
}

// scoped gives the clauses to a handle with the plugin; the other one answers without.
func scoped(db *gorm.DB, clauses ...clause.Expression) *gorm.DB {
	if _, ok := db.Plugins["gormcache"]; !ok {
		return db
	}
	return db.Clauses(clauses...)
}

func with(q query, clauses ...clause.Expression) query {
	return func(db *gorm.DB) (any, error) { return q(scoped(db, clauses...)) }
}

func preload(db *gorm.DB) (any, error) {
	var all []User
	err := db.Preload("Orders.Items").Preload("Company").Preload("Labels").Order("id").Find(&all).Error
	return all, err
}

func orders(db *gorm.DB) (any, error) {
	var all []Order
	err := db.Model(&User{ID: 1}).Association("Orders").Find(&all)
	return all, err
}

func labels(db *gorm.DB) (any, error) {
	var all []Label
	err := db.Model(&User{ID: 1}).Association("Labels").Find(&all)
	return all, err
}

func company(db *gorm.DB) (any, error) {
	var all []Company
	id := uint(1)
	err := db.Model(&User{ID: 1, CompanyID: &id}).Association("Company").Find(&all)
	return all, err
}

func inTransaction(q query) query {
	return func(db *gorm.DB) (got any, err error) {
		err = db.Transaction(func(tx *gorm.DB) error {
			got, err = q(tx)
			return err
		})
		return got, err
	}
}

const served = "default:miss default:hit"

var every = policies{"*": {}}

// rules are the rules of a policy: what is configured, what is asked twice, and how it ends.
var rules = []struct {
	name   string
	models policies
	query  query
	want   string
}{
	{"nothing is configured", nil, find[User], ""},
	{"by *", every, find[User], served},
	{"by the type", policies{"User": {}}, find[User], served},
	{"by the type and its package", policies{"policy_test.User": {}}, find[User], served},
	{"by the table", policies{"users": {}}, find[User], served},
	{"by the table and its schema", policies{"Public.Users": {}}, find[User], served},
	{"by a pattern of tables", policies{"order*": {}}, find[OrderItem], served},
	{"by a pattern of types", policies{"Order*": {}}, find[OrderItem], served},
	{"another model", policies{"User": {}, "order*": {}}, find[Company], ""},
	{"a name before a pattern", policies{"*": {Off: true}, "use*": {Off: true}, "users": {Region: "second"}}, find[User], "second:miss second:hit"},
	{"a type before a table", policies{"User": {Region: "second"}, "public.users": {}}, find[User], "second:miss second:hit"},
	{"the longest pattern", policies{"o*": {Off: true}, "order_*": {Region: "second"}, "*": {}}, find[OrderItem], "second:miss second:hit"},
	{"a pattern before *", policies{"*": {}, "user*": {Off: true}}, find[User], ""},
	{"a method", nil, find[Note], "second:miss second:hit"},
	{"a method before *", every, find[Note], "second:miss second:hit"},
	{"a name before a method", policies{"notes": {}}, find[Note], served},
	{"a pattern before a method", policies{"note*": {}}, find[Note], served},
	{"a method that says off", every, find[Secret], ""},
	{"off", policies{"*": {}, "users": {Off: true}}, find[User], ""},

	{"get", policies{"*": {Operations: fromcache.Get}}, first[User], served},
	{"get is no list", policies{"*": {Operations: fromcache.Get}}, find[User], ""},
	{"get is no count", policies{"*": {Operations: fromcache.Get}}, count[User], ""},
	{"get is no scan", policies{"*": {Operations: fromcache.Get}}, scan, ""},
	{"list", policies{"*": {Operations: fromcache.List}}, find[User], served},
	{"list: pluck", policies{"*": {Operations: fromcache.List}}, pluck, served},
	{"list: scan", policies{"*": {Operations: fromcache.List}}, scan, served},
	{"list is no get", policies{"*": {Operations: fromcache.List}}, first[User], ""},
	{"list is no relation", policies{"*": {Operations: fromcache.List}}, orders, ""},
	{"count", policies{"*": {Operations: fromcache.Count}}, count[User], served},
	{"count is no list", policies{"*": {Operations: fromcache.Count}}, pluck, ""},
	{"relation: association", policies{"*": {Operations: fromcache.Relation}}, orders, served},
	{"relation: association by a join", policies{"*": {Operations: fromcache.Relation}}, labels, served},
	{"relation: association to a parent", policies{"*": {Operations: fromcache.Relation}}, company, served},
	{"relation: no list", policies{"*": {Operations: fromcache.Relation}}, find[User], ""},
	{"relation: preloads", policies{"*": {Operations: fromcache.Relation}}, preload, strings.Repeat("default:miss ", 5) + strings.TrimSpace(strings.Repeat("default:hit ", 5))},
	{"all but relations: preloads", policies{"*": {Operations: fromcache.Get | fromcache.List | fromcache.Count}}, preload, served},
	{"a relation's own policy", policies{"Order": {}}, preload, served},
	{"off: a relation", policies{"*": {}, "order*": {Off: true}}, preload, strings.Repeat("default:miss ", 4) + strings.TrimSpace(strings.Repeat("default:hit ", 4))},

	{"raw, of one table", policies{"users": {}}, raw("SELECT * FROM users ORDER BY id"), served},
	{"raw, into the table's model", policies{"User": {}}, rawInto[User]("SELECT * FROM users ORDER BY id"), served},
	{"raw, into another model", policies{"User": {}}, rawInto[User]("SELECT id, name FROM companies ORDER BY id"), ""},
	{"raw, of another table", policies{"orders": {}}, raw("SELECT * FROM users ORDER BY id"), ""},
	{"raw, of two tables", policies{"users": {}, "orders": {}}, raw("SELECT u.name FROM users u JOIN orders o ON o.user_id = u.id ORDER BY o.id"), ""},
	{"raw, of two tables, by *", every, raw("SELECT u.name FROM users u JOIN orders o ON o.user_id = u.id ORDER BY o.id"), served},
	{"raw, of no table", every, raw("SELECT 1"), ""},
	{"raw that writes", every, raw("UPDATE users SET age = age"), ""},
	{"a table", policies{"users": {}}, table("users"), served},
	{"a table with another name", policies{"users": {}}, table("users AS u"), served},
	{"another table", policies{"orders": {}}, table("users"), ""},
	{"a model's table by another's name", policies{"User": {}}, func(db *gorm.DB) (any, error) { return find[User](db.Table("companies").Select("id", "name")) }, ""},
	{"off: a joined table", policies{"*": {}, "orders": {Off: true}}, func(db *gorm.DB) (any, error) {
		return find[User](db.Where("id IN (?)", db.Model(&Order{}).Select("user_id")))
	}, "default:bypass:policy default:bypass:policy"},
	{"off: a joined table, but for a scope", policies{"*": {}, "orders": {Off: true}}, func(db *gorm.DB) (any, error) {
		return find[User](scoped(db, fromcache.Region("default")).Where("id IN (?)", db.Model(&Order{}).Select("user_id")))
	}, served},
	{"a subquery counts for nothing", every, func(db *gorm.DB) (any, error) {
		return find[User](db.Where("id IN (?)", db.Model(&Order{}).Select("user_id")))
	}, served},

	{"a scope of its own", every, with(find[User], fromcache.Region("second")), "second:miss second:hit"},
	{"a scope of its own where off", policies{"*": {Off: true}}, with(find[User], fromcache.Region("second")), "second:miss second:hit"},
	{"bypass", every, with(find[User], fromcache.Bypass()), "default:bypass:asked default:bypass:asked"},
	{"bypass where nothing is configured", nil, with(find[User], fromcache.Bypass()), ""},
	{"bypass of a scope", every, with(find[User], fromcache.Region("second"), fromcache.Bypass()), "second:bypass:asked second:bypass:asked"},
	{"refresh", every, with(find[User], fromcache.Refresh()), "default:miss default:miss"},
	{"by scopes", every, func(db *gorm.DB) (any, error) { return find[User](db.Scopes(fromcache.With(fromcache.Bypass()))) }, "default:bypass:asked default:bypass:asked"},
	{"bypass goes for preloads", every, with(preload, fromcache.Bypass()), strings.TrimSpace(strings.Repeat("default:bypass:asked ", 12))},
	{"refresh goes for preloads", every, with(preload, fromcache.Refresh()), strings.TrimSpace(strings.Repeat("default:miss ", 12))},

	{"in a transaction", every, inTransaction(find[User]), "default:bypass:transaction default:bypass:transaction"},
	{"in a transaction, asked for", every, inTransaction(with(find[User], fromcache.InTransaction())), "default:bypass:catalog default:miss"},
	{"locking", every, with(find[User], clause.Locking{Strength: "UPDATE"}), "default:bypass:locking default:bypass:locking"},
}

func TestRules(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, r := range rules {
				if kind != "sqlite" && !shared[r.name] { // the dialect makes no difference
					continue
				}
				t.Run(r.name, func(t *testing.T) {
					w := newWorld(t, kind, byPolicy(r.models))
					want, err := r.query(w.bare)
					must(t, err)
					for i := range 2 {
						got, err := r.query(w.db)
						must(t, err)
						if !reflect.DeepEqual(got, want) {
							t.Errorf("answer %d:\n got %+v\nwant %+v", i, got, want)
						}
					}
					got := w.ended()
					if got != r.want {
						t.Errorf("got  %q\nwant %q", got, r.want)
					}
				})
			}
		})
	}
}

// shared are the rules that depend on the dialect, and run on all.
var shared = map[string]bool{
	"by *": true, "count": true, "relation: preloads": true, "relation: association by a join": true, "raw, of one table": true,
	"raw, of two tables, by *": true, "a table with another name": true, "a relation's own policy": true,
	"by the table and its schema": true, "off: a joined table": true, "in a transaction": true, "locking": true,
}

func TestOptionsNeedARegion(t *testing.T) {
	w := newWorld(t, "sqlite", byPolicy(policies{"Order": {}, "companies": {Off: true}}))
	for name, opt := range map[string]fromcache.Option{"TTL": fromcache.TTL(time.Minute), "Refresh": fromcache.Refresh(), "Tags": fromcache.Tags("x")} {
		_, err := find[User](w.db.Clauses(opt))
		if err == nil || !strings.Contains(err.Error(), "fromcache.Region(name, …)") || !strings.Contains(err.Error(), "User a policy in Config.Models") {
			t.Errorf("%s: the error names no remedy: %v", name, err)
		}
		if _, err := find[Company](w.db.Clauses(opt)); err != nil {
			t.Errorf("%s, where the policy is off: %v", name, err)
		}
		if _, err := find[Order](w.db.Clauses(opt)); err != nil {
			t.Errorf("%s, with a policy: %v", name, err)
		}
		if _, err := find[User](w.bare.Clauses(opt)); !errors.Is(err, gormcache.ErrNotRegistered) {
			t.Errorf("%s, without a plugin: %v", name, err)
		}
	}
	if _, err := find[User](w.bare.Clauses(fromcache.Bypass())); err != nil {
		t.Errorf("Bypass without a plugin: %v", err)
	}
	if _, err := find[Order](w.db.Clauses(fromcache.TTL(-1))); err == nil || !strings.Contains(err.Error(), "TTL(-1ns)") {
		t.Errorf("a wrong option: %v", err)
	}
	if _, err := find[Company](w.db.Clauses(fromcache.OnlyIfCached())); !errors.Is(err, fromcache.ErrCacheMiss) {
		t.Errorf("OnlyIfCached where the policy is off: %v", err)
	}
	if _, err := find[Order](w.db.Clauses(fromcache.OnlyIfCached())); err != nil {
		t.Errorf("OnlyIfCached of what is cached: %v", err)
	}
}

// An option changes a copy: the scope may be in use by other queries.
func TestOptionsLeaveASharedScopeAlone(t *testing.T) {
	w := newWorld(t, "sqlite")
	scope := fromcache.Region("default", fromcache.Key("a"))
	for range 2 {
		_, err := find[User](w.db.Clauses(scope, fromcache.Bypass(), fromcache.Key("b")))
		must(t, err)
		_, err = find[User](w.db.Clauses(scope))
		must(t, err)
	}
	if got, want := w.ended(), "default:bypass:asked default:miss default:bypass:asked default:hit"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTTLOfAPolicy(t *testing.T) {
	w := newWorld(t, "sqlite", byPolicy(policies{"users": {TTL: time.Nanosecond}, "orders": {TTL: time.Hour}}),
		func(c *gormcache.Config) { c.Regions["default"] = region.Config{TTL: time.Nanosecond} })
	for range 2 {
		_, err := find[User](w.db)
		must(t, err)
		_, err = find[Order](w.db)
		must(t, err)
		_, err = find[User](w.db.Clauses(fromcache.Key(1), fromcache.TTL(time.Hour)))
		must(t, err)
	}
	want := "default:miss default:miss default:miss default:miss default:hit default:hit"
	if got := w.ended(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Queries by policy see what is written, as those with a scope do.
func TestWritesDropWhatPoliciesCache(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, byPolicy(every))
			for _, name := range []string{"x", "y"} {
				must(t, w.db.Model(&User{ID: 2}).Update("name", name).Error)
				for range 2 {
					var u User
					must(t, w.db.First(&u, 2).Error)
					if u.Name != name {
						t.Errorf("got %q, want %q", u.Name, name)
					}
				}
			}
			if got, want := w.ended(), "default:miss default:hit default:miss default:hit"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestAClosedPluginFailsNoQueryByPolicy(t *testing.T) {
	w := newWorld(t, "sqlite", byPolicy(every))
	must(t, w.plugin.Close())
	if _, err := find[User](w.db); err != nil {
		t.Error(err)
	}
	if _, err := find[User](w.db.Clauses(fromcache.OnlyIfCached())); !errors.Is(err, fromcache.ErrCacheMiss) {
		t.Errorf("a query for cached data only: %v", err)
	}
	if n := w.plugin.Stats().Bypassed[observe.Closed]; n != 1 {
		t.Errorf("%d bypasses because the plugin is closed, want 1", n)
	}
}

func TestAWrongMethodIsAnErrorOfItsModel(t *testing.T) {
	w := newWorld(t, "sqlite")
	_, err := find[Wrong](w.db)
	for _, word := range []string{"policy_test.Wrong.CachePolicy", `"nowhere"`, "Config.Regions"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	if _, err := find[Wrong](w.db.Clauses(fromcache.Region("default"))); err != nil {
		t.Errorf("with a scope of its own: %v", err)
	}
}

func TestNewRefusesPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		models policies
		words  []string
	}{
		"unknown region":   {policies{"User": {Region: "nowhere"}}, []string{`Config.Models["User"]`, "Region", `"nowhere"`, "Config.Regions"}},
		"no name":          {policies{"": {}}, []string{`Config.Models[""]`, "empty"}},
		"a pattern":        {policies{"a[": {}}, []string{`Config.Models["a["]`, "path.Match"}},
		"operations":       {policies{"*": {Operations: 64}}, []string{`Config.Models["*"]`, "Operations", "Get"}},
		"TTL":              {policies{"*": {TTL: -1}}, []string{`Config.Models["*"]`, "TTL", "positive"}},
		"off and others":   {policies{"*": {Off: true, TTL: 1}}, []string{`Config.Models["*"]`, "Off", "leave"}},
		"a table twice":    {policies{"users": {}, "public.users": {}}, []string{"same table", "leave one"}},
		"two at once":      {policies{"a": {TTL: -1}, "b": {Region: "x"}}, []string{`Config.Models["a"]`, `Config.Models["b"]`}},
		"no default":       {policies{"a": {}}, nil},
		"a region unnamed": {policies{"a": {Region: "r"}}, []string{}},
	} {
		cfg := gormcache.Config{Namespace: "shop", Models: c.models}
		switch name {
		case "no default":
			cfg.Regions, c.words = map[string]region.Config{"r": {TTL: 1}}, []string{`Config.Models["a"]`, `"default"`}
		case "a region unnamed":
			cfg.Regions = map[string]region.Config{"r": {TTL: 1}}
		}
		p, err := gormcache.New(cfg)
		if len(c.words) == 0 {
			must(t, err)
			must(t, p.Close())
			continue
		}
		for _, word := range c.words {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: the error does not say %q: %v", name, word, err)
			}
		}
	}
}

// What can't be part of a key is bypassed: the policy must not make the query fail.
func TestArgumentsThatCannotBeWritten(t *testing.T) {
	w := newWorld(t, "sqlite", byPolicy(every))
	_, err := find[User](w.db.Where("age > ?", failing{}))
	_, want := find[User](w.bare.Where("age > ?", failing{}))
	if err == nil || want == nil || err.Error() != want.Error() {
		t.Errorf("got %v, want %v", err, want)
	}
	if got := w.ended(); got != "default:bypass:argument" {
		t.Error(got)
	}
}

func TestGenericQueries(t *testing.T) {
	w := newWorld(t, "sqlite", byPolicy(every))
	for range 2 {
		_, err := gorm.G[User](w.db).Where("age > ?", 1).Find(t.Context())
		must(t, err)
		_, err = gorm.G[User](w.db).Where("age > ?", 1).First(t.Context())
		must(t, err)
		_, err = gorm.G[User](w.db, fromcache.Bypass()).Where("age > ?", 1).First(t.Context())
		must(t, err)
	}
	if got, want := w.ended(), "default:miss default:miss default:bypass:asked default:hit default:hit default:bypass:asked"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is preloaded by policy is cached parent by parent, as by relation.Cache.
func TestPreloadsByPolicyAreCachedByParent(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, byPolicy(policies{"*": {Operations: fromcache.Relation}}))
			ask := func(ids ...int) {
				t.Helper()
				var got, want []User
				for into, db := range map[*[]User]*gorm.DB{&got: w.db, &want: w.bare} {
					must(t, db.Preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Order("total") }).Order("id").Find(into, ids).Error)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("of %v:\n got %+v\nwant %+v", ids, got, want)
				}
			}
			ask(1, 2)
			must(t, w.db.Create(&Order{UserID: 2, Total: 6}).Error) // the first write learns what is tracked
			ask(1, 2)
			w.ended()
			ask(1)
			ask(2)
			must(t, w.db.Create(&Order{UserID: 2, Total: 7}).Error)
			ask(1)
			ask(2)
			if got, want := w.ended(), "default:hit default:hit default:hit default:miss"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
