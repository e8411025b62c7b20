package rows_test

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

func known(err error) bool {
	return errors.Is(err, entry.ErrCorrupt) || errors.Is(err, entry.ErrVersion)
}

// allocated returns how many bytes fn allocates. Other goroutines count too, so bounds need an allowance.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzParse: rows that parse give the same values when they are encoded and parsed again, and when the columns
// are known, those or others. Bound: Parse
// allocates 32 bytes for each byte of the input, and a constant.
func FuzzParse(f *testing.F) {
	cols, data := goldenRows()
	f.Add(encode(f, cols, data))
	f.Add(encode(f, cols[:1], nil))
	for _, v := range values[:40] {
		f.Add(encode(f, columns(1), [][]any{{v}}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var view *rows.Set
		var err error
		n := allocated(func() { view, err = rows.Parse(b) })
		// A column takes some hundred bytes and at least nine of the input. The rest is an allowance
		// for what else the process does, such as loading a time zone.
		if n > uint64(len(b))*32+1<<18 {
			t.Fatalf("%d bytes allocated for %d", n, len(b))
		}
		parser := warm(t)
		for range 2 {
			again, errAgain := parser.Parse(b)
			if fmt.Sprint(err) != fmt.Sprint(errAgain) {
				t.Fatalf("%v, then %v", err, errAgain)
			}
			if err == nil && !reflect.DeepEqual(view.Columns(), again.Columns()) {
				t.Fatalf("%v, then %v", view.Columns(), again.Columns())
			}
		}
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		enc, err := rows.NewEncoder(view.Columns(), rows.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		decoded := decode(view)
		for _, row := range decoded {
			if err := enc.Add(row); err != nil {
				if errors.Is(err, entry.ErrUnsupported) {
					return // a fixed zone that claims to be one of the database, for one.
				}
				t.Fatal(err)
			}
		}
		again, err := rows.Parse(enc.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		for i := range view.Columns() {
			a, b := view.Cursor(i), again.Cursor(i)
			for range view.Len() {
				if x, y := a.Next(), b.Next(); !sameValue(x, y) {
					t.Fatalf("column %d: %#v, then %#v", i, x.Any(), y.Any())
				}
			}
		}
	})
}

// warm is a parser that knows the columns of the golden rows, which are among the seeds.
func warm(t *testing.T) *rows.Parser {
	var p rows.Parser
	cols, data := goldenRows()
	if _, err := p.Parse(encode(t, cols, data)); err != nil {
		t.Fatal(err)
	}
	return &p
}

func sameValue(x, y rows.Value) bool {
	if x.Kind != y.Kind || x.Uint64() != y.Uint64() || x.Text() != y.Text() {
		return false
	}
	return x.Kind != rows.Time || x.Time().String() == y.Time().String()
}
