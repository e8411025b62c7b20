package narrow_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func where(query any, args ...any) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB { return db.Where(query, args...) }
}

// reads, by name. Those of rows and values are the narrow ones.
var reads = []read{
	{"row 1", find[Item](where("id = ?", 1))},
	{"row 2", find[Item](where(&Item{ID: 2}))},
	{"row 3 and more", find[Item](where("(id = ? AND qty >= 0) AND name <> ?", 3, "x"))},
	{"row 9", find[Item](where("id", 9))},
	{"rows 1 2", find[Item](where("id IN ? AND qty >= 0", []int{1, 2}))}, // with a condition, so that it is one entry
	{"raw row 3", func(db *gorm.DB) (any, error) {
		var got []Item
		err := db.Raw("SELECT * FROM items WHERE id = ?", 3).Find(&got).Error
		return got, err
	}},
	{"shop 1", find[Item](where("shop_id = ?", 1))},
	{"shop 2", find[Item](where("shop_id = ?", 2))},
	{"shop 3", find[Item](where("shop_id = ?", 3))},
	{"shop 8", find[Item](where("shop_id = ?", 8))},
	{"shops 1 3", find[Item](where("shop_id IN ?", []int{1, 3}))},
	{"count shop 1", count[Item](where("shop_id = ?", 1))},
	{"all", find[Item](func(db *gorm.DB) *gorm.DB { return db.Order("id") })},
	{"all of many keys", find[Item](where("id IN ? AND qty >= 0", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}))},
	{"pair 1 1", find[Pair](where("a = ? AND b = ?", 1, 1))},
	{"pair 1 2", find[Pair](where(&Pair{A: 1, B: 2}))},
	{"pairs 1", find[Pair](where("a = ?", 1))},
	{"code ab-1", find[Code](where("id = ?", "ab-1"))},
	{"code ab-2", find[Code](where("id = ?", "AB-2"))},
	{"stand 1", find[Stand](where("id = ?", 1))},
	{"stand 3", find[Stand](where("id = ?", 3))},
	{"stands 2", find[Stand](where("shop_id = ?", 2))},
}

// write is a write and the reads that it evicts: those whose name begins with one of these words. Reads of
// other tables are kept. A word behind a database's name and a colon counts there only.
type write struct {
	name   string
	run    func(*gorm.DB) error
	evicts string
}

const (
	items  = "row rows raw shop shops count all"
	pairs  = "pair pairs"
	codes  = "code"
	stands = "stand stands"
)

func exec(sql string, args ...any) func(*gorm.DB) error {
	return func(db *gorm.DB) error { return db.Exec(sql, args...).Error }
}

var writes = []write{
	{"update row 1", func(db *gorm.DB) error { return db.Model(&Item{ID: 1}).Update("qty", 7).Error },
		"row=1,rows=1,shop=1,shops=1 3,count=shop 1,all"},
	{"update row 5, of no shop", func(db *gorm.DB) error { return db.Model(&Item{ID: 5}).Update("qty", 7).Error }, "all"},
	{"update rows 2 and 3", func(db *gorm.DB) error { return db.Model(&Item{}).Where("id IN ?", []int{2, 3}).Update("qty", 7).Error },
		"row=2,row=3,raw=row 3,rows=1 2,shop=1,shop=2,shops=1 3,count=shop 1,all"},
	{"save row 4", func(db *gorm.DB) error { return db.Save(&Item{ID: 4, ShopID: ptr(int64(3)), Name: "x"}).Error },
		"shop=3,shops=1 3,all"},
	{"move row 1 to shop 2", func(db *gorm.DB) error { return db.Model(&Item{ID: 1}).Update("shop_id", 2).Error },
		"row=1,rows=1 2,shop=1,shop=2,shops=1 3,count=shop 1,all"},
	{"move row 3 to no shop", func(db *gorm.DB) error { return db.Model(&Item{ID: 3}).Update("shop_id", nil).Error },
		"row=3,raw=row 3,shop=2,all"},
	{"move by an expression", func(db *gorm.DB) error {
		return db.Model(&Item{ID: 3}).Update("shop_id", gorm.Expr("shop_id + 1")).Error
	}, items},
	{"create in shop 8", func(db *gorm.DB) error { return db.Create(&Item{ShopID: ptr(int64(8))}).Error }, "shop=8,all"},
	{"create row 9", func(db *gorm.DB) error { return db.Create(&Item{ID: 9, ShopID: ptr(int64(2))}).Error }, "row=9,shop=2,all"},
	{"create two, one without a key", func(db *gorm.DB) error {
		return db.Create([]Item{{ID: 9, ShopID: ptr(int64(8))}, {ShopID: ptr(int64(8))}}).Error
	}, "row=9,shop=8,all"},
	{"upsert", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Item{ID: 1, ShopID: ptr(int64(3))}).Error
	}, items},
	{"soft delete row 2", func(db *gorm.DB) error { return db.Delete(&Item{ID: 2}).Error },
		"row=2,rows=1 2,shop=1,shops=1 3,count=shop 1,all"},
	{"delete row 2", func(db *gorm.DB) error { return db.Unscoped().Delete(&Item{}, 2).Error },
		"row=2,rows=1 2,shop=1,shops=1 3,count=shop 1,all"},
	{"delete what is not there", func(db *gorm.DB) error { return db.Unscoped().Delete(&Item{}, 9).Error }, "row=9,all"},
	{"delete shop 2's", func(db *gorm.DB) error { return db.Unscoped().Where("shop_id = ?", 2).Delete(&Item{}).Error },
		"row=3,raw=row 3,shop=2,all"},
	{"update shop 2's", func(db *gorm.DB) error { return db.Model(&Item{}).Where("shop_id = ?", 2).Update("qty", 3).Error },
		"row=3,raw=row 3,shop=2,all"},
	{"update shop 2's to what they are", func(db *gorm.DB) error { return db.Model(&Item{}).Where("shop_id = ?", 2).Update("qty", 0).Error },
		"row=3,raw=row 3,shop=2,all"},
	{"update nobody's", func(db *gorm.DB) error { return db.Model(&Item{}).Where("shop_id = ?", 7).Update("qty", 3).Error }, "all"},
	{"move shop 2's", func(db *gorm.DB) error { return db.Model(&Item{}).Where("shop_id = ?", 2).Update("shop_id", 8).Error },
		"row=3,raw=row 3,shop=2,shop=8,all"},
	{"soft delete shop 2's", func(db *gorm.DB) error { return db.Where("shop_id = ?", 2).Delete(&Item{}).Error },
		"row=3,raw=row 3,shop=2,all"},
	{"update shop 2's and of those that are not there", func(db *gorm.DB) error {
		return db.Model(&Item{}).Where("id IN ?", []int{3, 9}).Update("qty", 3).Error
	}, "row=3,raw=row 3,row=9,shop=2,all"},
	{"take from shop 2's", func(db *gorm.DB) error {
		return db.Model(&Item{}).Where("shop_id = ? AND qty > -5", 2).Update("qty", gorm.Expr("qty - 1")).Error
	}, "sqlite:row=3,sqlite:raw=row 3,sqlite:shop=2,sqlite:all,postgres:row=3,postgres:raw=row 3,postgres:shop=2,postgres:all,mariadb:" +
		strings.ReplaceAll(items, " ", ",mariadb:")}, // which of them there are, MySQL can't be asked afterwards
	{"update by another column", func(db *gorm.DB) error { return db.Model(&Item{}).Where("name = ?", "e").Update("qty", 3).Error }, items},
	{"update all", func(db *gorm.DB) error {
		return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Item{}).Update("qty", 3).Error
	}, items},
	{"change a key", func(db *gorm.DB) error { return db.Exec("UPDATE items SET id = 9 WHERE id = 4").Error }, items},
	{"key by text", exec("UPDATE items SET qty = 9 WHERE id = '1'"), items},
	{"key by text in a transaction", func(db *gorm.DB) error {
		return db.Transaction(exec("UPDATE items SET qty = 9 WHERE id = '1'"))
	}, items},
	{"raw insert", exec("INSERT INTO items (id, shop_id, name, qty) VALUES (9, 8, 'x', 1)"), "row=9,shop=8,all"},
	{"raw update in a transaction", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error { return exec("UPDATE items SET qty = 5 WHERE id = 1")(tx) })
	}, "row=1,rows=1,shop=1,shops=1 3,count=shop 1,all"},
	{"rolled back to a savepoint", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			_ = tx.Transaction(func(tx *gorm.DB) error {
				_ = tx.Model(&Item{}).Where("name <> ''").Update("qty", 5)
				return gorm.ErrInvalidData
			})
			return tx.Model(&Item{ID: 3}).Update("qty", 5).Error
		})
	}, "row=3,raw=row 3,shop=2,all"},
	{"insert from a query", exec("INSERT INTO items (shop_id, name, qty) SELECT 8, name, qty FROM items WHERE id = 1"), items},
	{"pair 1 1", func(db *gorm.DB) error { return db.Model(&Pair{A: 1, B: 1}).Update("qty", 3).Error }, "pair=1 1,pairs"},
	{"pairs of a 1", func(db *gorm.DB) error { return db.Model(&Pair{}).Where("a = ?", 1).Update("qty", 3).Error }, pairs},
	{"new pair 1 2", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Delete(&Pair{A: 1, B: 2}).Error; err != nil {
				return err
			}
			return tx.Create(&Pair{A: 1, B: 2, Qty: 4}).Error
		})
	}, "pair=1 2,pairs"}, // GORM deletes by (a, b) IN ((1, 2))
	{"change a key of two columns", exec("UPDATE pairs SET b = 2 WHERE a = 2 AND b = 1"), pairs},
	{"code ab-1", func(db *gorm.DB) error { return db.Model(&Code{ID: "ab-1"}).Update("qty", 3).Error }, "code=ab-1"},
	{"code é", func(db *gorm.DB) error { return db.Create(&Code{ID: "é"}).Error }, codes},
	{"stand 1, alone", func(db *gorm.DB) error {
		return db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(&Stand{ID: 1}).Update("qty", 3).Error
	}, stands},
	{"delete a shop, with its stands", func(db *gorm.DB) error { return db.Delete(&Shop{ID: 1}).Error }, stands},
	{"delete a shop, and update another's stand", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Model(&Stand{ID: 1}).Update("qty", 3).Error, tx.Delete(&Shop{ID: 2}).Error)
		})
	}, stands},
}

// evicted tells whether the write evicts the read.
func (w write) evicted(kind string, r read) bool {
	for _, word := range strings.FieldsFunc(w.evicts, func(c rune) bool { return c == ',' }) {
		if at, rest, ok := strings.Cut(word, ":"); ok {
			if at != kind {
				continue
			}
			word = rest
		}
		name, rest, exact := strings.Cut(word, "=")
		first, more, _ := strings.Cut(r.name, " ")
		if exact && first == name && (more == rest || strings.HasPrefix(more, rest+" ")) {
			return true
		}
		if !exact && slices.Contains(strings.Fields(name), first) {
			return true
		}
	}
	return false
}

// TestEvictedAndKept: each write, against each read. What is kept is proven by a row that is changed behind
// the cache's back and does not show, what is evicted by what the write did.
func TestEvictedAndKept(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind)
			for _, wr := range writes {
				t.Run(wr.name, func(t *testing.T) { w.check(t, wr) })
			}
		})
	}
}

func (w *world) check(t *testing.T, wr write) {
	w.seed(t)
	// The writer learns here what is tracked, and the reader forgets the last case.
	must(t, w.writer.Exec("UPDATE items SET qty = qty").Error)
	for _, table := range []string{"pairs", "codes", "stands"} {
		must(t, w.writer.Exec("UPDATE "+table+" SET qty = qty").Error)
	}
	before := map[string]any{}
	for _, r := range reads {
		before[r.name] = r.warm(t, w.reader)
	}
	for _, table := range []string{"items", "stands"} {
		must(t, w.writer.Transaction(func(tx *gorm.DB) error { // of a row that no read asks for
			return tx.Exec("UPDATE " + table + " SET qty = 0 WHERE id = 77").Error
		}))
	}
	for _, r := range reads {
		before[r.name] = r.warm(t, w.reader)
	}
	must(t, wr.run(w.writer))
	w.behind(t)
	for _, r := range reads {
		got, seen := r.answer(t, w.reader)
		if wr.evicted(w.kind, r) {
			if want := r.direct(t, w.bare); !same(got, want) || seen.Outcome != observe.Miss {
				t.Errorf("%s: %v, want it evicted\n got %v\nwant %v", r.name, seen.Outcome, got, want)
			}
			continue
		}
		if want := before[r.name]; !same(got, want) || seen.Outcome != observe.Hit {
			t.Errorf("%s: %v (%s), want it kept\n got %v\nwant %v", r.name, seen.Outcome, seen.Reason, got, want)
		}
	}
}
