package plugin_test

import (
	"database/sql"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

// TestByHand drops by each of the functions of package invalidate, alone and in a transaction, and looks
// at it from another process.
func TestByHand(t *testing.T) {
	type reader struct {
		name string
		read func(t *testing.T, db *gorm.DB) (rows, string)
	}
	through := func(name, table string, opts ...fromcache.Option) reader {
		return reader{name, func(t *testing.T, db *gorm.DB) (rows, string) {
			got, seen := cached(t, db, table, opts...)
			return got, seen.Outcome.String()
		}}
	}
	users, islands, tagged := through("users", "users"), through("islands", "islands"),
		through("tagged", "islands", fromcache.Tags("news", "other"))
	all := []reader{users, islands, tagged}
	onScenes(t, func(t *testing.T, s *scene) {
		ctx := t.Context()
		for _, c := range []struct {
			name  string
			run   func(db *gorm.DB) error
			drops []string
		}{
			{"Tables", func(db *gorm.DB) error { return invalidate.Tables(ctx, db, "Main.USERS", "none") }, []string{"users"}},
			{"Model", func(db *gorm.DB) error { return invalidate.Model(ctx, db, &User{ID: 5}) }, []string{"users"}},
			{"Model of a slice", func(db *gorm.DB) error { return invalidate.Model(ctx, db, []Island{}) }, []string{"islands", "tagged"}},
			{"Tags", func(db *gorm.DB) error { return invalidate.Tags(ctx, db, "news") }, []string{"tagged"}},
			{"Tags nobody has", func(db *gorm.DB) error { return invalidate.Tags(ctx, db, "users", "islands") }, nil},
			{"Region", func(db *gorm.DB) error { return invalidate.Region(ctx, db, "default") }, []string{"users", "islands", "tagged"}},
			{"another Region", func(db *gorm.DB) error { return invalidate.Region(ctx, db, "second") }, nil},
			{"All", func(db *gorm.DB) error { return invalidate.All(ctx, db) }, []string{"users", "islands", "tagged"}},
		} {
			for _, within := range []string{"alone", "in a transaction", "in a transaction rolled back"} {
				t.Run(c.name+" "+within, func(t *testing.T) {
					before := map[string]rows{}
					must(t, seed(s.plain))
					must(t, invalidate.All(ctx, s.writer.db))
					for _, r := range all {
						warm := ""
						for range 4 {
							before[r.name], warm = r.read(t, s.other.db)
						}
						if warm != "hit" {
							t.Fatalf("%s is a %s", r.name, warm)
						}
					}
					s.behind(t, "users")
					s.behind(t, "islands")
					var drops []string
					switch within {
					case "alone":
						must(t, c.run(s.writer.db))
						drops = c.drops
					case "in a transaction":
						must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
							must(t, c.run(tx))
							for _, r := range all {
								if _, outcome := r.read(t, s.other.db); outcome != "hit" {
									t.Errorf("%s is dropped before COMMIT", r.name)
								}
							}
							return nil
						}))
						drops = c.drops
					default:
						_ = s.writer.db.Transaction(func(tx *gorm.DB) error { must(t, c.run(tx)); return errWanted })
					}
					for _, r := range all {
						got, outcome := r.read(t, s.other.db)
						isDropped := false
						for _, d := range drops {
							isDropped = isDropped || d == r.name
						}
						if isDropped == (outcome == "hit") {
							t.Errorf("%s: %s, is to be dropped: %v", r.name, outcome, isDropped)
						}
						if isDropped != (got[0]["name"] == "behind") {
							t.Errorf("%s: %v", r.name, got)
						}
					}
				})
			}
		}
	})
}

// What is invalidated by hand in a transaction may have been written there, unseen: its own reads hold
// rows that may still be rolled back.
func TestByHandAndInTransaction(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	must(t, s.plain.Exec("CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS "+
		"$$ UPDATE users SET name = 'x' WHERE id = 1 RETURNING 1 $$").Error)
	before := direct(t, s.plain, "users")
	tx := s.writer.db.Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted})
	must(t, tx.Exec("SELECT bump()").Error)
	must(t, invalidate.Tables(t.Context(), tx, "users"))
	if _, seen := cached(t, tx, "users", fromcache.InTransaction()); seen.Outcome != bypass {
		t.Errorf("its own read: %v", seen.Outcome)
	}
	must(t, tx.Rollback().Error)
	reading(t, s.other.db, "users", before, miss)
}
