package readme

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"testing"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

func TestOutcome(t *testing.T) {
	db, _ := shop(t)
	header := http.Header{}
	var users []User
	ask := func() {
		// docs: outcome
		tx := db.Clauses(fromcache.Region("default")).Find(&users)
		if outcome, ok := fromcache.OutcomeOf(tx); ok {
			header.Set("X-Cache", outcome.String()) // hit, miss, stale or bypass
		}
		// docs: end
	}
	for _, want := range []string{"miss", "hit"} {
		if ask(); header.Get("X-Cache") != want {
			t.Errorf("%q, want %q", header.Get("X-Cache"), want)
		}
	}
}

// insertJob stands for a library that writes to tables of its own within the application's transaction.
func insertJob(ctx context.Context, tx *sql.Tx, item string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO orders (user_id, item) VALUES (1, ?)", item)
	return err
}

func TestSQLTx(t *testing.T) {
	db, _ := shop(t)
	ctx := t.Context()
	count := func() (n int64) {
		check(t, db.Clauses(fromcache.Region("default")).Model(&Order{}).Count(&n).Error)
		return n
	}
	before := count()
	// docs: sql tx
	err := db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&User{Name: "Cleo"}).Error; err != nil {
			return err
		}
		sqlTx, ok := invalidate.SQLTx(tx) // in the place of tx.Statement.ConnPool.(*sql.Tx)
		if !ok {
			return errors.New("not in a transaction")
		}
		if err := insertJob(ctx, sqlTx, "welcome"); err != nil {
			return err
		}
		return invalidate.Tables(ctx, tx, "orders") // only if what the library writes to is cached
	})
	// docs: end
	check(t, err)
	if n := count(); n != before+1 {
		t.Errorf("%d orders, want %d", n, before+1)
	}
}

func TestHandleOfItsOwn(t *testing.T) {
	db, _ := shop(t)
	ctx := t.Context()
	var user User
	read := func() { check(t, db.Clauses(fromcache.Region("default")).First(&user, 1).Error) }
	read()
	// docs: handle of its own
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	own, err := gorm.Open(sqlite.Dialector{Conn: pool}, &gorm.Config{Logger: logger.Discard}) // without the plugin
	// docs: end
	check(t, err)
	check(t, own.Transaction(func(tx *gorm.DB) error {
		if _, ok := tx.Statement.ConnPool.(*sql.Tx); !ok {
			t.Errorf("the transaction is a %T", tx.Statement.ConnPool)
		}
		return tx.Model(&User{}).Where("id = ?", 1).Update("name", "Ida").Error
	}))
	check(t, invalidate.Tables(ctx, db, "users"))
	user = User{}
	read()
	if user.Name != "Ida" {
		t.Errorf("the user is called %s", user.Name)
	}
}
