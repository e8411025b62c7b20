package reader

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

type (
	cents  int64
	status string
)

// tagged is a Valuer with a value receiver: database/sql takes a nil *tagged for NULL.
type tagged struct{ s string }

func (t tagged) Value() (driver.Value, error) {
	if t.s == "error" {
		return nil, errors.New("no value")
	}
	return t.s, nil
}

func encoded(t *testing.T, args ...any) string {
	t.Helper()
	b, ok := appendArguments(nil, args)
	if !ok {
		t.Fatalf("%v can't be written", args)
	}
	return string(b)
}

func TestArgumentsThatAreOneToADatabaseShareAKey(t *testing.T) {
	seven, word := 7, "x"
	p := &seven
	for _, same := range [][2]any{
		{7, int64(7)}, {7, uint8(7)}, {7, cents(7)}, {7, &seven}, {7, &p},
		{"x", status("x")}, {"x", &word}, {"x", tagged{"x"}}, {"x", &tagged{"x"}},
		{nil, (*int)(nil)}, {nil, (*tagged)(nil)}, {nil, []byte(nil)}, {nil, sql.NullString{}},
		{"x", sql.NullString{String: "x", Valid: true}}, {1.5, float32(1.5)},
		{[]byte("x"), sql.RawBytes("x")},
	} {
		if encoded(t, same[0]) != encoded(t, same[1]) {
			t.Errorf("%#v and %#v differ", same[0], same[1])
		}
	}
}

func TestArgumentsThatDifferHaveKeysThatDiffer(t *testing.T) {
	noon := time.Date(2024, 1, 2, 12, 0, 0, 0, time.UTC)
	lists := [][]any{
		{}, {nil}, {nil, nil}, {0}, {"0"}, {false}, {""}, {[]byte{}}, {1}, {"1"}, {true}, {1.0}, {-1},
		{uint64(math.MaxUint64)}, {int64(-1), nil}, {"a b", "c"}, {"a", "b c"}, {"a", "b", "c"}, {"abc"}, {"ab", "c"},
		{[]byte("abc")}, {[]string{"a", "b"}}, {[]string{"ab"}}, {[]any{"a", []string{"b"}}}, {[]string{}}, {[2]string{"a", "b"}, 1},
		{math.NaN()}, {math.Inf(1)}, {math.Copysign(0, -1)}, {0.0},
		{noon}, {noon.Add(1)}, {noon.In(time.FixedZone("X", 3600))}, {noon.In(time.FixedZone("Y", 3600))}, {noon.String()},
		{sql.Named("a", 1)}, {sql.Named("b", 1)}, {sql.Named("a", 2)}, {"a", 1},
		{"\x00"}, {"\x00\x00"}, {"\xff"}, {strings.Repeat("x", 127)}, {strings.Repeat("x", 128)},
	}
	seen := map[string]any{}
	for _, l := range lists {
		b := encoded(t, l...)
		if other, ok := seen[b]; ok {
			t.Errorf("%#v and %#v share a key", other, l)
		}
		seen[b] = l
	}
}

func TestArgumentsThatCannotBeWritten(t *testing.T) {
	type loop []any
	l := make(loop, 1)
	l[0] = l
	for _, bad := range []any{struct{ A int }{1}, map[string]int{}, func() {}, make(chan int), tagged{"error"}, l, complex(1, 1), strings.Repeat("x", maxKeyInput+1)} {
		if _, ok := appendArguments(nil, []any{bad}); ok {
			t.Errorf("%T was written", bad)
		}
	}
}

// A load in the background asks for what was asked, whatever the caller does to its arguments meanwhile.
func TestDetachedArgumentsShareNoMemory(t *testing.T) {
	for name, caller := range map[string]func() (arg any, change func()){
		"bytes":              func() (any, func()) { b := []byte("a"); return b, func() { b[0] = 'z' } },
		"a pointer to bytes": func() (any, func()) { b := []byte("a"); return &b, func() { b[0] = 'z' } },
		"texts":              func() (any, func()) { s := []string{"a"}; return &s, func() { s[0] = "z" } },
		"lists of bytes":     func() (any, func()) { s := [][]byte{[]byte("a")}; return &s, func() { s[0][0] = 'z' } },
		"pointers":           func() (any, func()) { s := "a"; return &[]*string{&s, nil}, func() { s = "z" } },
		"anything":           func() (any, func()) { b := []byte("a"); return []any{b, nil, 1}, func() { b[0] = 'z' } },
		"an array":           func() (any, func()) { b := []byte("a"); return [2][]byte{b}, func() { b[0] = 'z' } },
	} {
		arg, change := caller()
		want, ok := appendArgument(nil, arg, maxDepth)
		kept := detach(arg)
		change()
		if got, _ := appendArgument(nil, kept, maxDepth); !ok || string(got) != string(want) {
			t.Errorf("%s: the load would ask for %q, not %q", name, got, want)
		}
	}
}

// FuzzArguments: two lists are written alike exactly if they hold the same. Bound: a list is refused
// where what is written exceeds maxKeyInput bytes, and nothing is written after the argument that does.
func FuzzArguments(f *testing.F) {
	f.Add([]byte("s\x01as\x01b"), []byte("s\x02ab"))
	f.Add([]byte("i\x01"), []byte("s\x011"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		la, sa := list(a)
		lb, sb := list(b)
		ea, okA := appendArguments(nil, la)
		eb, okB := appendArguments(nil, lb)
		if !okA || !okB {
			return
		}
		if len(ea) > maxKeyInput || len(eb) > maxKeyInput {
			t.Errorf("%d and %d bytes written", len(ea), len(eb))
		}
		if (string(ea) == string(eb)) != (sa == sb) {
			t.Errorf("%s and %s: written %q and %q", sa, sb, ea, eb)
		}
	})
}

// list makes an argument list of bytes, and an unambiguous text of it.
func list(data []byte) (args []any, text string) {
	next := func(n int) []byte {
		n = min(n, len(data))
		b := data[:n]
		data = data[n:]
		return b
	}
	for len(data) > 0 && len(args) < 16 {
		kind := next(1)[0]
		n := 0
		if len(data) > 0 {
			n = int(next(1)[0])
		}
		switch kind % 8 {
		case 0:
			args, text = append(args, nil), text+"null;"
		case 1:
			args, text = append(args, n-128), text+fmt.Sprintf("int %d;", n-128)
		case 2:
			s := string(next(n))
			args, text = append(args, s), text+fmt.Sprintf("text %q;", s)
		case 3:
			b := append([]byte{}, next(n)...)
			args, text = append(args, b), text+fmt.Sprintf("bytes %q;", b)
		case 4:
			args, text = append(args, n%2 == 0), text+fmt.Sprintf("bool %v;", n%2 == 0)
		case 5:
			args, text = append(args, float64(n)/2), text+fmt.Sprintf("float %v;", float64(n)/2)
		case 6:
			sub, s := list(next(n))
			args, text = append(args, append([]any{}, sub...)), text+fmt.Sprintf("list %d:%s;", len(s), s) // quoting would double the text at each depth
		case 7:
			at := time.Unix(int64(n), 0).UTC()
			args, text = append(args, at), text+fmt.Sprintf("time %d;", n)
		}
	}
	return args, text
}
