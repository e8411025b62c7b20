package replay_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/replay"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// user has ten columns of mixed kinds.
type user struct {
	ID        uint
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
	Name      string
	Email     *string
	Age       int
	Score     float64
	Active    bool
	Bio       string
}

func userPayload(t testing.TB, n int) []byte {
	names := []string{"id", "created_at", "updated_at", "deleted_at", "name", "email", "age", "score", "active", "bio"}
	cols := make([]rows.Column, len(names))
	for i := range names {
		cols[i] = rows.Column{Name: names[i], DatabaseType: "TEXT", ScanType: reflect.TypeFor[string]()}
	}
	enc, err := rows.NewEncoder(cols, rows.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		at := time.Unix(1700000000+int64(i), 123456000).UTC()
		row := []any{int64(i + 1), at, at, nil, fmt.Sprintf("user %d", i), fmt.Sprintf("user%d@example.org", i),
			int64(i % 100), float64(i) * 1.5, i%2 == 0, "a line about this user, as long as such lines are"}
		if i%10 == 0 {
			row[3], row[5] = at, nil
		}
		if err := enc.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	return enc.Append(nil)
}

// statement returns a statement as GORM's callbacks see it, for dest.
func statement(t testing.TB, db *gorm.DB, dest any) *gorm.DB {
	tx := db.Session(&gorm.Session{})
	tx = tx.Model(dest)
	tx.Statement.Dest = dest
	if err := tx.Statement.Parse(dest); err != nil {
		t.Fatal(err)
	}
	tx.Statement.ReflectValue = reflect.ValueOf(dest).Elem()
	return tx
}

func BenchmarkScan(b *testing.B) {
	h := newHarness(b)
	for _, n := range []int{1, 100, 1000} {
		payload := userPayload(b, n)
		parse := func(b *testing.B) *rows.Set {
			view, err := rows.Parse(payload)
			if err != nil {
				b.Fatal(err)
			}
			return view
		}
		var users []user
		var one user
		tx := statement(b, h.db, &users)
		if n == 1 {
			tx = statement(b, h.db, &one)
		}
		b.Run(fmt.Sprintf("parse+fast/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				users = nil
				if err := h.rep.Scan(tx, parse(b)); err != nil || tx.Error != nil {
					b.Fatal(err, tx.Error)
				}
			}
		})
		b.Run(fmt.Sprintf("parse/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				parse(b)
			}
		})
		b.Run(fmt.Sprintf("parse+gorm/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				users = nil
				rows, err := h.rep.Rows(parse(b))
				if err != nil {
					b.Fatal(err)
				}
				gorm.Scan(rows, tx, 0)
				if err := rows.Close(); err != nil || tx.Error != nil {
					b.Fatal(err, tx.Error)
				}
			}
		})
	}
}

func BenchmarkRows(b *testing.B) {
	r := replay.New()
	defer r.Close()
	view, err := rows.Parse(userPayload(b, 1))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		rows, err := r.Rows(view)
		if err != nil {
			b.Fatal(err)
		}
		_ = rows.Close()
	}
}
