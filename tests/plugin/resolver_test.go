package plugin_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/plugin/dbresolver"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
)

// resolved is a handle whose reads go to a replica, and a named pair of databases beside. The databases
// are files of their own that nobody replicates, so each answer tells where it came from.
type resolved struct {
	db                                  *gorm.DB
	source, replica, second, secondCopy *database
}

func newResolved(t *testing.T, first bool, cfg gorm.Config) *resolved {
	r := &resolved{source: newDatabase(t, "sqlite"), replica: newDatabase(t, "sqlite"),
		second: newDatabase(t, "sqlite"), secondCopy: newDatabase(t, "sqlite")}
	for name, d := range map[string]*database{"source": r.source, "replica": r.replica, "second": r.second, "second copy": r.secondCopy} {
		must(t, d.plain.Exec("UPDATE users SET name = ? WHERE id = 1", name).Error)
	}
	r.db = r.source.Open(t, &cfg)
	dr := dbresolver.Register(dbresolver.Config{
		Sources: []gorm.Dialector{r.source.Dialector()}, Replicas: []gorm.Dialector{r.replica.Dialector()},
	}).Register(dbresolver.Config{
		Sources: []gorm.Dialector{r.second.Dialector()}, Replicas: []gorm.Dialector{r.secondCopy.Dialector()},
	}, "second")
	s := newStore(t, "memory")
	if first {
		must(t, r.db.Use(dr))
		use(t, r.db, s)
	} else {
		use(t, r.db, s)
		must(t, r.db.Use(dr))
	}
	t.Cleanup(func() {
		_ = dr.Call(func(p gorm.ConnPool) error {
			if g, ok := p.(gorm.GetDBConnector); ok {
				if pool, err := g.GetDBConn(); err == nil {
					return pool.Close()
				}
			}
			if c, ok := p.(interface{ Close() error }); ok {
				return c.Close()
			}
			return nil
		})
	})
	return r
}

// first reads the first user's name through the cache.
func first(t *testing.T, db *gorm.DB) (string, observe.Read) {
	t.Helper()
	var seen observe.Read
	var u User
	ctx := lab.Seeing(t.Context(), &seen)
	must(t, db.WithContext(ctx).Clauses(fromcache.Region("default")).First(&u, 1).Error)
	return u.Name, seen
}

func expectFirst(t *testing.T, db *gorm.DB, name string, o observe.Outcome) {
	t.Helper()
	got, seen := first(t, db)
	if got != name || seen.Outcome != o {
		t.Errorf("read %q, a %v (%s %s), want %q, a %v", got, seen.Outcome, seen.Reason, seen.Detail, name, o)
	}
}

func TestResolver(t *testing.T) {
	for name, resolverFirst := range map[string]bool{"resolver, plugin": true, "plugin, resolver": false} {
		for prepared, cfg := range map[string]gorm.Config{"": {}, ", prepared": {PrepareStmt: true}, ", no default transactions": {SkipDefaultTransaction: true}} {
			t.Run(name+prepared, func(t *testing.T) {
				r := newResolved(t, resolverFirst, cfg)
				var u User
				must(t, r.db.First(&u, 1).Error)
				if u.Name != "replica" {
					t.Fatalf("an unscoped read comes from %q", u.Name)
				}
				// What is stored comes from the source, which does not lag.
				expectFirst(t, r.db, "source", miss)
				expectFirst(t, r.db, "source", hit)
				// Who asks for the primary gets it.
				got, seen := first(t, r.db.Clauses(dbresolver.Write))
				if got != "source" || seen.Reason != observe.Primary {
					t.Errorf("with Write: %q, %+v", got, seen)
				}
				second := func() *gorm.DB { return r.db.Clauses(dbresolver.Use("second")) }
				expectFirst(t, second(), "second", miss)
				expectFirst(t, second(), "second", hit)
				expectFirst(t, r.db, "source", hit)

				// Writes through the resolver, each way.
				for i, write := range []func(db *gorm.DB, name string) error{
					func(db *gorm.DB, name string) error { return rename(db, 1, name) },
					func(db *gorm.DB, name string) error {
						return db.Transaction(func(tx *gorm.DB) error { return rename(tx, 1, name) })
					},
					func(db *gorm.DB, name string) error {
						return db.Exec("UPDATE users SET name = ? WHERE id = 1", name).Error
					},
					func(db *gorm.DB, name string) error {
						return db.Session(&gorm.Session{PrepareStmt: true}).Transaction(func(tx *gorm.DB) error { return rename(tx, 1, name) })
					},
					func(db *gorm.DB, name string) error {
						return db.Clauses(dbresolver.Write).Transaction(func(tx *gorm.DB) error { return rename(tx, 1, name) })
					},
					func(db *gorm.DB, name string) error {
						var id int
						return db.Raw("UPDATE users SET name = ? WHERE id = 1 RETURNING id", name).Scan(&id).Error
					},
				} {
					name := string(rune('a' + i))
					must(t, write(r.db, name))
					if truth := direct(t, r.source.plain, "users")[0]["name"]; truth != name {
						t.Fatalf("write %s went elsewhere: %v", name, truth)
					}
					expectFirst(t, r.db, name, miss)
					expectFirst(t, r.db, name, hit)
					if name == "d" {
						continue // GORM's session of prepared statements forgets what Use chose
					}
					// dbresolver begins a transaction with Use on a replica, unless it is told to write.
					must(t, write(second().Clauses(dbresolver.Write), name+"2"))
					if truth := direct(t, r.second.plain, "users")[0]["name"]; truth != name+"2" {
						t.Fatalf("write %s to the second went elsewhere: %v", name, truth)
					}
					expectFirst(t, second(), name+"2", miss)
					expectFirst(t, second(), name+"2", hit)
					cached(t, r.db, "users")
				}
				// Rollbacks.
				expect := func(db *gorm.DB) {
					name, _ := first(t, db)
					err := db.Clauses(dbresolver.Write).Transaction(func(tx *gorm.DB) error {
						must(t, rename(tx, 1, "never"))
						if got, seen := first(t, tx); got != "never" || seen.Outcome != bypass {
							t.Errorf("inside: %q, %v", got, seen.Outcome)
						}
						return errWanted
					})
					if !errors.Is(err, errWanted) {
						t.Error(err)
					}
					expectFirst(t, db, name, hit)
				}
				expect(r.db.Session(&gorm.Session{}))
				expect(second().Session(&gorm.Session{}))
				// Locking reads go to the source, and are not cached.
				var locked User
				must(t, r.db.Clauses(fromcache.Region("default"), clause.Locking{Strength: "UPDATE"}).First(&locked, 1).Error)
			})
		}
	}
}
