package rows_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// berlin is loaded as a program would load it.
var berlin = mustLoad("Europe/Berlin")

func mustLoad(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// values are what drivers return, and the corners of it.
var values = []any{
	nil, true, false,
	int64(0), int64(1), int64(-1), int64(127), int64(128), int64(-32), int64(-33), int64(-128), int64(-129),
	int64(math.MaxInt16), int64(math.MaxInt16 + 1), int64(math.MinInt16), int64(math.MinInt16 - 1),
	int64(math.MaxInt32), int64(math.MaxInt32 + 1), int64(math.MinInt32 - 1), int64(math.MaxInt64), int64(math.MinInt64),
	uint64(0), uint64(1), uint64(127), uint64(255), uint64(256), uint64(65535), uint64(65536), uint64(1 << 32), uint64(math.MaxUint64),
	float32(0), float32(1.5), float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(0.1),
	0.0, 0.1, math.Copysign(0, -1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64,
	"", "a", strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", 255), strings.Repeat("x", 256),
	strings.Repeat("x", 65536), "\xff\x00", "héllo",
	[]byte(nil), []byte{}, []byte("a"), []byte(strings.Repeat("y", 256)), []byte(strings.Repeat("y", 65536)),
	time.Time{}, time.Unix(0, 0).UTC(), time.Unix(1, 999999999), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
	time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(2024, 7, 1, 1, 2, 3, 4, time.Local),
	time.Date(2024, 7, 1, 1, 2, 3, 4, berlin), time.Date(2024, 1, 1, 1, 2, 3, 4, berlin),
	time.Date(2024, 7, 1, 1, 2, 3, 4, time.FixedZone("", 7200)), time.Date(2024, 7, 1, 1, 2, 3, 4, time.FixedZone("CEST", 7200)),
	time.Date(2024, 7, 1, 1, 2, 3, 4, time.FixedZone("Europe/Berlin", 3600)),
	time.Date(2024, 7, 1, 1, 2, 3, 4, time.FixedZone("", -12345)), time.Date(-300, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2024, 7, 1, 1, 2, 3, 4, time.FixedZone("UTC", 0)),
}

func columns(n int) []rows.Column {
	cols := make([]rows.Column, n)
	for i := range cols {
		cols[i] = rows.Column{Name: fmt.Sprintf("c%d", i), DatabaseType: "TEXT", ScanType: reflect.TypeFor[string]()}
	}
	return cols
}

func encode(t testing.TB, cols []rows.Column, data [][]any) []byte {
	t.Helper()
	enc, err := rows.NewEncoder(cols, rows.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range data {
		if err := enc.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	return enc.Append(nil)
}

// decode reads all values back.
func decode(v *rows.Set) [][]any {
	data := make([][]any, v.Len())
	for c := range v.Columns() {
		cursor := v.Cursor(c)
		for r := range data {
			data[r] = append(data[r], cursor.Next().Any())
		}
	}
	return data
}

func TestEveryValueComesBackExactly(t *testing.T) {
	for i, v := range values {
		t.Run(fmt.Sprintf("%d %T", i, v), func(t *testing.T) {
			view, err := rows.Parse(encode(t, columns(1), [][]any{{v}}))
			if err != nil {
				t.Fatal(err)
			}
			got := decode(view)[0][0]
			if !reflect.DeepEqual(got, v) {
				t.Fatalf("got %#v, want %#v", got, v)
			}
			if f, ok := v.(float64); ok && math.Signbit(f) != math.Signbit(got.(float64)) {
				t.Fatalf("the sign of %v is lost", f)
			}
			if f, ok := v.(float32); ok && math.Signbit(float64(f)) != math.Signbit(float64(got.(float32))) {
				t.Fatalf("the sign of %v is lost", f)
			}
		})
	}
}

// What is asked for by its kind is what Next gives, and a value of another kind stays where it is.
func TestValuesByKind(t *testing.T) {
	for i, v := range values {
		view := parse(t, encode(t, columns(1), [][]any{{v}, {"next"}}))
		next := view.Cursor(0)
		want := next.Next()
		for kind, get := range map[string]func(*rows.Cursor) (any, bool){
			"null":    func(c *rows.Cursor) (any, bool) { return nil, c.Null() },
			"bool":    func(c *rows.Cursor) (any, bool) { v, ok := c.Bool(); return v, ok },
			"int64":   func(c *rows.Cursor) (any, bool) { v, ok := c.Int64(); return v, ok },
			"float64": func(c *rows.Cursor) (any, bool) { v, ok := c.Float64(); return v, ok },
			"text":    func(c *rows.Cursor) (any, bool) { v, ok := c.Text(); return v, ok },
			"time":    func(c *rows.Cursor) (any, bool) { v, ok := c.Time(); return v, ok },
		} {
			is := map[rows.Kind]string{rows.Null: "null", rows.Bool: "bool", rows.Int64: "int64",
				rows.Float64: "float64", rows.String: "text", rows.Bytes: "text", rows.Time: "time"}[want.Kind] == kind
			c := view.Cursor(0)
			got, ok := get(&c)
			if ok != is {
				t.Errorf("value %d, %T, as %s: %v", i, v, kind, ok)
			}
			if b, isBytes := v.([]byte); isBytes && is {
				v = string(b)
			}
			if is && !reflect.DeepEqual(got, v) {
				t.Errorf("value %d as %s: %#v, want %#v", i, kind, got, v)
			}
			if ok {
				if after := c.Next(); after.Text() != "next" {
					t.Errorf("value %d as %s: %#v follows", i, kind, after.Any())
				}
				if _, ok := get(&c); ok { // beyond the last row
					t.Errorf("value %d as %s: there is one more", i, kind)
				}
			} else if again := c.Next(); !sameValue(again, want) {
				t.Errorf("value %d as %s: the cursor has moved to %#v", i, kind, again.Any())
			}
		}
	}
}

func TestNaNComesBackBitByBit(t *testing.T) {
	quiet := math.Float64frombits(0x7ff8dead0000beef)
	small := math.Float32frombits(0x7fc0beef)
	view, err := rows.Parse(encode(t, columns(2), [][]any{{quiet, small}}))
	if err != nil {
		t.Fatal(err)
	}
	row := decode(view)[0]
	if math.Float64bits(row[0].(float64)) != 0x7ff8dead0000beef || math.Float32bits(row[1].(float32)) != 0x7fc0beef {
		t.Fatalf("got %x", row)
	}
}

func TestManyRowsComeBackExactly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		n, m := 1+rnd.IntN(12), rnd.IntN(70)
		if round == 0 {
			m = 70000 // beyond array16
			n = 1
		}
		data := make([][]any, m)
		for i := range data {
			for range n {
				v := values[rnd.IntN(len(values))]
				if s, ok := v.(string); ok && len(s) > 300 && m > 100 {
					v = s[:300]
				}
				if b, ok := v.([]byte); ok && len(b) > 300 && m > 100 {
					v = b[:30]
				}
				data[i] = append(data[i], v)
			}
		}
		view, err := rows.Parse(encode(t, columns(n), data))
		if err != nil {
			t.Fatal(err)
		}
		if view.Len() != m || !reflect.DeepEqual(decode(view), data) {
			t.Fatalf("%d rows of %d columns differ", m, n)
		}
	}
}

func TestColumnsComeBackExactly(t *testing.T) {
	cols := []rows.Column{
		{Name: ""},
		{Name: "id", DatabaseType: "BIGINT", ScanType: reflect.TypeFor[int64](), HasNullable: true},
		{Name: "n", DatabaseType: "DECIMAL", ScanType: reflect.TypeFor[sql.NullFloat64](), Nullable: true, HasNullable: true,
			Precision: 10, Scale: 2, HasDecimalSize: true},
		{Name: "t", ScanType: reflect.TypeFor[*any](), Length: math.MaxInt64, HasLength: true},
		{Name: strings.Repeat("long", 100), ScanType: reflect.TypeFor[any](), Length: -1},
	}
	view, err := rows.Parse(encode(t, cols, nil))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(view.Columns(), cols) {
		t.Fatalf("got %+v\nwant %+v", view.Columns(), cols)
	}
}

// A parser gives what Parse gives, whatever the columns of the result before were.
func TestParserBelievesTheBytes(t *testing.T) {
	typed := columns(2)
	typed[1].DatabaseType = "INT"
	payloads := [][]byte{
		encode(t, columns(2), [][]any{{"a", int64(1)}}),
		encode(t, columns(2), [][]any{{"b", nil}, {nil, berlin.String()}}),
		encode(t, typed, [][]any{{"c", int64(2)}}),
		encode(t, columns(1), nil),
		encode(t, columns(3), [][]any{{"d", true, time.Unix(1, 2).In(berlin)}}),
	}
	for _, first := range payloads {
		for _, second := range payloads {
			var p rows.Parser
			for _, b := range [][]byte{first, second, second[:len(second)-1], second, first} {
				want, wantErr := rows.Parse(b)
				kept := bytes.Clone(b)
				got, err := p.Parse(kept)
				if fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Fatalf("%v, want %v", err, wantErr)
				}
				if err == nil && (!reflect.DeepEqual(got.Columns(), want.Columns()) || !reflect.DeepEqual(decode(got), decode(want))) {
					t.Fatalf("%v: %v, want %v: %v", got.Columns(), decode(got), want.Columns(), decode(want))
				}
				clear(kept) // what the parser remembers is its own
			}
		}
	}
}

// The columns that a parser knows cost nothing.
func TestParserAllocatesForTheView(t *testing.T) {
	var p rows.Parser
	b := encode(t, columns(50), [][]any{make([]any, 50)})
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Parse(b); err != nil {
			t.Fatal(err)
		}
	}); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

func TestWhatCannotComeBackIsRefused(t *testing.T) {
	odd, err := time.LoadLocationFromTZData("Mars/Olympus", tzdata())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{1, int8(1), uint32(1), struct{}{}, []int{1}, time.Second, map[string]any{},
		time.Now().In(odd), sql.RawBytes("x")} {
		enc, _ := rows.NewEncoder(columns(2), rows.Limits{})
		if err := enc.Add([]any{"kept", "kept"}); err != nil {
			t.Fatal(err)
		}
		if err := enc.Add([]any{"dropped", v}); !errors.Is(err, entry.ErrUnsupported) {
			t.Errorf("%T: %v, want ErrUnsupported", v, err)
		}
		if err := enc.Add([]any{"kept", nil}); err != nil {
			t.Fatal(err)
		}
		view, err := rows.Parse(enc.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := decode(view), [][]any{{"kept", "kept"}, {"kept", nil}}; !reflect.DeepEqual(got, want) {
			t.Errorf("%T: a refused row left traces: %v", v, got)
		}
	}
	if _, err := rows.NewEncoder([]rows.Column{{ScanType: reflect.TypeFor[chan int]()}}, rows.Limits{}); !errors.Is(err, entry.ErrUnsupported) {
		t.Errorf("scan type: %v", err)
	}
	if _, err := rows.NewEncoder(nil, rows.Limits{}); !errors.Is(err, entry.ErrUnsupported) {
		t.Errorf("no columns: %v", err)
	}
}

// tzdata is a zone file with one zone, 1:23:45 east, that the database does not have.
func tzdata() []byte {
	b := []byte("TZif\x00" + strings.Repeat("\x00", 15))
	for _, n := range []byte{0, 0, 0, 0, 1, 4} {
		b = append(b, 0, 0, 0, n)
	}
	return append(append(b, 0, 0, 0x13, 0xa1, 0, 0), "OLY\x00"...)
}

func TestLimits(t *testing.T) {
	enc, _ := rows.NewEncoder(columns(1), rows.Limits{MaxRows: 2})
	for i := range 3 {
		if err := enc.Add([]any{"x"}); (i == 2) != errors.Is(err, rows.ErrTooLarge) {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	enc, _ = rows.NewEncoder(columns(1), rows.Limits{MaxBytes: 1000})
	for enc.Add([]any{"0123456789"}) == nil {
	}
	if n := len(enc.Append(nil)); n > 1000 || n < 800 {
		t.Fatalf("%d bytes for a limit of 1000", n)
	}
	if err := enc.Add([]any{"0123456789"}); !errors.Is(err, rows.ErrTooLarge) {
		t.Fatal(err)
	}
}
