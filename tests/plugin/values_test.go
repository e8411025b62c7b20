package plugin_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// named reads a user's name through a region. made counts the loads.
type named struct {
	*testing.T
	r    *region.Region
	made int
}

func newNamed(t *testing.T, s *scene) *named {
	r, err := s.writer.p.Region("default")
	must(t, err)
	return &named{T: t, r: r}
}

// name returns the name of user 1 as a cached value that is made with the handle, in its transaction.
func (n *named) name(on *gorm.DB, opts ...region.Option) string {
	n.Helper()
	v, err := region.GetOrCreate(n.Context(), n.r, "name", func(context.Context) (string, error) {
		n.made++
		var u User
		err := on.First(&u, 1).Error
		return u.Name, err
	}, append(opts, region.In(on), region.WithTables("users"))...)
	must(n.T, err)
	return v
}

func (n *named) want(what, got, want string, made int) {
	n.Helper()
	if got != want || n.made != made {
		n.Errorf("%s: %q, and it was made %d times; want %q and %d", what, got, n.made, want, made)
	}
	n.made = 0
}

// A transaction that has written neither takes values nor stores them; one that has not does both.
//
// Falls if: GetOrCreate does not ask whether the transaction has written, before it looks and before it stores.
func TestValuesInATransaction(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		n := newNamed(t, s)
		db := s.writer.db
		must(t, rename(db, 1, "old"))
		n.want("the first", n.name(db), "old", 1)
		n.want("the second", n.name(db), "old", 0)
		for _, end := range []string{"rollback", "commit"} {
			tx := db.Begin()
			must(t, tx.Error)
			n.want(end+": before a write it is taken", n.name(tx), "old", 0)
			must(t, rename(tx, 1, end))
			n.want(end+": after it, not", n.name(tx), end, 1)
			n.want(end+": nor stored", n.name(tx), end, 1)
			if end == "rollback" {
				must(t, tx.Rollback().Error)
				n.want("after the rollback", n.name(db), "old", 0)
				continue
			}
			must(t, tx.Commit().Error)
			n.want("after the commit", n.name(db), "commit", 1)
			n.want("and again", n.name(db), "commit", 0)
		}
	})
}

// A savepoint that is rolled back leaves the transaction as one that has written. What has come of it is not known.
func TestValuesInASavepoint(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	n := newNamed(t, s)
	db := s.writer.db
	must(t, rename(db, 1, "old"))
	n.want("outside", n.name(db), "old", 1)
	undo := errors.New("undo")
	must(t, db.Transaction(func(tx *gorm.DB) error {
		n.want("before", n.name(tx), "old", 0)
		err := tx.Transaction(func(tx *gorm.DB) error {
			n.want("in the savepoint", n.name(tx), "old", 0)
			must(t, rename(tx, 1, "inner"))
			n.want("after its write", n.name(tx), "inner", 1)
			return undo
		})
		if !errors.Is(err, undo) {
			t.Error(err)
		}
		n.want("after the savepoint is rolled back", n.name(tx), "old", 1)
		return nil
	}))
	n.want("after the commit, of nothing", n.name(db), "old", 0)
}

// What making a value writes is not committed either.
//
// Falls if: whether the transaction has written is asked before the value is made only.
func TestAValueWhoseMakingWrites(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	n := newNamed(t, s)
	db := s.writer.db
	must(t, rename(db, 1, "old"))
	must(t, invalidate.Tables(t.Context(), db, "users"))
	tx := db.Begin()
	_, err := region.GetOrCreate(t.Context(), n.r, "untied", func(context.Context) (string, error) {
		return "never", rename(tx, 1, "never")
	}, region.In(tx))
	must(t, err)
	must(t, tx.Rollback().Error)
	if v, err := region.Get[string](t.Context(), n.r, "untied"); err == nil {
		t.Errorf("%q is stored, and was rolled back", v)
	}
}

// What makes a value in a transaction may ask for other values: they are made in the transaction too.
//
// Falls if: GetOrCreate or GetOrCreateMulti gives create its own context as it is.
func TestAValueMadeOfAnotherInATransaction(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	n := newNamed(t, s)
	must(t, rename(s.writer.db, 1, "old"))
	tx := s.writer.db.Begin()
	must(t, rename(tx, 1, "never"))
	inner := func(ctx context.Context) (string, error) {
		return region.GetOrCreate(ctx, n.r, "inner", func(context.Context) (string, error) {
			var u User
			err := tx.First(&u, 1).Error
			return u.Name, err
		}, region.WithTables("users"))
	}
	if v, err := region.GetOrCreate(t.Context(), n.r, "outer", inner, region.In(tx)); err != nil || v != "never" {
		t.Errorf("%q, %v", v, err)
	}
	_, err := region.GetOrCreateMulti(t.Context(), n.r, []string{"outer"}, func(ctx context.Context, _ []string) (map[string]string, error) {
		v, err := inner(ctx)
		return map[string]string{"outer": v}, err
	}, region.In(tx))
	must(t, err)
	must(t, tx.Rollback().Error)
	for _, key := range []string{"inner", "outer"} {
		if v, err := region.Get[string](t.Context(), n.r, key); err == nil {
			t.Errorf("%s: %q is stored, and was rolled back", key, v)
		}
	}
}

// All calls with the context of Within keep to it; those that store say so.
func TestWithinATransaction(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	n := newNamed(t, s)
	must(t, region.Set(t.Context(), n.r, "k", "old"))
	tx := s.writer.db.Begin()
	ctx := region.Within(t.Context(), tx)
	if v, err := region.Get[string](ctx, n.r, "k"); err != nil || v != "old" {
		t.Errorf("before a write: %q, %v", v, err)
	}
	if err := region.Set(ctx, n.r, "before", "b"); !errors.Is(err, region.ErrNotStored) { // SQLite keeps it at an earlier moment
		t.Error(err)
	}
	must(t, rename(tx, 1, "new"))
	if v, err := region.Get[string](ctx, n.r, "k"); !errors.Is(err, region.ErrCacheMiss) {
		t.Errorf("after it: %q, %v", v, err)
	}
	for name, err := range map[string]error{
		"Set":    region.Set(ctx, n.r, "k", "new"),
		"Multi":  region.SetMulti(ctx, n.r, map[string]string{"k": "new"}),
		"Insert": region.Insert(ctx, n.r, "new", "new"),
		"In":     region.Set(t.Context(), n.r, "k", "new", region.In(tx)),
		"Update": func() error {
			_, err := region.Update(ctx, n.r, "k", func(string, bool) (string, error) { return "new", nil })
			return err
		}(),
	} {
		if !errors.Is(err, region.ErrNotStored) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, tx.Rollback().Error)
	if v, err := region.Get[string](t.Context(), n.r, "k"); err != nil || v != "old" {
		t.Errorf("after the rollback: %q, %v", v, err)
	}
	if s.writer.p.Stats().Bypassed[observe.Transaction] != 0 { // a Get that takes nothing is a miss
		t.Error(s.writer.p.Stats().Bypassed)
	}
}

// A transaction that keeps to an earlier moment may read what was replaced since. It stores nothing.
//
// Falls if: what a REPEATABLE READ transaction reads is stored under tokens that are younger than its snapshot.
func TestValuesOfAnEarlierMoment(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	n := newNamed(t, s)
	db := s.writer.db
	must(t, rename(db, 1, "old"))
	tx := db.Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	must(t, tx.Error)
	var u User
	must(t, tx.First(&u, 1).Error) // now it has its snapshot
	must(t, rename(db, 1, "new"))
	n.want("in the snapshot", n.name(tx), "old", 1)
	n.want("outside", n.name(db), "new", 1)
	n.want("outside again", n.name(db), "new", 0)
	must(t, tx.Rollback().Error)
	tx = db.Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted}) // this one does
	must(t, rename(db, 1, "newer"))
	n.want("READ COMMITTED", n.name(tx), "newer", 1)
	must(t, tx.Rollback().Error)
	n.want("after it", n.name(db), "newer", 0)
}

// What Update reads in an earlier moment is not stored, nor what its function has written itself.
//
// Falls if: Update asks for the transaction before it calls its function only, or not for the isolation.
func TestUpdateInATransaction(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	n := newNamed(t, s)
	for name, c := range map[string]struct {
		isolation sql.IsolationLevel
		writes    bool
		stored    bool
	}{
		"it reads": {sql.LevelReadCommitted, false, true}, "it writes": {sql.LevelReadCommitted, true, false},
		"of an earlier moment": {sql.LevelRepeatableRead, false, false},
	} {
		tx := s.writer.db.Begin(&sql.TxOptions{Isolation: c.isolation})
		must(t, tx.Error)
		_, err := region.Update(t.Context(), n.r, name, func(string, bool) (string, error) {
			if c.writes {
				return "never", rename(tx, 1, "never")
			}
			var u User
			return "read", tx.First(&u, 1).Error
		}, region.In(tx), region.WithTables("users"))
		if c.stored != (err == nil) || !c.stored && !errors.Is(err, region.ErrNotStored) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, tx.Rollback().Error)
		if _, err := region.Get[string](t.Context(), n.r, name); c.stored != (err == nil) {
			t.Errorf("%s: stored is %v", name, err == nil)
		}
	}
}

// A transaction that gormcache has not begun may have written anything.
func TestValuesInAForeignTransaction(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	n := newNamed(t, s)
	must(t, rename(s.writer.db, 1, "old"))
	n.want("outside", n.name(s.writer.db), "old", 1)
	tx := s.plain.Begin() // of a handle without the plugin
	must(t, rename(tx, 1, "never"))
	n.want("with a handle without the plugin", n.name(tx), "never", 1)
	must(t, tx.Rollback().Error)
	n.want("after it", n.name(s.writer.db), "old", 0)
	n.want("a handle without the plugin, in no transaction", n.name(s.plain), "old", 0)
}
