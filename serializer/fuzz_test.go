package serializer_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/serializer"
)

func known(err error) bool {
	return errors.Is(err, serializer.ErrCorrupt) || errors.Is(err, serializer.ErrVersion)
}

// allocated returns how many bytes fn allocates. Other goroutines count too, so bounds need an allowance.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzEnvelopeDecode: what decodes is what was encoded, byte for byte. Bound: Decode allocates nothing.
func FuzzEnvelopeDecode(f *testing.F) {
	f.Add("key", seal(f, "key", envelope()), false)
	f.Add("", []byte("gc\x01\x01"), true)
	f.Fuzz(func(t *testing.T, key string, b []byte, reseal bool) {
		if reseal && len(b) >= 4 {
			// Get past the checksum, as a writer with other ideas would.
			b = sum(append([]byte(nil), b[:len(b)-4]...), key)
		}
		var e serializer.Envelope
		if n := testing.AllocsPerRun(1, func() { _ = e.Decode(key, b) }); n != 0 {
			t.Fatalf("%v allocations", n)
		}
		if err := e.Decode(key, b); err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		if again := seal(t, key, &e); !bytes.Equal(again, b) {
			t.Fatalf("decoded %x, encoded %x", b, again)
		}
	})
}

// FuzzParse: rows that parse give the same values when they are encoded and parsed again, and when the columns
// are known, those or others. Bound: Parse
// allocates 32 bytes for each byte of the input, and a constant.
func FuzzParse(f *testing.F) {
	cols, rows := goldenRows()
	f.Add(encode(f, cols, rows))
	f.Add(encode(f, cols[:1], nil))
	for _, v := range values[:40] {
		f.Add(encode(f, columns(1), [][]any{{v}}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var view *serializer.Rows
		var err error
		n := allocated(func() { view, err = serializer.Parse(b) })
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
		enc, err := serializer.NewRowsEncoder(view.Columns(), serializer.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		decoded := decode(view)
		for _, row := range decoded {
			if err := enc.Add(row); err != nil {
				if errors.Is(err, serializer.ErrUnsupported) {
					return // a fixed zone that claims to be one of the database, for one.
				}
				t.Fatal(err)
			}
		}
		again, err := serializer.Parse(enc.Append(nil))
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
func warm(t *testing.T) *serializer.Parser {
	var p serializer.Parser
	cols, rows := goldenRows()
	if _, err := p.Parse(encode(t, cols, rows)); err != nil {
		t.Fatal(err)
	}
	return &p
}

func sameValue(x, y serializer.Value) bool {
	if x.Kind != y.Kind || x.Uint64() != y.Uint64() || x.Text() != y.Text() {
		return false
	}
	return x.Kind != serializer.Time || x.Time().String() == y.Time().String()
}

// FuzzUnmarshal: every error is one of ours. Bound: Unmarshal allocates 128 bytes for each byte of the
// input (a byte can be an element of a list, or make one of a map), and a constant.
func FuzzUnmarshal(f *testing.F) {
	many := map[string]any{} // large enough for the bound to tell
	for i := range 20_000 {
		many[strconv.Itoa(i)] = nil
	}
	for _, v := range []any{
		fullAccount(), account{}, node{Any: map[string]any{"x": 1.5}}, many, node{Any: many},
		make([]any, 50_000), make([]string, 50_000), node{Any: make([][]any, 50_000)},
	} {
		b, err := serializer.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, dst := range []any{new(account), new(node), new(any), new([]string)} {
			var err error
			if n := allocated(func() { err = serializer.Unmarshal(b, dst) }); n > uint64(len(b))*128+1<<18 {
				t.Fatalf("%d bytes allocated for %d in a %T", n, len(b), dst)
			}
			if err != nil && !known(err) && !errors.Is(err, serializer.ErrUnsupported) {
				t.Fatal(err)
			}
		}
	})
}
