package catalog

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

type (
	plainInt  int16
	namedText string
	color     int      // asks pgx to be sent as its name
	valued    string   // says what it is
	pointed   struct{} // does so only as a pointer
	binary    [16]byte // says what it is, in bytes
	loop      *loop    // never ends
	panicking struct{} // can't be asked
	failingV  struct{} // does not know
	nested    struct{} // gives another Valuer
	wide      struct{} // gives a uint64
	hidden    struct{} // is nothing that a driver takes
)

func (color) String() string                   { return "red" }
func (v valued) Value() (driver.Value, error)  { return "v:" + string(v), nil }
func (*pointed) Value() (driver.Value, error)  { return int64(7), nil }
func (b binary) Value() (driver.Value, error)  { return b[:], nil }
func (panicking) Value() (driver.Value, error) { panic("no") }
func (failingV) Value() (driver.Value, error)  { return int64(1), errors.New("no") }
func (nested) Value() (driver.Value, error)    { return valued("x"), nil }
func (wide) Value() (driver.Value, error)      { return uint64(math.MaxUint64), nil }

// column makes one as Load does.
func column(d sqltext.Dialect, typ string, length int64, notNull bool) *Column {
	l := newLoader(d)
	detail := ""
	if d == sqltext.MySQL {
		detail = "utf8mb4_general_ci"
	}
	l.add(rowTable, "t", "", "")
	l.addColumn(&columnRow{shape: shape{"s", "t"}, name: "c", typ: typ, length: length, notNull: notNull, detail: detail})
	col, ok := l.finish().Layout("t").Column("c")
	if !ok {
		return &Column{dialect: d}
	}
	return col
}

// given tells what a value is: its text in quotes, null or no.
func given(text string, null, ok bool) string {
	switch {
	case !ok && (null || text != ""):
		return "inconsistent"
	case !ok:
		return "no"
	case null:
		return "null"
	}
	return fmt.Sprintf("%q", text)
}

func TestArgumentOfInteger(t *testing.T) {
	seven := 7
	pointer := &seven
	tiny, unsigned := column(sqltext.MySQL, "tinyint(4) ", 0, false), column(sqltext.MySQL, "bigint(20) unsigned ", 0, false)
	counted := column(sqltext.MySQL, "int(11) auto_increment", 0, true)
	pg, lite := column(sqltext.Postgres, "int4", 0, false), column(sqltext.SQLite, "INTEGER", 0, false)
	for _, c := range []struct {
		col  *Column
		arg  any
		want string
	}{
		{pg, 7, `"7"`}, {pg, -7, `"-7"`}, {pg, uint8(7), `"7"`}, {pg, pointer, `"7"`}, {pg, &pointer, `"7"`}, {pg, plainInt(7), `"7"`},
		{pg, sql.NullInt64{Int64: 7, Valid: true}, `"7"`}, {pg, sql.NullInt64{}, "null"}, {pg, nil, "null"}, {pg, (*int)(nil), "null"}, {pg, (*valued)(nil), "null"},
		{pg, &pointed{}, `"7"`}, {pg, pointed{}, "no"}, {pg, (*pointed)(nil), `"7"`}, {pg, sql.Null[int64]{V: 7, Valid: true}, `"7"`},
		{pg, math.MaxInt32, `"2147483647"`}, {pg, math.MaxInt32 + 1, "no"}, {pg, math.MinInt32, `"-2147483648"`}, {pg, math.MinInt32 - 1, "no"}, {pg, uint64(1 << 63), "no"},
		{pg, "7", "no"}, {pg, 7.0, "no"}, {pg, true, "no"}, {pg, []byte("7"), "no"}, {pg, []int{7}, "no"}, {pg, time.Time{}, "no"}, {pg, hidden{}, "no"},
		{pg, color(7), "no"}, {lite, color(7), `"7"`}, {lite, time.Duration(7), `"7"`}, {pg, time.Duration(7), "no"},
		{pg, panicking{}, "no"}, {pg, failingV{}, "no"}, {pg, nested{}, "no"}, {pg, wide{}, "no"}, {unsigned, wide{}, `"18446744073709551615"`},
		{pg, loop(nil), "null"}, {pg, sql.Named("a", 7), "no"},
		{tiny, 127, `"127"`}, {tiny, 128, "no"}, {tiny, -128, `"-128"`}, {tiny, -129, "no"}, {tiny, 0, `"0"`}, {tiny, true, "no"},
		{unsigned, uint64(math.MaxUint64), `"18446744073709551615"`}, {unsigned, -1, "no"}, {unsigned, 0, `"0"`},
		{counted, 0, "no"}, {counted, uint(0), "no"}, {counted, nil, "no"}, {counted, 1, `"1"`},
		{lite, math.MinInt64, `"-9223372036854775808"`}, {lite, uint64(1 << 63), "no"},
		{pg, uint(7), `"7"`}, {pg, uint(math.MaxInt32 + 1), "no"}, {tiny, uint(128), "no"}, {unsigned, uint(math.MaxUint), `"18446744073709551615"`},
		{counted, uint(1), `"1"`}, {&Column{}, 7, "no"}, {&Column{}, uint(7), "no"}, {&Column{}, "a", "no"},
	} {
		if got := given(c.col.Argument(c.arg)); got != c.want {
			t.Errorf("%v, %T(%v) is %s, want %s", c.col.dialect, c.arg, c.arg, got, c.want)
		}
	}
	var endless loop
	endless = &endless
	if _, _, ok := pg.Argument(endless); ok {
		t.Error("a pointer to itself has an end")
	}
}

const someUUID = "123E4567-e89b-12d3-a456-426614174000"

func TestArgumentOfText(t *testing.T) {
	text, short, char := column(sqltext.Postgres, "text", 0, false), column(sqltext.MySQL, "varchar(3)", 3, true), column(sqltext.MySQL, "char(3)", 3, false)
	uuid := column(sqltext.Postgres, "uuid", 0, false)
	name := "Abc"
	for _, c := range []struct {
		col  *Column
		arg  any
		want string
	}{
		{text, "Abc", `"abc"`}, {text, &name, `"abc"`}, {text, namedText("Abc"), `"abc"`}, {text, valued("X"), `"v:x"`}, {text, sql.NullString{}, "null"},
		{text, "a-Z_0.9:@/", `"a-z_0.9:@/"`}, {text, "", "no"}, {text, "a b", "no"}, {text, "a ", "no"}, {text, "ä", "no"}, {text, "a\x00", "no"},
		{text, "a+b", "no"}, {text, "a'", "no"}, {text, "a\u00ad", "no"}, {text, 7, "no"}, {text, []byte("abc"), "no"}, {text, true, "no"},
		{text, strings.Repeat("a", 1000), `"` + strings.Repeat("a", 1000) + `"`},
		{short, "abc", `"abc"`}, {short, "abcd", "no"}, {short, nil, "no"}, {char, "ab", `"ab"`}, {char, "ab ", "no"}, {char, nil, "null"},
		{uuid, someUUID, `"` + strings.ToLower(someUUID) + `"`}, {uuid, valued(someUUID), "no"}, {uuid, binary{}, "no"}, {uuid, [16]byte{}, "no"},
		{uuid, strings.ReplaceAll(someUUID, "-", ""), "no"}, {uuid, "{" + someUUID[1:35] + "}", "no"}, {uuid, someUUID[:35] + "g", "no"}, {uuid, someUUID[:35] + "-", "no"},
	} {
		if got := given(c.col.Argument(c.arg)); got != c.want {
			t.Errorf("%T(%v) is %s, want %s", c.arg, c.arg, got, c.want)
		}
	}
}

func TestStored(t *testing.T) {
	integer, unsigned := column(sqltext.MySQL, "int(11) ", 0, true), column(sqltext.MySQL, "bigint(20) unsigned ", 0, false)
	text, char := column(sqltext.MySQL, "varchar(9)", 9, false), column(sqltext.MySQL, "char(9)", 9, false)
	uuid := column(sqltext.MySQL, "uuid ", 0, false)
	for _, c := range []struct {
		col  *Column
		v    any
		want string
	}{
		{integer, int64(7), `"7"`}, {integer, []byte("7"), `"7"`}, {integer, "-7", `"-7"`}, {integer, nil, "null"}, {integer, 7.0, "no"}, {integer, true, "no"},
		{integer, "07", "no"}, {integer, "+7", "no"}, {integer, "-0", "no"}, {integer, "", "no"}, {integer, " 7", "no"}, {integer, "2147483648", "no"}, {integer, "7.0", "no"},
		{unsigned, "18446744073709551615", `"18446744073709551615"`}, {unsigned, uint64(math.MaxUint64), `"18446744073709551615"`}, {unsigned, "18446744073709551616", "no"},
		{unsigned, "+7", "no"}, {integer, int64(0), `"0"`},
		{text, "Ab", `"ab"`}, {text, []byte("Ab"), `"ab"`}, {text, "Ab ", "no"}, {char, "Ab  ", `"ab"`}, {char, "  ", "no"}, {text, int64(7), "no"}, {text, time.Time{}, "no"},
		{uuid, []byte(someUUID), `"` + strings.ToLower(someUUID) + `"`}, {uuid, [16]byte{0x12, 15: 0xAB}, `"12000000-0000-0000-0000-0000000000ab"`},
		{text, [16]byte{}, "no"}, {&Column{}, int64(7), "no"}, {&Column{}, "7", "no"},
	} {
		if got := given(c.col.Stored(c.v)); got != c.want {
			t.Errorf("%v %T(%v) is %s, want %s", c.col.Kind, c.v, c.v, got, c.want)
		}
	}
}

// FuzzArgument: whatever is given, nothing panics, and what has a text has the same one when it is stored.
func FuzzArgument(f *testing.F) {
	f.Add("a", int64(1), uint64(1), uint8(0))
	f.Add(someUUID, int64(math.MinInt64), uint64(math.MaxUint64), uint8(9))
	var cols []*Column
	for _, typ := range []string{"int2", "int8", "text", "bpchar", "uuid"} {
		cols = append(cols, column(sqltext.Postgres, typ, 0, false))
	}
	for _, typ := range []string{"tinyint(1) ", "bigint(20) unsigned ", "char(3) ", "uuid "} {
		cols = append(cols, column(sqltext.MySQL, typ, 3, true))
	}
	f.Fuzz(func(t *testing.T, s string, i int64, u uint64, pick uint8) {
		for _, col := range cols {
			for _, v := range []any{s, i, u, int(i), uint(u), &s, &i, valued(s), namedText(s), plainInt(i), []byte(s), sql.NullString{String: s, Valid: pick&1 == 0}} {
				text, null, ok := col.Argument(v)
				if given(text, null, ok) == "inconsistent" {
					t.Errorf("%T(%v) is %q, null %v, ok %v", v, v, text, null, ok)
				}
				if !ok || null {
					continue
				}
				if stored, _, ok := col.Stored(text); !ok || stored != text {
					t.Errorf("%T(%v) is %q, stored %q (%v)", v, v, text, stored, ok)
				}
			}
			col.Stored(s)
			col.Stored([]byte(s))
			col.Stored(u)
		}
	})
}

func TestKnownCollations(t *testing.T) {
	for name, want := range map[string]bool{"utf8mb4_general_ci": true, "utf8mb4_0900_ai_ci": true, "utf8mb4_0900_bin": true, "utf8mb4_bin": true, "utf8mb3_czech_ci": true,
		"latin1_swedish_ci": true, "utf8mb4_uca1400_nopad_as_cs": true, "utf8mb4_unicode_520_ci": true, "UTF8MB4_GENERAL_CI": true,
		"utf8mb4_hu_0900_ai_ci": false, "utf8mb4_lithuanian_ci": false, "utf8mb4_uca1400_roman_ai_ci": false, "utf8mb4_phone_ci": false, "swe7_swedish_ci": false,
		"binary": false, "": false, "utf16_general_ci": false} {
		if knownCollation(name) != want {
			t.Errorf("%s is known: %v", name, !want)
		}
	}
}
