package plugin_test

import (
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

// Two enumerations over the same numbers, each with texts of its own. pgx sends the texts.
type (
	team  int
	color int
)

func (t team) String() string   { return [...]string{"ann", "bob"}[t] }
func (c *color) String() string { return [...]string{"cy", "none"}[*c] }

// Drivers look at the methods of arguments, so arguments of one underlying value may be different
// queries. Were they one key, the second of them would get the answer of the first.
func TestArgumentsThatDriversTellApart(t *testing.T) {
	d := newDatabase(t, "postgres")
	db := d.Open(t)
	use(t, db, newStore(t, "memory"))
	find := func(db *gorm.DB, arg any) string {
		var users []User
		if err := db.Where("name = ?", arg).Find(&users).Error; err != nil {
			return err.Error()
		}
		return fmt.Sprint(len(users), users)
	}
	blue := color(0)
	seen := map[string]bool{}
	for _, arg := range []any{team(0), &blue, 0} {
		want := find(d.plain, arg)
		seen[want] = true
		for range 2 {
			if got := find(db.Clauses(fromcache.Region("default")), arg); got != want {
				t.Errorf("%T: got %s, want %s", arg, got, want)
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("the driver does not tell the arguments apart: %v", seen)
	}
}
