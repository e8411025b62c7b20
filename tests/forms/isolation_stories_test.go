package forms_test

import (
	"reflect"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// readers are reads into memory of every sort.
var readers = map[string]func(db *gorm.DB) (any, error){
	"models":        into[[]Kinds](func(db *gorm.DB, dest any) error { return db.Order("id").Find(dest).Error }),
	"pointers":      into[[]*Kinds](func(db *gorm.DB, dest any) error { return db.Order("id").Find(dest).Error }),
	"model":         into[Kinds](func(db *gorm.DB, dest any) error { return db.First(dest, 1).Error }),
	"maps":          into[[]map[string]any](func(db *gorm.DB, dest any) error { return db.Table("kinds").Order("id").Find(dest).Error }),
	"bytes":         into[[][]byte](func(db *gorm.DB, dest any) error { return db.Model(&Kinds{}).Order("id").Pluck("bytes", dest).Error }),
	"joined":        into[[]User](func(db *gorm.DB, dest any) error { return db.Joins("Company").Order("users.id").Find(dest).Error }),
	"rows of anys":  rowsOf[any],
	"rows of bytes": rowsOf[[]byte],
}

func into[T any](read func(db *gorm.DB, dest any) error) func(db *gorm.DB) (any, error) {
	return func(db *gorm.DB) (any, error) {
		dest := new(T)
		return dest, read(db, dest)
	}
}

func rowsOf[T any](db *gorm.DB) (any, error) {
	rows, err := db.Table("kinds").Order("id").Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]any
	for rows.Next() {
		values := anys[T](len(names))()
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		all = append(all, values)
	}
	return &all, rows.Err()
}

// scramble changes whatever memory can be reached from v.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Type().Elem().PkgPath() != "time" {
			scramble(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			scramble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scramble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Cap() { // what lies behind the length may be another's
			scramble(v.Slice(0, v.Cap()).Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			scramble(v.MapIndex(k))
			v.SetMapIndex(k, reflect.Zero(v.Type().Elem()))
		}
	case reflect.Uint8:
		if v.CanSet() {
			v.SetUint(v.Uint() ^ 0x55)
		}
	default:
		if v.CanSet() {
			v.SetZero()
		}
	}
}

// isolation: each hit is scrambled; the next must be as from the database.
func isolation(t *testing.T, w *world) {
	for name, read := range readers {
		fresh(t, w)
		want := must(t, name, read, w.plain)
		must(t, name, read, w.cached.Clauses(fromcache.Region("default")))
		w.outcome(t, observe.Miss)
		for i := range 3 {
			got := must(t, name, read, w.cached.Clauses(fromcache.Region("default")))
			w.outcome(t, observe.Hit)
			if d := difference(name, want, got); d != "" {
				t.Errorf("%s, hit %d: %s", w, i, d)
			}
			scramble(reflect.ValueOf(got))
		}
	}
}

// isolationOfMiss: what the miss gave is scrambled; the hit must be as from the database.
func isolationOfMiss(t *testing.T, w *world) {
	for name, read := range readers {
		fresh(t, w)
		want := must(t, name, read, w.plain)
		scramble(reflect.ValueOf(must(t, name, read, w.cached.Clauses(fromcache.Region("default")))))
		w.outcome(t, observe.Miss)
		got := must(t, name, read, w.cached.Clauses(fromcache.Region("default")))
		w.outcome(t, observe.Hit)
		if d := difference(name, want, got); d != "" {
			t.Errorf("%s: %s", w, d)
		}
	}
}

func must(t *testing.T, name string, read func(*gorm.DB) (any, error), db *gorm.DB) any {
	t.Helper()
	v, err := read(db)
	if err != nil {
		t.Fatalf("%s, %s: %v", db.Name(), name, err)
	}
	return v
}

// together: 50 readers ask at once, none is answered before all have started, and each scrambles what
// it got. One statement runs; and the race detector watches the memory.
func together(t *testing.T, w *world) {
	const n = 50
	for name, read := range readers {
		fresh(t, w)
		want := must(t, name, read, w.plain)
		var started, done sync.WaitGroup
		started.Add(n)
		w.SQL.setGate(started.Wait)
		for range n {
			done.Go(func() {
				started.Done()
				got, err := read(w.cached.Clauses(fromcache.Region("default")))
				if err != nil {
					t.Error(err)
					return
				}
				if d := difference(name, want, got); d != "" {
					t.Errorf("%s: %s", w, d)
				}
				scramble(reflect.ValueOf(got))
			})
		}
		done.Wait()
		w.SQL.setGate(nil)
		reads, sqls := w.outcomes.Reads(), w.SQL.take()
		loads := 0
		for _, r := range reads {
			if r.Outcome == observe.Miss && !r.Coalesced {
				loads++
			}
		}
		if len(reads) != n || loads != len(sqls) || loads != 1 {
			t.Errorf("%s, %s: %d reads, %d loads, %d statements, want %d reads and 1 load", w, name, len(reads), loads, len(sqls), n)
		}
	}
}
