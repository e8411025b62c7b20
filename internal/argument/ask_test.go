package argument

import (
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// counted gives another number each time it is asked.
type counted struct{ asked int }

func (c *counted) Value() (driver.Value, error) {
	c.asked++
	return int64(c.asked), nil
}

// gives is a Valuer of anything.
type gives struct{ value any }

func (g gives) Value() (driver.Value, error) { return g.value, nil }

// A Valuer is asked once, however it is wrapped, and whatever is made of its form.
//
// Falls if: anything but Ask asks.
func TestValuersAreAskedOnce(t *testing.T) {
	for _, d := range dialects {
		for name, wrap := range map[string]func(c *counted) any{
			"itself":     func(c *counted) any { return c },
			"pointer":    func(c *counted) any { return &c },
			"pointers":   func(c *counted) any { p := &c; return &p },
			"interface":  func(c *counted) any { var a any = c; return &a },
			"named":      func(c *counted) any { return sql.Named("n", c) },
			"list":       func(c *counted) any { return []*counted{c} },
			"array":      func(c *counted) any { return [1]any{c} },
			"lists":      func(c *counted) any { return &[][]any{{c}} },
			"in another": func(c *counted) any { return gives{c} },
		} {
			c := &counted{}
			asked := Ask(d, []any{"a", wrap(c), 1})
			_, _ = AppendAll(nil, asked.Forms)
			TimeWord(asked.Forms)
			for _, f := range asked.Forms {
				_, _ = Basic(d, Of(d, f))
				Same(f, f)
			}
			asked.Copies()
			want := 1
			if name == "in another" && handsOver(d) { // database/sql takes none for a value
				want = 0
			}
			if c.asked != want {
				t.Errorf("%s, %s: asked %d times", d, name, c.asked)
			}
		}
	}
}

// The database is given what makes the key, where its driver takes it; and then the very value that the driver
// would have made of the argument. pgx is given the argument.
func TestWhatTheDatabaseIsGiven(t *testing.T) {
	word, at := "x", time.Unix(1, 0)
	pointer := &tagged{"p"}
	for _, c := range []struct {
		given, sent any
	}{
		{tagged{"x"}, "x"}, {&tagged{"x"}, "x"}, {&pointer, "p"}, {(*tagged)(nil), nil}, {sql.NullInt64{Int64: 5, Valid: true}, int64(5)},
		{sql.NullString{}, nil}, {sql.Null[time.Time]{V: at, Valid: true}, at}, {gives{[]byte("a")}, []byte("a")}, {gives{[]byte(nil)}, []byte(nil)},
		{gives{true}, true}, {gives{1.5}, 1.5}, {sql.Named("n", tagged{"x"}), sql.Named("n", "x")},
		// As they are: these have no Valuer, or one that the driver refuses.
		{&word, &word}, {1, 1}, {float32(1.1), float32(1.1)}, {&at, &at}, {[]string{"a"}, []string{"a"}}, {[]tagged{{"a"}}, []tagged{{"a"}}},
		{gives{1}, gives{1}}, {gives{float32(1)}, gives{float32(1)}}, {gives{tagged{"x"}}, gives{tagged{"x"}}}, {gives{cents(1)}, gives{cents(1)}},
		{gives{json.RawMessage("1")}, gives{json.RawMessage("1")}}, {gives{[]string{"a"}}, gives{[]string{"a"}}}, {tagged{"error"}, tagged{"error"}},
	} {
		for _, d := range dialects {
			want := c.sent
			if !handsOver(d) {
				want = c.given
			}
			asked := Ask(d, []any{c.given})
			if got := asked.Sent[0]; !reflect.DeepEqual(got, want) {
				t.Errorf("%s: for %#v the database is given %#v, not %#v", d, c.given, got, want)
			}
			if !handsOver(d) {
				continue
			}
			made, err := driver.DefaultParameterConverter.ConvertValue(c.given)
			if got, e := driver.DefaultParameterConverter.ConvertValue(asked.Sent[0]); !reflect.DeepEqual(got, made) || (e == nil) != (err == nil) {
				t.Errorf("%s: database/sql makes %#v, %v of %#v, and %#v, %v of what is sent", d, made, err, c.given, got, e)
			}
		}
	}
	big := gives{uint64(math.MaxUint64)} // which go-sql-driver/mysql takes beyond what database/sql does
	for d, want := range map[sqltext.Dialect]any{sqltext.MySQL: big.value, sqltext.SQLite: big, sqltext.Postgres: big} {
		if got := Ask(d, []any{big}).Sent[0]; got != want {
			t.Errorf("%s: for a great number the database is given %#v, not %#v", d, got, want)
		}
	}
}

// Arguments are written as they were in the versions before, which may run beside this one on one store.
func TestFormsAreWrittenAsBefore(t *testing.T) {
	noon := time.Date(2024, 1, 2, 12, 0, 0, 0, time.UTC)
	seven, word := 7, "x"
	p := &seven
	for _, c := range []struct {
		arg  any
		want string
	}{
		{nil, "6e"}, {7, "690000000000000007"}, {uint8(7), "690000000000000007"}, {"x", "730178"}, {&word, "730178"}, {&p, "690000000000000007"},
		{[]byte("ab"), "62026162"}, {[]byte(nil), "6e"}, {true, "54"}, {1.5, "663ff8000000000000"}, {float32(1.1), "663ff19999a0000000"},
		{noon, "74000000006593fac000000000000000000355544303555443"},
		{&noon, "4d2a0474696d650974696d652e54696d6574000000006593fac000000000000000000355544303555443"},
		{time.Second, "4d0474696d650d74696d652e4475726174696f6e69000000003b9aca00"},
		{[]string{"a", "b"}, "6c02730161730162"}, {[]any{1, "x", nil, &seven, sql.NullString{String: "v", Valid: true}}, "6c056900000000000000017301786e690000000000000007730176"},
		{[2]int8{1, 2}, "6c02690000000000000001690000000000000002"}, {[]*int{&seven, nil}, "6c026900000000000000076e"},
		{sql.NullString{}, "6e"}, {sql.NullInt64{Int64: 5, Valid: true}, "690000000000000005"}, {&sql.NullString{String: "y", Valid: true}, "730179"},
		{json.RawMessage("{}"), "4d0d656e636f64696e672f6a736f6e0f6a736f6e2e5261774d65737361676562027b7d"}, {sql.Named("n", &seven), "4e016e690000000000000007"},
		{[]json.RawMessage{[]byte("1")}, "6c014d0d656e636f64696e672f6a736f6e0f6a736f6e2e5261774d657373616765620131"}, {uint64(1 << 63), "758000000000000000"},
		{[][]byte{[]byte("a"), nil}, "6c026201616e"}, {[3]byte{1, 2, 3}, "6c03690000000000000001690000000000000002690000000000000003"},
		{[]time.Duration{1}, "6c014d0474696d650d74696d652e4475726174696f6e690000000000000001"}, {[]sql.NullString{{String: "a", Valid: true}, {}}, "6c027301616e"},
	} {
		for _, d := range dialects {
			if b, ok := Append(nil, Of(d, c.arg)); !ok || hex.EncodeToString(b) != c.want {
				t.Errorf("%s: %T is written %x, %v, not %s", d, c.arg, b, ok, c.want)
			}
		}
	}
}

// A query whose arguments are plain costs nothing, one with Valuers their lists.
func TestAskingIsCheap(t *testing.T) {
	age := 40
	for name, c := range map[string]struct {
		args []any
		most float64
	}{
		"plain":   {[]any{1, "x", int64(5), time.Now(), &age, cents(5), []byte("x"), []int{1}, nil}, 0},
		"Valuers": {[]any{sql.NullString{String: "x", Valid: true}, 1, sql.NullInt64{}}, 2}, // one of them is the text's own
	} {
		for _, d := range dialects {
			if n := testing.AllocsPerRun(100, func() { Ask(d, c.args) }); n > c.most {
				t.Errorf("%s, %s: %.0f allocations", d, name, n)
			}
		}
	}
}

// FuzzAsk: whatever a Valuer gives, behind pointers and in lists, nothing panics, the form of a form is the form,
// and an argument and what the database is sent for it are one to the driver.
func FuzzAsk(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint8(0))
	f.Add([]byte{8, 7, 6, 5, 4, 3, 2, 1, 0}, uint8(9))
	f.Fuzz(func(t *testing.T, wraps []byte, n uint8) {
		args, _ := listOf([]byte{n, n, n, n})
		args = append(args, nil)
		a := args[0]
		for _, w := range wraps[:min(len(wraps), 12)] {
			switch v := a; w % 9 {
			case 0:
				a = &v
			case 1:
				a = gives{v}
			case 2:
				a = &gives{v}
			case 3:
				a = []any{v, w}
			case 4:
				a = [2]any{v}
			case 5:
				a = sql.Named("a", v)
			case 6:
				a = []driver.Valuer{gives{v}, nil, (*gives)(nil)}
			case 7:
				a = tagged{[]string{"x", "error", "panic"}[n%3]}
			case 8:
				c := color(n)
				a = []any{&c, v}
			}
		}
		for _, d := range dialects {
			asked := Ask(d, []any{a})
			form := asked.Forms[0]
			b, ok := Append(nil, form)
			if again, okToo := Append(nil, Of(d, form)); ok != okToo || string(b) != string(again) {
				t.Errorf("%s: the form of a form is another: %x, %x", d, b, again)
			}
			if sent, okToo := Append(nil, Of(d, asked.Sent[0])); ok != okToo || ok && string(b) != string(sent) {
				t.Errorf("%s: the key is of %x, and the database is given %x, %v", d, b, sent, okToo)
			}
			if copied, okToo := Append(nil, Of(d, asked.Copies()[0])); ok && (!okToo || string(b) != string(copied)) {
				t.Errorf("%s: the key is of %x, and a load in the background has %x", d, b, copied)
			}
			if _, named := a.(sql.NamedArg); named || !handsOver(d) || !ok {
				continue
			}
			made, err := driver.DefaultParameterConverter.ConvertValue(a)
			if got, e := driver.DefaultParameterConverter.ConvertValue(asked.Sent[0]); !reflect.DeepEqual(got, made) || (e == nil) != (err == nil) {
				t.Errorf("%s: database/sql makes %#v, %v, and %#v, %v of what is sent", d, made, err, got, e)
			}
		}
	})
}
