package replay_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm"
)

type (
	named8      int8
	named64     int64
	namedUint16 uint16
	namedFloat  float64
	namedFloat4 float32
	namedString string
	namedBool   bool
	namedBytes  []byte
	namedTime   time.Time
	// shout is a scanner of a plain kind: GORM must call it.
	shout string
	// quiet is a scanner by value semantics of a struct.
	quiet struct{ Seen string }
)

func (s *shout) Scan(v any) error { *s = shout(fmt.Sprintf("!%v", v)); return nil }
func (q *quiet) Scan(v any) error { q.Seen = fmt.Sprintf("%T %v", v, v); return nil }

var zone = time.FixedZone("CEST", 7200)

// driverValues are what drivers return for all sorts of columns.
var driverValues = []any{
	nil, true, false, int64(0), int64(1), int64(2), int64(-1), int64(127), int64(128), int64(255), int64(256), int64(-129),
	int64(math.MaxInt32), int64(math.MaxInt32 + 1), int64(1<<24 + 1), int64(1 << 53), int64(1<<53 + 1),
	int64(math.MaxInt64), int64(math.MinInt64), uint64(0), uint64(1), uint64(200), uint64(math.MaxInt64), uint64(math.MaxUint64),
	float32(0.1), float32(1), float32(math.MaxFloat32), 0.1, 1.0, 255.0, 1e6, -1.5, 1e21, 1e300, math.Inf(1), 16777217.0,
	float64(math.Float32frombits(0x3f800001)) + 5.9604644775390625e-8, math.Copysign(0, -1),
	"", "a", "0", "1", "-1", "127", "300", "1.5", "true", "t", "null", " 1", "1_000", "0x10", "2024-01-02 03:04:05", "inf", `{"a":1}`,
	"99999999999999999999", []byte(nil), []byte{}, []byte("a"), []byte("1"), []byte("-7"), []byte("70000"), []byte("1.25"), []byte("true"),
	[]byte{1}, []byte{0}, []byte(`["x"]`), []byte("2024-01-02 03:04:05"),
	time.Time{}, time.Unix(1700000000, 123456789).UTC(), time.Unix(1700000000, 0), time.Unix(1700000000, 5).In(zone),
}

// one is a model with one field of the type in question, between two that must not be touched.
type one[T any] struct {
	Before int64
	F      T
	After  int64
}

type outcome struct {
	dest     any
	affected int64
	err      string
}

// scanTwice scans first and then second into the same struct.
func scanTwice[T any](h *harness, w way, first, second any) []outcome {
	var dest one[T]
	var out []outcome
	for _, v := range []any{first, second} {
		r := &result{names: []string{"before", "f", "after"}, rows: [][]any{{int64(1), v, int64(2)}}}
		tx := h.on(r, w).Find(&dest)
		out = append(out, outcome{dest, tx.RowsAffected, fmt.Sprint(tx.Error)})
		if tx.Error != nil {
			// What a failed scan leaves behind comes from a pool: it is anybody's guess.
			out[len(out)-1].dest = nil
			return out
		}
	}
	return out
}

func scanSlice[S any](h *harness, w way, values []any) outcome {
	r := &result{names: []string{"before", "f", "after"}}
	for i, v := range values {
		r.rows = append(r.rows, []any{int64(i), v, int64(-i)})
	}
	var dest S
	tx := h.on(r, w).Find(&dest)
	if tx.Error != nil {
		return outcome{nil, tx.RowsAffected, fmt.Sprint(tx.Error)}
	}
	return outcome{dest, tx.RowsAffected, ""}
}

func matrix[T any](h *harness) func(t *testing.T) {
	return func(t *testing.T) {
		for _, first := range driverValues {
			for _, second := range []any{nil, first, int64(1), "1", []byte("x"), time.Unix(1, 0).UTC()} {
				got, want := scanTwice[T](h, fromReplay, first, second), scanTwice[T](h, fromLive, first, second)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%T %#v, then %T %#v:\n got %+v\nwant %+v", first, first, second, second, got, want)
				}
			}
		}
		// Many rows that all fit, with NULLs between them, and then one that may not.
		fit := []any{}
		for _, v := range driverValues {
			if o := scanTwice[T](h, fromLive, v, v); o[0].dest != nil {
				fit = append(fit, v, nil)
			}
		}
		for _, tail := range []any{nil, "not a number", []byte("x"), int64(300), -1.5, time.Unix(1, 0)} {
			values := append(fit[:len(fit):len(fit)], tail)
			if got, want := scanSlice[[]one[T]](h, fromReplay, values), scanSlice[[]one[T]](h, fromLive, values); !reflect.DeepEqual(got, want) {
				t.Errorf("slice ending in %#v:\n got %+v\nwant %+v", tail, got, want)
			}
			if got, want := scanSlice[[]*one[T]](h, fromReplay, values), scanSlice[[]*one[T]](h, fromLive, values); !reflect.DeepEqual(got, want) {
				t.Errorf("slice of pointers ending in %#v differs", tail)
			}
		}
	}
}

func TestEveryValueIntoEveryFieldIsAsFromGORM(t *testing.T) {
	h := newHarness(t)
	t.Run("bool", matrix[bool](h))
	t.Run("int", matrix[int](h))
	t.Run("int8", matrix[int8](h))
	t.Run("int16", matrix[int16](h))
	t.Run("int32", matrix[int32](h))
	t.Run("int64", matrix[int64](h))
	t.Run("uint", matrix[uint](h))
	t.Run("uint8", matrix[uint8](h))
	t.Run("uint16", matrix[uint16](h))
	t.Run("uint32", matrix[uint32](h))
	t.Run("uint64", matrix[uint64](h))
	t.Run("float32", matrix[float32](h))
	t.Run("float64", matrix[float64](h))
	t.Run("string", matrix[string](h))
	t.Run("bytes", matrix[[]byte](h))
	t.Run("time", matrix[time.Time](h))
	t.Run("*bool", matrix[*bool](h))
	t.Run("*int", matrix[*int](h))
	t.Run("*int8", matrix[*int8](h))
	t.Run("*uint32", matrix[*uint32](h))
	t.Run("*float32", matrix[*float32](h))
	t.Run("*float64", matrix[*float64](h))
	t.Run("*string", matrix[*string](h))
	t.Run("*bytes", matrix[*[]byte](h))
	t.Run("*time", matrix[*time.Time](h))
	t.Run("named8", matrix[named8](h))
	t.Run("named64", matrix[named64](h))
	t.Run("namedUint16", matrix[namedUint16](h))
	t.Run("namedFloat", matrix[namedFloat](h))
	t.Run("namedFloat4", matrix[namedFloat4](h))
	t.Run("namedString", matrix[namedString](h))
	t.Run("namedBool", matrix[namedBool](h))
	t.Run("namedBytes", matrix[namedBytes](h))
	t.Run("namedTime", matrix[namedTime](h))
	t.Run("RawMessage", matrix[json.RawMessage](h))
	t.Run("Duration", matrix[time.Duration](h))
	t.Run("*named8", matrix[*named8](h))
	t.Run("*named64", matrix[*named64](h))
	t.Run("*namedString", matrix[*namedString](h))
	t.Run("*namedBool", matrix[*namedBool](h))
	t.Run("*namedTime", matrix[*namedTime](h))
	t.Run("DeletedAt", matrix[gorm.DeletedAt](h))
	t.Run("*DeletedAt", matrix[*gorm.DeletedAt](h))
	t.Run("NullTime", matrix[sql.NullTime](h))
	t.Run("NullString", matrix[sql.NullString](h))
	t.Run("*NullString", matrix[*sql.NullString](h))
	t.Run("NullBool", matrix[sql.NullBool](h))
	t.Run("NullInt64", matrix[sql.NullInt64](h))
	t.Run("NullInt32", matrix[sql.NullInt32](h))
	t.Run("NullInt16", matrix[sql.NullInt16](h))
	t.Run("NullFloat64", matrix[sql.NullFloat64](h))
	t.Run("Null[int8]", matrix[sql.Null[int8]](h))
	t.Run("shout", matrix[shout](h))
	t.Run("*shout", matrix[*shout](h))
	t.Run("quiet", matrix[quiet](h))
}

// many is a model with a field of each kind that has a setter.
type many struct {
	B   bool
	I   int
	I8  int8
	U16 uint16
	U64 uint64
	F32 float32
	F64 float64
	S   string
	Y   []byte
	T   time.Time
	N   named64
	NF  namedFloat4
	NS  namedString
	NB  namedBool
	PI  *int32
	PS  *string
	PF  *float32
	NI  sql.NullInt32
	NT  sql.NullTime
	D   gorm.DeletedAt
}

var manyNames = []string{"b", "i", "i8", "u16", "u64", "f32", "f64", "s", "y", "t", "n", "nf", "ns", "nb", "pi", "ps", "pf", "ni", "nt", "d"}

// FuzzOneValue puts a value into one field of each kind. Bound: one value; what it is read from is bounded
// by FuzzParse of the serializer.
func FuzzOneValue(f *testing.F) {
	for i := range manyNames {
		f.Add(uint8(i), uint8(i), int64(i), 0.1, "1")
	}
	h := newHarness(f)
	f.Fuzz(func(t *testing.T, field, kind uint8, n int64, x float64, s string) {
		if x != x && manyNames[int(field)%len(manyNames)] == "pf" {
			return // a pointer to NaN equals nothing
		}
		h.t = t
		value := []any{nil, n, uint64(n), n%2 == 0, x, float32(x), s, []byte(s), time.Unix(n, 0).UTC()}[kind%9]
		r := &result{names: []string{manyNames[int(field)%len(manyNames)], "nothing"}, rows: [][]any{{value, 1.5}}}
		var got, want many
		gotTx, wantTx := h.on(r, fromReplay).Find(&got), h.on(r, fromLive).Find(&want)
		if g, w := fmt.Sprint(gotTx.Error), fmt.Sprint(wantTx.Error); g != w {
			t.Fatalf("%s: %T %v: got %s, want %s", r.names[0], value, value, g, w)
		}
		// As text, so that NaN equals NaN.
		if g, w := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); wantTx.Error == nil && g != w && !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %T %v:\n got %s\nwant %s", r.names[0], value, value, g, w)
		}
	})
}
