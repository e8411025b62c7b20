package narrow_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A database may end a transaction that the program goes on with:
//
//	W: BEGIN, a statement that fails (and the database rolls back), UPDATE row 1 (committed), ROLLBACK
//
// Falls if: what the transaction has written is dropped with it. Then row 1 stays as it was before.
func TestTransactionsThatAreOver(t *testing.T) {
	endless := "UPDATE items SET qty = (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c) WHERE id = 2"
	for name, fail := range map[string]func(tx *gorm.DB) error{
		"conflict": func(tx *gorm.DB) error { return tx.Exec("INSERT OR ROLLBACK INTO items (id) VALUES (2)").Error },
		"interrupted": func(tx *gorm.DB) error {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			return tx.WithContext(ctx).Exec(endless).Error
		},
		"returning": func(tx *gorm.DB) error {
			return tx.Raw("INSERT OR ROLLBACK INTO items (id) VALUES (2) RETURNING id").Scan(new(int)).Error
		},
	} {
		t.Run(name, func(t *testing.T) { newWorld(t, "sqlite").over(t, fail) })
	}
	for name, query := range map[string]func(tx *gorm.DB) error{
		"deadlock": func(tx *gorm.DB) error { return tx.Model(&Item{ID: 2}).Update("qty", 1).Error },
		"deadlock of a query": func(tx *gorm.DB) error {
			return tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&Item{}, 2).Error
		},
		"deadlock of a pre-image":                   func(tx *gorm.DB) error { return tx.Model(&Item{ID: 2}).Update("qty", 1).Error },
		"deadlock behind the first rows of a query": lockBehind(t),
		"deadlock behind the first rows, serializable": func(tx *gorm.DB) error {
			return readAll(t, tx.Table("items").Select("id, REPEAT('x', 1000)").Where("id > 1"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, isolation := newWorld(t, "mariadb"), &sql.TxOptions{}
			if strings.Contains(name, "serializable") {
				isolation.Isolation = sql.LevelSerializable
			}
			if strings.Contains(name, "pre-image") {
				w.knows(t)
			}
			other := w.holding(t, strings.Contains(name, "behind"))
			w.over(t, func(tx *gorm.DB) error { return w.deadlock(t, tx, other, query) }, isolation)
		})
	}
}

// holding is a transaction without the plugin that has changed all items but the first, or, far, only such as are
// behind the first rows of a query.
func (w *world) holding(t *testing.T, far bool) *gorm.DB {
	t.Helper()
	from := 1
	if far {
		must(t, w.bare.Exec("INSERT INTO items (id) SELECT seq FROM seq_1000_to_1999").Error)
		from = 1200
	}
	other := w.bare.Begin()
	t.Cleanup(func() { other.Rollback() })
	must(t, other.Exec("UPDATE items SET qty = 3 WHERE id > ?", from).Error)
	return other
}

// deadlock makes tx the victim of a deadlock with the other, by the query.
func (w *world) deadlock(t *testing.T, tx, other *gorm.DB, query func(tx *gorm.DB) error) error {
	t.Helper()
	must(t, tx.Exec("UPDATE items SET qty = 3 WHERE id = 1").Error)
	waits := make(chan error, 1)
	go func() {
		waits <- errors.Join(other.Exec("UPDATE items SET qty = 4 WHERE id = 1").Error, other.Rollback().Error)
	}()
	for !w.waiting(t) { // else it is this one who waits first, and the other who closes the ring
		time.Sleep(often)
	}
	err := query(tx)
	must(t, <-waits) // the lighter one is the victim
	return err
}

// A deadlock that only the program sees leaves the pre-images that come after it without locks:
//
//	A: BEGIN, reads rows FOR UPDATE; the last of them are an error, and the transaction is over.
//	A: reads that item 1 is of shop 1; stops.
//	B: moves item 1 to shop 2, and commits.
//	C: stores the items of shop 2.
//	A: changes item 1, COMMIT.
//
// Falls if: what such a transaction has seen of the rows before is taken for true.
func TestMoveBehindADeadlockThatIsNotSeen(t *testing.T) {
	s := newStage(t, "mariadb", "")
	s.knows(t)
	other := s.holding(t, true)
	tx := s.writer.Begin()
	defer tx.Rollback()
	if err := s.deadlock(t, tx, other, lockBehind(t)); err == nil {
		t.Fatal("no deadlock")
	}
	s.stop.Store(true)
	a := make(chan error, 1)
	go func() { a <- tx.Model(&Item{ID: 1}).Update("qty", 7).Error }()
	<-s.stopped
	must(t, s.reader.Model(&Item{ID: 1}).Update("shop_id", 2).Error)
	named("shop 2").warm(t, s.reader)
	close(s.goOn)
	must(t, <-a)
	must(t, tx.Commit().Error)
	s.fresh(t, named("shop 2"))
}

// What is committed behind such a deadlock may have met a trigger that the writer does not know of:
//
//	W: BEGIN, reads rows FOR UPDATE; the last of them are an error, and the transaction is over.
//	R: makes a trigger on items, stores code ab-1.
//	W: changes item 1, and so the codes; ROLLBACK.
//
// Falls if: W drops what it would have by the schema of before, as it must not after a COMMIT either.
func TestTriggerBehindADeadlockThatIsNotSeen(t *testing.T) {
	w, code := newWorld(t, "mariadb"), named("code ab-1")
	w.warmAll(t, named("row 1"), code)
	must(t, w.writer.Model(&Item{ID: 77}).Update("qty", 0).Error) // it knows the catalog
	other := w.holding(t, true)
	tx := w.writer.Begin()
	defer tx.Rollback()
	if err := w.deadlock(t, tx, other, lockBehind(t)); err == nil {
		t.Fatal("no deadlock")
	}
	must(t, w.reader.Exec("CREATE TRIGGER counts AFTER UPDATE ON items FOR EACH ROW UPDATE codes SET qty = qty + 1").Error)
	before := code.warm(t, w.reader)
	must(t, tx.Model(&Item{ID: 1}).Update("qty", 55).Error)
	must(t, tx.Rollback().Error)
	if w.fresh(t, code); same(before, code.direct(t, w.bare)) {
		t.Error("the trigger has not run, or the database has taken it back")
	}
}

// lockBehind is a query that locks rows one by one, and whose first rows come before the last are locked.
func lockBehind(t *testing.T) func(tx *gorm.DB) error {
	return func(tx *gorm.DB) error {
		return readAll(t, tx.Table("items").Select("id, REPEAT('x', 1000)").Where("id > 1").Clauses(clause.Locking{Strength: "UPDATE"}))
	}
}

// readAll reads the rows of a query that fails behind the first of them.
func readAll(t *testing.T, query *gorm.DB) error {
	rows, err := query.Rows()
	if err != nil {
		t.Error("it is before them")
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (w *world) over(t *testing.T, fail func(tx *gorm.DB) error, opts ...*sql.TxOptions) {
	t.Helper()
	row1, all := named("row 1"), named("all")
	w.warmAll(t, row1, all)
	err := w.writer.Transaction(func(tx *gorm.DB) error {
		if err := fail(tx); err == nil {
			t.Error("no error")
		}
		must(t, tx.Exec("UPDATE items SET qty = 55 WHERE id = 1").Error)
		return errors.New("no")
	}, opts...)
	if err == nil || row1.direct(t, w.bare).([]Item)[0].Qty != 55 {
		t.Fatalf("%v: the database has taken it back", err)
	}
	w.fresh(t, row1)
	w.fresh(t, all)
}

// Tables of MyISAM take part in no transaction: what is written to them is there at once, and stays after a ROLLBACK.
func TestTablesWithoutTransactions(t *testing.T) {
	w := newWorld(t, "mariadb")
	for _, sql := range []string{
		"ALTER TABLE items ENGINE=MyISAM", "ALTER TABLE pairs ENGINE=Aria TRANSACTIONAL=1",
		"CREATE TRIGGER counts AFTER UPDATE ON codes FOR EACH ROW UPDATE pairs SET qty = qty + 1",
	} {
		must(t, w.bare.Exec(sql).Error)
	}
	reads := []read{named("row 1"), named("shop 1"), named("all"), named("pair 1 1"), named("code ab-1")}
	for _, sql := range []string{"UPDATE items SET qty = qty + 1 WHERE id = 1", "UPDATE codes SET qty = qty + 1 WHERE id = 'ab-1'"} {
		w.warmAll(t, reads...)
		_ = w.writer.Transaction(func(tx *gorm.DB) error {
			must(t, tx.Exec(sql).Error)
			for _, r := range reads {
				w.fresh(t, r)
			}
			return errors.New("no")
		})
		for _, r := range reads {
			w.fresh(t, r)
		}
	}
}
