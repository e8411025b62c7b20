package rows_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

func parse(t testing.TB, b []byte) *rows.Set {
	t.Helper()
	v, err := rows.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// table reads all values of a row set.
func table(v *rows.Set) [][]any {
	data := make([][]any, v.Len())
	for i := range v.Columns() {
		c := v.Cursor(i)
		for row := range data {
			data[row] = append(data[row], c.Next().Any())
		}
	}
	return data
}

// Whatever the rows and however they are divided: parts hold their rows in order, and joined in any
// order they give what an encoder would have given.
func TestPartsJoinToTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n, width := rng.IntN(6), 1+rng.IntN(3)
		cols, data, groups := columns(width), make([][]any, rng.IntN(12)), []int{}
		for i := range data {
			for range width {
				data[i] = append(data[i], values[rng.IntN(len(values))])
			}
			n = max(n, 1)
			groups = append(groups, rng.IntN(n))
		}
		parts := parse(t, encode(t, cols, data)).Split(groups, n)
		if len(parts) != n {
			t.Fatalf("%d parts, want %d", len(parts), n)
		}
		order, want := rng.Perm(n), [][]any{}
		joined := make([][]byte, 0, n)
		for _, g := range order {
			joined = append(joined, parts[g])
			mine := [][]any{}
			for row, group := range groups {
				if group == g {
					mine = append(mine, data[row])
				}
			}
			if got := table(parse(t, parts[g])); !equalRows(got, mine) {
				t.Fatalf("part %d is %v, want %v", g, got, mine)
			}
			want = append(want, mine...)
		}
		if n == 0 {
			continue
		}
		whole, err := new(rows.Parser).Join(joined)
		if err != nil {
			t.Fatal(err)
		}
		if got := table(whole); !equalRows(got, want) {
			t.Fatalf("joined %v, want %v", got, want)
		}
		if !reflect.DeepEqual(whole.Columns(), cols) {
			t.Fatalf("columns %v", whole.Columns())
		}
	}
}

func equalRows(a, b [][]any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		for j := range a[i] {
			x, isTime := a[i][j].(time.Time)
			y, _ := b[i][j].(time.Time)
			if isTime && (!x.Equal(y) || x.Format(time.RFC3339Nano) != y.Format(time.RFC3339Nano) || x.Location().String() != y.Location().String()) ||
				!isTime && !reflect.DeepEqual(a[i][j], b[i][j]) {
				return false
			}
		}
	}
	return true
}

// Parts that were loaded at different times have each its own table of zones.
func TestJoinedTimesKeepTheirZones(t *testing.T) {
	at := time.Unix(1_700_000_000, 5)
	zones := []*time.Location{time.UTC, berlin, time.FixedZone("A", 3600), time.Local, time.FixedZone("B", 7200), berlin}
	payloads, want := [][]byte{}, [][]any{}
	for i, loc := range zones {
		data := [][]any{{at.In(loc), "x"}, {at.In(zones[(i+2)%len(zones)]), nil}}
		payloads, want = append(payloads, encode(t, columns(2), data)), append(want, data...)
	}
	v, err := new(rows.Parser).Join(payloads)
	if err != nil {
		t.Fatal(err)
	}
	if got := table(v); !equalRows(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPartsThatDoNotGoTogether(t *testing.T) {
	part := encode(t, columns(2), [][]any{{"a", int64(1)}})
	renamed := columns(2)
	renamed[1].Name = "other"
	typed := columns(2)
	typed[1].DatabaseType = "INT"
	for name, other := range map[string][]byte{
		"fewer columns":   encode(t, columns(1), [][]any{{"a"}}),
		"more columns":    encode(t, columns(3), [][]any{{"a", "b", "c"}}),
		"another name":    encode(t, renamed, nil),
		"another type":    encode(t, typed, [][]any{{"b", int64(2)}}),
		"truncated":       part[:len(part)-1],
		"with a tail":     append(append([]byte{}, part...), 0),
		"nothing":         nil,
		"another version": append([]byte{part[0], part[1] + 1}, part[2:]...),
	} {
		if _, err := new(rows.Parser).Join([][]byte{part, other}); !known(err) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := new(rows.Parser).Join([][]byte{part, part, other, part}); !known(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := new(rows.Parser).Join(nil); !known(err) {
		t.Errorf("no part: %v", err)
	}
}

// Drivers that tell a column's type by the first row have none for an empty answer.
func TestEmptyPartsMayHaveOtherTypes(t *testing.T) {
	typed := columns(2)
	typed[1].DatabaseType = "INT"
	data := [][]any{{"a", int64(1)}, {"b", nil}}
	empty, full := encode(t, columns(2), nil), encode(t, typed, data)
	for name, parts := range map[string][][]byte{
		"first": {empty, full}, "last": {full, empty}, "between": {empty, full, empty, empty},
	} {
		v, err := new(rows.Parser).Join(parts)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := table(v); !equalRows(got, data) || v.Columns()[1].DatabaseType != "INT" {
			t.Errorf("%s: got %v of %v", name, got, v.Columns())
		}
	}
	if v, err := new(rows.Parser).Join([][]byte{empty, encode(t, typed, nil)}); err != nil || v.Len() != 0 {
		t.Errorf("none has rows: %v", err)
	}
}

// FuzzJoin: what joins has the rows of its parts, and damage is an error, not a panic.
func FuzzJoin(f *testing.F) {
	cols, data := goldenRows()
	whole := encode(f, cols, data)
	f.Add(whole, whole)
	f.Add(whole, encode(f, cols, nil))
	f.Add(encode(f, columns(1), [][]any{{time.Unix(0, 0).In(berlin)}}), encode(f, columns(1), [][]any{{time.Unix(0, 0).In(time.FixedZone("x", 60))}}))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		v, err := new(rows.Parser).Join([][]byte{a, b})
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		if want := parse(t, a).Len() + parse(t, b).Len(); v.Len() != want {
			t.Fatalf("%d rows, want %d", v.Len(), want)
		}
		if got := table(v); len(got) != v.Len() {
			t.Fatal("rows are missing")
		}
	})
}

func BenchmarkJoin(b *testing.B) {
	cols, data, groups := columns(10), [][]any{}, []int{}
	for i := range 300 {
		row := []any{}
		for range 10 {
			row = append(row, fmt.Sprintf("value %d", i))
		}
		data, groups = append(data, row), append(groups, i%100)
	}
	parts := parse(b, encode(b, cols, data)).Split(groups, 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := new(rows.Parser).Join(parts); err != nil {
			b.Fatal(err)
		}
	}
}
