package plugin_test

import (
	"errors"
	"slices"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// kept are the texts in GORM's store of prepared statements.
func kept(t testing.TB, db *gorm.DB) []string {
	t.Helper()
	prepared, ok := db.ConnPool.(*gorm.PreparedStmtDB)
	if !ok {
		t.Fatalf("the pool is a %T, which keeps no statements", db.ConnPool)
	}
	texts := prepared.Stmts.Keys()
	slices.Sort(texts)
	return texts
}

// What the plugin asks of the database for itself is not kept as a prepared statement, where it would push out the
// application's: the catalog, who the database is, rows before they change, savepoints, the missing part of an
// answer.
//
// Falls if: one of these goes through gorm.PreparedStmtDB.
func TestPreparedStatementsAreTheApplications(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			var texts [2][]string
			for i, cached := range []bool{true, false} {
				d := newDatabase(t, kind)
				db := d.Open(t, &gorm.Config{PrepareStmt: true})
				if cached {
					use(t, db, memory.New())
				}
				prepared(t, d, db, cached)
				texts[i] = kept(t, db)
			}
			for _, text := range texts[0] {
				if !slices.Contains(texts[1], text) {
					t.Errorf("kept, and not the application's: %s", text)
				}
			}
			if len(texts[0]) == 0 {
				t.Error("nothing is kept: nothing was tested")
			}
		})
	}
}

// prepared does what makes the plugin ask.
func prepared(t testing.TB, d *database, db *gorm.DB, cached bool) {
	t.Helper()
	var region, orders []clause.Expression
	if cached {
		region, orders = []clause.Expression{fromcache.Region("default")}, []clause.Expression{relation.Cache("Orders", "default")}
	}
	read := func(db *gorm.DB) error {
		scope := db.Clauses(region...)
		return errors.Join(
			scope.Session(&gorm.Session{}).Where("user_id IN ?", []uint{1, 2}).Order("id").Find(&[]Order{}).Error,
			scope.Session(&gorm.Session{}).Where("user_id IN ?", []uint{1, 2, 3, 4, 5}).Find(&[]Order{}).Error,
			scope.Session(&gorm.Session{}).Find(&[]User{}, []uint{1, 2, 3}).Error,
			scope.Session(&gorm.Session{}).Find(&[]User{}, []uint{1, 2, 3, 4, 5, 6}).Error,
			scope.Session(&gorm.Session{}).First(&User{}, 1).Error,
			db.Clauses(orders...).Preload("Orders").Where("id < 3").Find(&[]User{}).Error,
			db.Clauses(orders...).Preload("Orders").Find(&[]User{}).Error,
		)
	}
	write := func(db *gorm.DB, id uint) error {
		user := &User{ID: id, Name: "prepared", Orders: []Order{{ID: id, Name: "one"}}}
		return errors.Join(
			db.Create(user).Error,
			db.Model(user).Update("name", "again").Error,
			db.Model(&Order{}).Where("user_id = ?", id).Update("name", "two").Error,
			db.Where("user_id = ?", id).Delete(&Order{}).Error,
			db.Exec("UPDATE users SET age = 1 WHERE id = ?", id).Error,
			db.Transaction(func(tx *gorm.DB) error { return tx.Delete(user).Error }), // a savepoint, where it is nested
		)
	}
	must(t, read(db))
	must(t, write(db, 1000))
	must(t, read(db))
	must(t, db.Transaction(func(tx *gorm.DB) error { return errors.Join(read(tx), write(tx, 1001)) }))
	must(t, db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&User{ID: 1002}).Error)
	must(t, d.plain.Exec("CREATE TABLE made_elsewhere (id INT)").Error)
	must(t, db.Exec("DROP TABLE made_elsewhere").Error)
	must(t, write(db, 1003)) // after DDL
	must(t, db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&User{ID: 1004}).Error)
	var missing []User
	must(t, db.Clauses(region...).Raw("SELECT * FROM users WHERE id = ?", 1).Find(&missing).Error)
	// In a transaction that the plugin has not begun.
	must(t, db.Exec("ALTER TABLE islands ADD COLUMN more INT").Error)
	pool, err := db.DB()
	must(t, err)
	tx, err := pool.Begin()
	must(t, err)
	own := db.Session(&gorm.Session{Context: t.Context()}) // with a statement of its own
	own.Statement.ConnPool = &gorm.PreparedStmtTX{Tx: tx, PreparedStmtDB: db.ConnPool.(*gorm.PreparedStmtDB)}
	must(t, own.Exec("UPDATE users SET age = 2 WHERE id = ?", 1).Error)
	must(t, tx.Commit())
	must(t, db.Exec("ALTER TABLE islands DROP COLUMN more").Error)
}
