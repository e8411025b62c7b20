package narrow_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// PostgreSQL takes the text "now", as an argument too, for the time of the query.
func TestArgumentsThatMeanNow(t *testing.T) {
	type day string
	w := newWorld(t, "postgres")
	must(t, w.bare.Exec("ALTER TABLE items ADD COLUMN at timestamptz").Error)
	now := "now"
	for _, arg := range []any{"now", "10:00 Today", " tomorrow", &now, day("yesterday"), []byte("now")} {
		r := read{"at", find[Item](where("at < ? AND id IN ?", arg, []int{1, 2}))}
		for range 2 {
			if _, seen := r.answer(t, w.reader); seen.Outcome != observe.Bypass || seen.Reason != observe.Volatile {
				t.Errorf("%v: %v %s", arg, seen.Outcome, seen.Reason)
			}
		}
	}
	for _, arg := range []any{"2026-01-01", "snow", "nowhere"} {
		r := read{"name", find[Item](func(db *gorm.DB) *gorm.DB { return db.Where("name <> ?", arg) })}
		r.warm(t, w.reader)
	}
	read{"time", find[Item](where("at < ?", time.Now()))}.warm(t, w.reader)
}
