package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
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

// MySQL computes with unsigned numbers in another way than with signed ones, so that two queries differ in nothing but the
// type of their arguments.
//
// Falls if: the key of a query holds the number alone.
func TestUnsignedArgumentsOfMySQL(t *testing.T) {
	for _, kind := range kinds {
		d := newDatabase(t, kind)
		db := d.Open(t)
		p := use(t, db, newStore(t, "memory"))
		find := func(db *gorm.DB, arg any) string {
			var n []int64
			err := db.Raw("SELECT ? - 8 AS n FROM users WHERE id = 1", arg).Scan(&n).Error
			return fmt.Sprint(n, err != nil)
		}
		if kind == "postgres" { // wants to be told the type
			continue
		}
		wide, small := uint(7), uint8(7)
		seen := map[string]bool{}
		for _, arg := range []any{7, int64(7), wide, uint64(7), &wide, small, 7} {
			want := find(d.plain, arg)
			seen[want] = true
			for range 2 {
				if got := find(db.Clauses(fromcache.Region("default")), arg); got != want {
					t.Errorf("%s, %T: got %s, want %s", kind, arg, got, want)
				}
			}
		}
		if len(seen) == 2 != (kind == "mariadb") {
			t.Errorf("%s answers %v", kind, seen)
		}
		if p.Stats().Hits == 0 {
			t.Errorf("%s: nothing is cached", kind)
		}
	}
}

// A value of another type under the same key is none that is cached.
func TestOnlyIfCachedValueOfAnotherType(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	r, err := s.writer.p.Region("default")
	must(t, err)
	_, err = region.GetOrCreate(t.Context(), r, "key", func(context.Context) (string, error) { return "x", nil })
	must(t, err)
	_, err = region.GetOrCreate(t.Context(), r, "key", func(context.Context) (int, error) {
		t.Error("created")
		return 0, nil
	}, region.WithMode(region.OnlyIfCached))
	if !errors.Is(err, region.ErrCacheMiss) {
		t.Error(err)
	}
}

// Two processes whose DSNs read DATETIME in different zones get different instants from the same SQL.
func TestZonesOfMySQLAreInTheKey(t *testing.T) {
	d := newDatabase(t, "mariadb")
	must(t, d.plain.Exec("CREATE TABLE ats (id int PRIMARY KEY, at datetime)").Error)
	must(t, d.plain.Exec("INSERT INTO ats VALUES (1, '2024-01-01 12:00:00')").Error)
	st, dsn := newStore(t, "memory"), d.DSN
	for _, loc := range []string{"UTC", "Asia%2FTokyo"} {
		d.DSN = dsn + "&loc=" + loc
		db := d.Open(t)
		use(t, db, st)
		var want, got struct{ At time.Time }
		must(t, db.Table("ats").Take(&want).Error)
		must(t, db.Clauses(fromcache.Region("default")).Table("ats").Take(&got).Error)
		if !got.At.Equal(want.At) {
			t.Errorf("%s: cached %v, database %v", loc, got.At, want.At)
		}
	}
}
