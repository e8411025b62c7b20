package locks_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glebarez/sqlite"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// save is the example of the documentation.
func save(ctx context.Context, db *sql.DB, l *lock.Lock, id int, body string) error {
	res, err := db.ExecContext(ctx, "UPDATE reports SET body = ?, fence = ? WHERE id = ? AND fence < ?", body, l.Fence(), id, l.Fence())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(lock.ErrLost, err)
	}
	return nil
}

// The locks of a plugin need no db.Use, end with it, and their fence keeps the holder of before from writing.
//
// Falls if: the plugin's locks do not work without db.Use, Close leaves a holder in the belief that it has one, or the
// documentation's UPDATE lets the holder of before overwrite the next one's data.
func TestTheFenceRefusesTheHolderOfBefore(t *testing.T) {
	p, err := gormcache.New(gormcache.Config{Namespace: "shop", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	db := servers.Open(t, sqlite.Open(":memory:"))
	pool, err := db.DB()
	must(t, err)
	pool.SetMaxOpenConns(1)
	must(t, db.Exec("CREATE TABLE reports (id INTEGER PRIMARY KEY, body TEXT, fence BIGINT NOT NULL DEFAULT 0)").Error)
	must(t, db.Exec("INSERT INTO reports (id, body) VALUES (1, '')").Error)
	locks := p.Locks()
	a, err := locks.Acquire(t.Context(), "report-1")
	must(t, err)
	must(t, locks.Break(t.Context(), "report-1")) // as a pause longer than the TTL does
	b, err := locks.Acquire(t.Context(), "report-1")
	must(t, err)
	must(t, save(t.Context(), pool, b, 1, "of the second"))
	if err := save(t.Context(), pool, a, 1, "of the first"); !errors.Is(err, lock.ErrLost) {
		t.Errorf("the holder of before may write: %v", err)
	}
	var body string
	must(t, db.Raw("SELECT body FROM reports").Scan(&body).Error)
	if body != "of the second" {
		t.Errorf("the report is %q", body)
	}
	must(t, p.Close())
	if _, err := locks.TryAcquire(t.Context(), "k"); !errors.Is(err, lock.ErrClosed) || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
	<-b.Lost()
}

// Falls if: GORM's transactions and a lock of the plugin can't be used as the documentation says.
func TestALockAroundATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := gormcache.New(gormcache.Config{Namespace: "shop", Logger: slog.New(slog.DiscardHandler)})
		must(t, err)
		defer p.Close()
		run := lock.Func(p.Locks().With(lock.TTL(time.Minute)), "import", func(ctx context.Context, n int) (int, error) {
			time.Sleep(time.Hour) // many renewals
			return n, ctx.Err()
		})
		if n, err := run.Call(t.Context(), 5); n != 5 || err != nil {
			t.Error(n, err)
		}
	})
}

// bare is a store without claims.
type bare struct{ store.Store }

// Falls if: a plugin over a store without claims can't be made, or its locks do not say what is missing; or a store over
// another one hides what that can do.
func TestLocksOfAPlugin(t *testing.T) {
	s := memory.New()
	defer s.Close()
	over, err := sealed.New(s, sealed.Keys{Current: sealed.Key{ID: "k", Secret: []byte("32 random bytes from your vault …")}})
	must(t, err)
	for _, c := range []struct {
		store store.Store
		want  error
	}{{bare{s}, store.ErrNoClaim}, {s, nil}, {over, nil}, {nil, nil}} {
		p, err := gormcache.New(gormcache.Config{Namespace: "shop", Store: c.store, Logger: slog.New(slog.DiscardHandler)})
		must(t, err)
		l, err := p.Locks().TryAcquire(t.Context(), "k")
		if !errors.Is(err, c.want) {
			t.Errorf("%T: %v", c.store, err)
		}
		if err == nil {
			must(t, l.Release(t.Context()))
		}
		must(t, p.Close())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
