package relation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Of 100 parents of which 90 are cached, one query asks for 10.
func TestOnlyMissingParentsAreAskedFor(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			change := func(cfg *gormcache.Config) {
				if kind == "postgres" {
					cfg.Store = servers.Redis(t).Store(t)
				}
			}
			w := newWorld(t, kind, 100, change)
			find := func(db *gorm.DB, from, to uint) (users []User) {
				t.Helper()
				must(t, db.Preload("Orders").Where("id BETWEEN ? AND ?", from, to).Order("id").Find(&users).Error)
				return users
			}
			orders := func() *gorm.DB { return w.db.Clauses(relation.Cache("Orders", "default")) }
			find(orders(), 11, 100)
			w.take()
			equal(t, "users", find(orders(), 1, 100), find(w.plain, 1, 100))
			queries := w.take()
			if len(queries) != 2 {
				t.Fatalf("sent %q, want one query for users and one for orders", queries)
			}
			if _, n := list(queries[1]); n != 10 || !strings.Contains(queries[1], "orders") {
				t.Errorf("asked for %d parents: %s", n, queries[1])
			}
			equal(t, "users", find(orders(), 1, 100), find(w.plain, 1, 100))
			if queries = w.take(); len(queries) != 1 {
				t.Errorf("sent %q, want users only: parents without orders are remembered", queries)
			}
			must(t, w.db.Model(&Order{ID: 59}).Update("amount", 99).Error)
			w.take()
			equal(t, "users", find(orders(), 1, 100), find(w.plain, 1, 100))
			if queries = w.take(); len(queries) != 2 || longestList(queries[1]) != 1 {
				t.Errorf("sent %q after a write to an order of one user", queries)
			}
		})
	}
}

func longestList(query string) int {
	_, n := list(query)
	return n
}

// A query's scope does not cover what it preloads, nor the other way round.
func TestScopesAreSeparate(t *testing.T) {
	w := newWorld(t, "sqlite", 8)
	sent := func(db *gorm.DB) (tables []string) {
		t.Helper()
		for range 2 {
			w.take()
			must(t, db.Session(&gorm.Session{}).Preload("Orders").Preload("Languages").Find(&[]User{}).Error)
		}
		for _, q := range w.take() {
			_, rest, _ := strings.Cut(q, "FROM `")
			table, _, _ := strings.Cut(rest, "`")
			tables = append(tables, table)
		}
		slices.Sort(tables)
		return tables
	}
	for name, c := range map[string]struct {
		scopes []clause.Expression
		want   string
	}{
		"none":          {nil, "[langs orders user_langs users]"},
		"query":         {[]clause.Expression{fromcache.Region("default")}, "[langs orders user_langs]"},
		"one":           {[]clause.Expression{relation.Cache("Orders", "default")}, "[langs user_langs users]"},
		"many to many":  {[]clause.Expression{relation.Cache("Languages", "default")}, "[orders users]"},
		"query and one": {[]clause.Expression{fromcache.Region("default"), relation.Cache("Orders", "default")}, "[langs user_langs]"},
		"all":           {[]clause.Expression{fromcache.Region("default"), relation.Cache("Orders", "default").And("Languages", "second")}, "[]"},
		"a path":        {[]clause.Expression{relation.Cache("Orders.Items", "default")}, "[langs orders user_langs users]"},
	} {
		if got := fmt.Sprint(sent(w.db.Clauses(c.scopes...))); got != c.want {
			t.Errorf("%s: sent queries of %s, want %s", name, got, c.want)
		}
	}
}

func TestMisuseIsAnError(t *testing.T) {
	w := newWorld(t, "sqlite", 3)
	for _, c := range []struct {
		scope *relation.Cached
		want  string
	}{
		{relation.Cache("Ordes", "default"), `User has no relation "Ordes": use one of ["Account" `},
		{relation.Cache("Orders.Item", "default"), `Order has no relation "Item": use one of ["Items"]`},
		{relation.Cache("Home.Town", "default"), `has no relation "Town": use one of ["City"]`},
		{relation.Cache("", "default"), "empty"},
		{relation.Cache("Orders.", "default"), "empty"},
		{relation.Cache("Orders", "nowhere"), `unknown region "nowhere"`},
		{relation.Cache("Orders", "default", fromcache.TTL(-1)), "TTL(-1ns)"},
		{relation.Cache("Orders", "default").And("Company", "default", fromcache.Refresh(), fromcache.OnlyIfCached()), `relation.Cache("Company")`},
	} {
		w.take()
		err := w.db.Clauses(c.scope).Preload("Orders").Find(&[]User{}).Error
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
		none(t, w.take(), false)
	}
	if err := w.plain.Clauses(relation.Cache("Orders", "default")).Find(&[]User{}).Error; !errors.Is(err, gormcache.ErrNotRegistered) {
		t.Errorf("without the plugin: %v", err)
	}
	if err := w.db.Clauses(relation.Cache("Orders", "default")).Preload("Ordes").Find(&[]User{}).Error; !errors.Is(err, gorm.ErrUnsupportedRelation) {
		t.Errorf("a preload that is misspelt: %v", err)
	}
	if err := invalidate.Relation(t.Context(), w.db, &User{ID: 1}, "Ordes"); !errors.Is(err, gorm.ErrUnsupportedRelation) || !strings.Contains(err.Error(), `"Orders"`) {
		t.Errorf("by hand: %v", err)
	}
	if err := invalidate.Relation(t.Context(), w.db, 5, "Orders"); err == nil {
		t.Error("by hand, of no model: no error")
	}
}

func TestOptionsOfRelations(t *testing.T) {
	w := newWorld(t, "sqlite", 8)
	find := func(opts ...fromcache.Option) error {
		return w.db.Clauses(relation.Cache("Orders", "default", opts...)).Preload("Orders").Find(&[]User{}).Error
	}
	sent := func(opts ...fromcache.Option) int {
		t.Helper()
		w.take()
		must(t, find(opts...))
		return len(w.take()) - 1 // that of users
	}
	if err := find(fromcache.OnlyIfCached()); !errors.Is(err, fromcache.ErrCacheMiss) {
		t.Errorf("nothing is cached: %v", err)
	}
	must(t, find())
	for name, c := range map[string]struct {
		opt  fromcache.Option
		want int
	}{
		"only if cached": {fromcache.OnlyIfCached(), 0},
		"refresh":        {fromcache.Refresh(), 1},
		"bypass":         {fromcache.Bypass(), 1},
		"a new key":      {fromcache.Key("x"), 1},
		"a new tag":      {fromcache.Tags("mine"), 1},
	} {
		if n := sent(c.opt); n != c.want {
			t.Errorf("%s: %d queries of orders, want %d", name, n, c.want)
		}
	}
	if n := sent(fromcache.Tags("mine")); n != 0 {
		t.Error("with a tag: not cached")
	}
	must(t, invalidate.Tags(t.Context(), w.db, "mine"))
	if n := sent(fromcache.Tags("mine")); n != 1 {
		t.Error("the tag does not drop it")
	}
	must(t, w.db.Transaction(func(tx *gorm.DB) error {
		w.take()
		err := tx.Clauses(relation.Cache("Orders", "default")).Preload("Orders").Find(&[]User{}).Error
		if n := len(w.take()); n != 2 {
			t.Errorf("%d queries in a transaction, want both", n)
		}
		return err
	}))
}

// A list of keys gives each row once, in the order of the database, and asks for what is missing only.
func TestListsOfKeys(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, 30)
			for name, q := range map[string]struct {
				run   func(db *gorm.DB, ids []int) *gorm.DB
				parts bool
			}{
				"ordered":    {func(db *gorm.DB, ids []int) *gorm.DB { return db.Order("id").Where("id IN ?", ids) }, true},
				"descending": {func(db *gorm.DB, ids []int) *gorm.DB { return db.Order("users.id DESC").Where("id IN ?", ids) }, true},
				"inline":     {func(db *gorm.DB, ids []int) *gorm.DB { return db.Order("id").Where(ids) }, true},
				"with conditions": {func(db *gorm.DB, ids []int) *gorm.DB {
					return db.Order("id").Where("id IN ? AND name LIKE ?", ids, "%1%")
				}, true},
				"columns": {func(db *gorm.DB, ids []int) *gorm.DB {
					return db.Order("id").Select("name", "id").Where("id IN ?", ids)
				}, true},
				"as it comes":     {func(db *gorm.DB, ids []int) *gorm.DB { return db.Where("id IN ?", ids) }, kind == "sqlite"},
				"by another":      {func(db *gorm.DB, ids []int) *gorm.DB { return db.Order("name").Where("id IN ?", ids) }, false},
				"limited":         {func(db *gorm.DB, ids []int) *gorm.DB { return db.Order("id").Limit(3).Where("id IN ?", ids) }, false},
				"without the key": {func(db *gorm.DB, ids []int) *gorm.DB { return db.Order("id").Select("name").Where("id IN ?", ids) }, false},
				"not":             {func(db *gorm.DB, ids []int) *gorm.DB { return db.Order("id").Where("id NOT IN ?", ids) }, false},
				"or":              {func(db *gorm.DB, ids []int) *gorm.DB { return db.Order("id").Where("id IN ? OR id = 2", ids) }, false},
			} {
				t.Run(name, func(t *testing.T) {
					opt := w.fresh()
					for _, ids := range [][]int{{5, 3, 9}, {3, 3, 5}, {9, 4, 5, 77, 3, 12, 5}, {77}, {77, 12, 4}} {
						for range 2 {
							var got, want []User
							must(t, q.run(w.plain, ids).Find(&want).Error)
							w.take()
							must(t, q.run(w.db.Clauses(fromcache.Region("default", opt)), ids).Find(&got).Error)
							equal(t, fmt.Sprint(ids), got, want)
							for _, sql := range w.take() {
								if n := longestList(sql); q.parts && n > 3 {
									t.Errorf("%v: sent %s", ids, sql)
								}
							}
						}
					}
					w.take()
					must(t, q.run(w.db.Clauses(fromcache.Region("default", opt)), []int{12, 9, 77, 3}).Find(&[]User{}).Error)
					if n := len(w.take()); (n == 0) != q.parts {
						t.Errorf("%d queries for rows that are all known", n)
					}
				})
			}
		})
	}
}

// Two lists that are split in another way are another query, though their values are the same in the same order.
//
// Falls if: the lengths of the other lists are no part of a row's key. Then user 4, who is in the one answer, is
// taken for one who is in neither, or in both.
func TestListsBesideTheKeys(t *testing.T) {
	w, ids := newWorld(t, "sqlite", 8), []int{1, 4}
	for name, query := range map[string]string{
		"before": "company_id IN ? AND home_city_id IN ? AND id IN (?, ?)",
		"behind": "id IN (?, ?) AND company_id IN ? AND home_city_id IN ?",
	} {
		for round := range 2 {
			for _, split := range [][2][]int{{{2, 1}, {2}}, {{2}, {1, 2}}} {
				args := []any{split[0], split[1], ids[0], ids[1]}
				if name == "behind" {
					args = []any{ids[0], ids[1], split[0], split[1]}
				}
				var got, want []User
				must(t, w.plain.Order("id").Where(query, args...).Find(&want).Error)
				w.take()
				must(t, w.db.Clauses(fromcache.Region("default")).Order("id").Where(query, args...).Find(&got).Error)
				equal(t, fmt.Sprint(name, split), got, want)
				if n := len(w.take()); (n == 0) != (round == 1) {
					t.Errorf("%s, %v: %d queries in round %d", name, split, n, round)
				}
			}
		}
	}
}

// A row that is written is loaded again, a row that is made is found, others are kept.
func TestListsOfKeysAreFresh(t *testing.T) {
	if servers.SQLiteInGo {
		t.Skip("rows whose columns have different types by the driver are no parts of one answer")
	}
	w := newWorld(t, "sqlite", 8)
	names := func() string {
		t.Helper()
		var users []User
		must(t, w.db.Clauses(fromcache.Region("default")).Find(&users, []int{8, 2, 99, 4}).Error)
		list := []string{}
		for _, u := range users {
			list = append(list, u.Name)
		}
		return strings.Join(list, " ")
	}
	want := func(s string) {
		t.Helper()
		if got := names(); got != s {
			t.Errorf("got %q, want %q", got, s)
		}
	}
	want("user-2 user-4 user-8")
	must(t, w.plain.Exec("UPDATE users SET name = 'behind'").Error)
	want("user-2 user-4 user-8")
	must(t, w.db.Model(&User{ID: 4}).Update("name", "four").Error)
	want("user-2 four user-8")
	must(t, w.db.Create(&User{ID: 99, Name: "new"}).Error)
	want("user-2 four user-8 new")
	must(t, w.db.Model(&User{}).Where("id > ?", 50).Update("name", "newer").Error)
	want("behind four behind newer")
}

// Rows that are equal to what was asked for only by a collation can't be told apart. GORM can't place them
// either, and says so, whether they come from the cache or not.
func TestCollationsAreNotDivided(t *testing.T) {
	w := newWorld(t, "mariadb", 8)
	for _, holder := range []string{"USER-1", "üser-1", "user-1 "} {
		must(t, w.db.Model(&Account{ID: 1}).Update("holder", holder).Error)
		for range 3 {
			var got, want []User
			wantErr := w.plain.Preload("Account").Order("id").Find(&want).Error
			err := w.db.Clauses(relation.Cache("Account", "default")).Preload("Account").Order("id").Find(&got).Error
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%q: got %v, want %v", holder, err, wantErr)
			}
			if err == nil {
				equal(t, holder, got, want)
			}
		}
	}
	var got, want []Account // asked for by hand, such a row is an answer
	must(t, w.plain.Order("id").Find(&want, "holder IN ?", []string{"user-1", "user-2"}).Error)
	for range 2 {
		must(t, w.db.Clauses(fromcache.Region("default").By("holder")).Order("id").Find(&got, "holder IN ?", []string{"user-1", "user-2"}).Error)
		equal(t, "accounts", got, want)
	}
}
