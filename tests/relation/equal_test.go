package relation_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// form is a query that preloads.
type form struct {
	name      string
	relations []string
	preload   func(db *gorm.DB) *gorm.DB
	// whole names the databases where not all is divided: answers are right, and loaded as a whole.
	whole []string
}

func preload(name string, args ...any) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB { return db.Preload(name, args...) }
}

// elsewhere is where the order of a list of keys is not certain.
var elsewhere = []string{"postgres", "mariadb"}

var forms = []form{
	{"has many", []string{"Orders"}, preload("Orders"), nil},
	{"has one", []string{"Profile"}, preload("Profile"), nil},
	{"has one by a text", []string{"Account"}, preload("Account"), nil},
	{"belongs to", []string{"Company"}, preload("Company"), nil},
	{"belongs to itself", []string{"Manager"}, preload("Manager"), nil},
	{"has many of itself", []string{"Team"}, preload("Team"), nil},
	{"many to many", []string{"Languages"}, preload("Languages"), elsewhere},
	{"many to many, ordered by key", []string{"Languages"}, preload("Languages", func(db *gorm.DB) *gorm.DB { return db.Order("id DESC") }), nil},
	{"many to many, ordered by name", []string{"Languages"}, preload("Languages", func(db *gorm.DB) *gorm.DB { return db.Order("name") }), servers.Kinds},
	{"many to many of itself", []string{"Friends"}, preload("Friends", func(db *gorm.DB) *gorm.DB { return db.Order("users.id") }), nil},
	{"polymorphic", []string{"Pictures"}, preload("Pictures"), nil},
	{"embedded", []string{"Home.City"}, preload("Home.City"), nil},
	{"nested", []string{"Orders", "Orders.Items"}, preload("Orders.Items"), nil},
	{"nested, the last only", []string{"Company.City"}, preload("Company.City"), nil},
	{"deeply nested", []string{"Manager", "Manager.Company", "Manager.Company.City"}, preload("Manager.Company.City"), nil},
	{"all", []string{clause.Associations}, preload(clause.Associations), elsewhere},
	{"all, one cached", []string{"Orders"}, preload(clause.Associations), nil},
	{"all of a relation", []string{"Manager", "Manager." + clause.Associations}, preload("Manager." + clause.Associations), elsewhere},
	{"below all", []string{clause.Associations, clause.Associations + ".City"}, func(db *gorm.DB) *gorm.DB { return db.Preload("Company.City").Preload("Orders") }, nil},
	{"below a join", []string{"Company.City"}, func(db *gorm.DB) *gorm.DB { return db.Joins("Company").Preload("Company.City") }, nil},
	{"below two joins", []string{"Manager.Company.City"}, func(db *gorm.DB) *gorm.DB {
		return db.Joins("Manager").Joins("Manager.Company").Preload("Manager.Company.City")
	}, nil},
	{"conditions", []string{"Orders"}, preload("Orders", "amount > ?", 4), nil},
	{"conditions with a list", []string{"Orders"}, preload("Orders", "amount IN ?", []int{1, 3, 5, 7, 9}), nil},
	{"condition with or", []string{"Orders"}, preload("Orders", "amount > ? OR amount = ?", 6, 2), nil},
	{"ordered", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Order("amount DESC, id") }), nil},
	{"ordered by an expression", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Order("amount % 3, id") }), nil},
	{"columns", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Select("id", "user_id") }), nil},
	{"omitted columns", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Omit("amount") }), nil},
	{"unscoped", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Unscoped() }), nil},
	{"limited", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Order("id").Limit(3) }), servers.Kinds},
	{"computed columns", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Select("id, user_id, amount * 2 AS amount") }), servers.Kinds},
	{"columns under other names", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Select("id, user_id, id AS amount") }), servers.Kinds},
	{"joined children", []string{"Orders"}, preload("Orders", func(db *gorm.DB) *gorm.DB {
		return db.Select("orders.*").Joins("JOIN items ON items.order_id = orders.id").Order("orders.id")
	}), servers.Kinds},
	{"subquery", []string{"Orders"}, preload("Orders", "id IN (SELECT order_id FROM items)"), servers.Kinds},
	{"several", []string{"Orders", "Company", "Pictures"}, func(db *gorm.DB) *gorm.DB {
		return db.Preload("Orders").Preload("Company").Preload("Pictures", "name LIKE ?", "%7")
	}, nil},
	{"a second list on the key", []string{"Orders"}, preload("Orders", "user_id IN ?", []int{1, 2, 4, 5}), servers.Kinds},
}

// Every form, loaded, found, and found in part, is what the database gives.
func TestPreloadsAreTheDatabases(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, 13)
			all, some := ids(1, 13), ids(3, 8)
			for _, f := range forms {
				t.Run(f.name, func(t *testing.T) {
					run := func(db *gorm.DB, ids []uint) []User {
						t.Helper()
						var users []User
						must(t, f.preload(db).Where("users.id IN ?", ids).Order("users.id").Find(&users).Error)
						return users
					}
					want := run(w.plain, all)
					opt := w.fresh()
					w.take()
					equal(t, "cold", run(w.scoped(opt, f.relations...), all), want)
					cold := w.take()
					equal(t, "warm", run(w.scoped(opt, f.relations...), all), want)
					if len(f.relations) > 1 || f.preload(w.plain).Statement.Preloads[clause.Associations] == nil {
						none(t, w.take(), f.uncached())
					}
					opt = w.fresh()
					equal(t, "some", run(w.scoped(opt, f.relations...), some), run(w.plain, some))
					w.take()
					equal(t, "partly warm", run(w.scoped(opt, f.relations...), all), want)
					if queries := w.take(); !slices.Contains(f.whole, kind) {
						narrow(t, queries, cold, f.uncached())
					}
				})
			}
		})
	}
}

// uncached tells that relations on the way are not cached.
func (f *form) uncached() bool {
	return f.name == "nested, the last only" || f.name == "all, one cached"
}

func ids(from, to uint) (list []uint) {
	for id := from; id <= to; id++ {
		list = append(list, id)
	}
	return list
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func none(t *testing.T, queries []string, uncached bool) {
	t.Helper()
	if !uncached && len(queries) > 0 {
		t.Errorf("sent %q", queries)
	}
}

// narrow checks that no query asks for as many parents as it did when nothing was cached.
func narrow(t *testing.T, queries, cold []string, uncached bool) {
	t.Helper()
	most := map[string]int{}
	for _, q := range cold {
		from, n := list(q)
		most[from] = max(n, most[from])
	}
	for _, q := range queries {
		if from, n := list(q); !uncached && !strings.Contains(q, " JOIN ") && n > 1 && n >= most[from] {
			t.Errorf("sent %q", q)
		}
	}
}

// list is what a query asks for values of, and how many.
func list(query string) (from string, n int) {
	from, rest, _ := strings.Cut(query, "IN (")
	values, _, _ := strings.Cut(rest, ")")
	return from, 1 + strings.Count(values, ",")
}

// Association().Find is a relation of the handle's model.
func TestAssociationsAreTheDatabases(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, 8)
			find := func(db *gorm.DB, id uint, name string, out any) any {
				t.Helper()
				must(t, db.Model(&User{ID: id, CompanyID: ptr(id%4 + 1)}).Association(name).Find(out))
				return reflect.ValueOf(out).Elem().Interface()
			}
			for name, out := range map[string]func() any{
				"Orders":    func() any { return &[]Order{} },
				"Company":   func() any { return &Company{} },
				"Languages": func() any { return &[]Lang{} },
				"Pictures":  func() any { return &[]Picture{} },
				"Team":      func() any { return &[]User{} },
			} {
				opt := w.fresh()
				for id := uint(1); id <= 8; id++ {
					want := find(w.plain, id, name, out())
					db := w.db.Clauses(relation.Cache(name, "default", opt))
					equal(t, name+" cold", find(db, id, name, out()), want)
					w.take()
					db = w.db.Clauses(relation.Cache(name, "default", opt))
					equal(t, name+" warm", find(db, id, name, out()), want)
					none(t, w.take(), false)
				}
			}
		})
	}
}

// An association of several parents is one list, in an order of its own.
func TestAssociationsOfSeveralParents(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, 8)
			for _, order := range []string{"id", "amount, id", "user_id DESC, id"} {
				find := func(db *gorm.DB, ids ...uint) (orders []Order) {
					t.Helper()
					users := make([]User, len(ids))
					for i, id := range ids {
						users[i].ID = id
					}
					must(t, db.Model(&users).Order(order).Association("Orders").Find(&orders))
					return orders
				}
				opt := w.fresh()
				for _, ids := range [][]uint{{5}, {2, 5, 7}, {7, 2}, {2, 5, 7}} {
					got := find(w.db.Clauses(relation.Cache("Orders", "default", opt)), ids...)
					equal(t, fmt.Sprint(ids, " by ", order), got, find(w.plain, ids...))
				}
			}
		})
	}
}

// What Preload has loaded, an association finds.
func TestAssociationsShareEntriesWithPreloads(t *testing.T) {
	w := newWorld(t, "sqlite", 8)
	must(t, w.db.Clauses(relation.Cache("Orders", "default")).Preload("Orders").Find(&[]User{}).Error)
	w.take()
	handle := func() *gorm.Association {
		return w.db.Clauses(relation.Cache("Orders", "default")).Model(&User{ID: 7}).Association("Orders")
	}
	var orders []Order
	must(t, handle().Find(&orders))
	if len(orders) != 3 {
		t.Fatalf("%d orders", len(orders))
	}
	none(t, w.take(), false)
	if n := handle().Count(); n != 3 {
		t.Errorf("%d orders", n)
	}
	must(t, handle().Append(&Order{ID: 500, Amount: 5}))
	must(t, handle().Find(&orders))
	if len(orders) != 4 {
		t.Errorf("%d orders after one was added", len(orders))
	}
}

func TestGenericPreloads(t *testing.T) {
	w := newWorld(t, "sqlite", 8)
	for range 2 {
		w.take()
		users, err := gorm.G[User](w.db, relation.Cache("Orders", "default")).Preload("Orders", nil).Order("id").Find(t.Context())
		must(t, err)
		var want []User
		must(t, w.plain.Preload("Orders").Order("id").Find(&want).Error)
		equal(t, "generic", users, want)
	}
	if q := w.take(); len(q) != 1 {
		t.Errorf("sent %q", q)
	}
	for range 2 {
		w.take()
		var users []User
		must(t, w.db.Scopes(relation.Scope("Company", "default")).Preload("Company").Find(&users).Error)
		must(t, w.db.Scopes(relation.Cache("Pictures", "default").And("Profile", "second").Scope).Preload("Pictures").Preload("Profile").Find(&users).Error)
	}
	if q := w.take(); len(q) != 2 {
		t.Errorf("sent %q", q)
	}
}
