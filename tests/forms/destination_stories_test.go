package forms_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

const allKinds = "SELECT * FROM kinds ORDER BY id"

// destinations are what one SQL text is read into.
var destinations = map[string]func(db *gorm.DB) (any, error){
	"models":   into[[]Kinds](func(db *gorm.DB, dest any) error { return db.Raw(allKinds).Scan(dest).Error }),
	"pointers": into[[]*Kinds](func(db *gorm.DB, dest any) error { return db.Raw(allKinds).Find(dest).Error }),
	"model":    into[Kinds](func(db *gorm.DB, dest any) error { return db.Raw(allKinds).Scan(dest).Error }),
	"maps":     into[[]map[string]any](func(db *gorm.DB, dest any) error { return db.Raw(allKinds).Scan(dest).Error }),
	"map":      into[map[string]any](func(db *gorm.DB, dest any) error { return db.Raw(allKinds).Scan(dest).Error }),
	"DTOs": into[[]struct {
		ID    string
		Micro string
		Bytes string
	}](func(db *gorm.DB, dest any) error { return db.Raw(allKinds).Scan(dest).Error }),
	"rows": into[[][]any](func(db *gorm.DB, dest any) error {
		all, err := rowsOf[any](db.Table("(?) AS k", db.Session(&gorm.Session{NewDB: true}).Raw(allKinds)))
		if err == nil {
			*dest.(*[][]any) = *all.(*[][]any)
		}
		return err
	}),
}

// manyDestinations: whatever destination filled the entry, each other one gets what the database gives.
func manyDestinations(t *testing.T, w *world) {
	for first, fill := range destinations {
		fresh(t, w)
		must(t, first, fill, w.cached.Clauses(fromcache.Region("default")))
		for name, read := range destinations {
			want := must(t, name, read, w.plain)
			if d := difference(name, want, must(t, name, read, w.cached.Clauses(fromcache.Region("default")))); d != "" {
				t.Errorf("%s, after %s: %s", w, first, d)
			}
		}
	}
}

// bothProtocols: drivers give some values in other types when prepared, so the two share no entry.
func bothProtocols(t *testing.T, w *world) {
	fresh(t, w)
	read := func(db *gorm.DB) (any, error) { return rowsOf[any](db) }
	handle := func(db *gorm.DB, prepare bool) *gorm.DB {
		if w.prepared || !prepare {
			return db
		}
		return db.Session(&gorm.Session{PrepareStmt: true})
	}
	for _, outcome := range []observe.Outcome{observe.Miss, observe.Hit} {
		for _, prepare := range []bool{false, true} {
			if w.prepared && prepare {
				continue // there is but one way
			}
			want := must(t, "plain", read, handle(w.plain, prepare))
			w.outcomes.Reads()
			w.SQL.take()
			got := must(t, "cached", read, handle(w.cached, prepare).Clauses(fromcache.Region("default")))
			w.outcome(t, outcome)
			if d := difference("rows", want, got); d != "" {
				t.Errorf("%s, prepare %v: %s", w, prepare, d)
			}
		}
	}
}
