package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/region"
)

// readsUser is a cached function of one process.
func readsUser(t *testing.T, d *database, s string) (*gorm.DB, *region.Func[int, User], *int) {
	t.Helper()
	db := d.Open(t)
	r, err := use(t, db, newStore(t, s)).Region("default")
	must(t, err)
	calls := new(int)
	read := region.Cached(r, "read_user-{user_id}", func(ctx context.Context, id int) (User, error) {
		*calls++
		var u User
		return u, d.plain.WithContext(ctx).First(&u, id).Error
	}, region.WithTables("users"))
	must(t, read.Err())
	return db, read, calls
}

// A function that names its table needs no Reset: a write through GORM drops what it made, and nothing else does.
//
// Falls if: a cached function answers with what a commit has changed.
func TestCachedFunctionsFollowTheirTables(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			d := newDatabase(t, kind)
			db, read, calls := readsUser(t, d, "memory")
			want := func(name string, made int) {
				t.Helper()
				u, err := read.Call(t.Context(), 1)
				must(t, err)
				if u.Name != name || *calls != made {
					t.Fatalf("%q after %d calls, want %q after %d", u.Name, *calls, name, made)
				}
			}
			u, err := read.Call(t.Context(), 1)
			must(t, err)
			want(u.Name, 1)
			must(t, db.Exec("UPDATE orders SET user_id = user_id").Error)
			want(u.Name, 1) // another table
			must(t, db.Model(&User{ID: 1}).Update("name", "Zoe").Error)
			want("Zoe", 2)
			want("Zoe", 2)
			rolledBack := errors.New("rolled back")
			if err := db.Transaction(func(tx *gorm.DB) error {
				must(t, tx.Model(&User{ID: 1}).Update("name", "never").Error)
				return rolledBack
			}); !errors.Is(err, rolledBack) {
				t.Fatal(err)
			}
			want("Zoe", 2)
		})
	}
}

// A value that was read before a commit and is set after it is not believed.
func TestSetOfACachedFunctionAcrossACommit(t *testing.T) {
	d := newDatabase(t, "sqlite")
	db, read, _ := readsUser(t, d, "memory")
	b, err := read.Begin(t.Context())
	must(t, err)
	var old User
	must(t, d.plain.First(&old, 1).Error)
	must(t, db.Model(&User{ID: 1}).Update("name", "Zoe").Error)
	if err := read.With(region.From(b)).Set(t.Context(), 1, old); err != nil && !errors.Is(err, region.ErrNotStored) {
		t.Fatal(err)
	}
	u, err := read.Call(t.Context(), 1)
	if must(t, err); u.Name != "Zoe" {
		t.Errorf("%q: what was read before the commit is served after it", u.Name)
	}
}

// In a transaction that has written, a function is called, and what it makes is not kept.
func TestCachedFunctionsInATransaction(t *testing.T) {
	d := newDatabase(t, "sqlite")
	db := d.Open(t)
	r, err := use(t, db, newStore(t, "memory")).Region("default")
	must(t, err)
	// The handle comes with the context, as where repositories find their transaction.
	type handle struct{}
	read := region.Cached(r, "name-{id}", func(ctx context.Context, id int) (string, error) {
		var u User
		err := ctx.Value(handle{}).(*gorm.DB).First(&u, id).Error
		return u.Name, err
	}, region.WithTables("users"))
	call := func(f *region.Func[int, string], db *gorm.DB) string {
		t.Helper()
		name, err := f.Call(context.WithValue(t.Context(), handle{}, db), 1)
		must(t, err)
		return name
	}
	before := call(read, db)
	rolledBack := errors.New("rolled back")
	if err := db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Model(&User{ID: 1}).Update("name", "never").Error)
		if got := call(read.With(region.In(tx)), tx); got != "never" {
			t.Errorf("in the transaction: %q", got)
		}
		return rolledBack
	}); !errors.Is(err, rolledBack) {
		t.Fatal(err)
	}
	if got := call(read, db); got != before {
		t.Errorf("after the rollback: %q, want %q", got, before)
	}
}

// Two processes with one Redis have the same keys, and reset each other's.
func TestCachedFunctionsOfTwoProcesses(t *testing.T) {
	d := newDatabase(t, "sqlite")
	s := newStore(t, "redis")
	var fs []*region.MultiFunc[int, string]
	calls := 0
	for range 2 {
		r, err := use(t, d.Open(t), s).Region("default")
		must(t, err)
		fs = append(fs, region.CachedMulti(r, "user-{id}", func(_ context.Context, ids []int) (map[int]string, error) {
			calls++
			found := map[int]string{}
			for _, id := range ids {
				found[id] = fmt.Sprint(id, " by call ", calls)
			}
			return found, nil
		}))
	}
	want := func(f *region.MultiFunc[int, string], ids []int, want string) {
		t.Helper()
		if found, err := f.Call(t.Context(), ids); err != nil || fmt.Sprint(found) != want {
			t.Fatalf("%v, %v; want %s", found, err, want)
		}
	}
	want(fs[0], []int{1, 2}, "map[1:1 by call 1 2:2 by call 1]")
	want(fs[1], []int{2, 3}, "map[2:2 by call 1 3:3 by call 2]")
	must(t, fs[0].Reset(t.Context(), 2))
	want(fs[1], []int{1, 2, 3}, "map[1:1 by call 1 2:2 by call 3 3:3 by call 2]")
}
