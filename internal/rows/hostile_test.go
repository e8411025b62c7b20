package rows_test

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// crafted is a row set written by hand, with one thing wrong.
type crafted struct {
	version, rows any
	zones         []any
	columns       []any
	trailer       string
}

func craft(change func(c *crafted, column []any)) []byte {
	column := []any{"c", "TEXT", 4, 0, 0, 0, 0, []byte{0x91, 7}}
	c := &crafted{version: entry.FormatVersion, rows: 1, zones: []any{}, columns: []any{column}}
	change(c, column)
	b, err := msgpack.Marshal([]any{c.version, c.rows, c.zones, c.columns})
	if err != nil {
		panic(err)
	}
	return append(b, c.trailer...)
}

const block = 7 // the place of a column's values.

func at(sec int64, nsec, zone uint32) []byte {
	b := binary.BigEndian.AppendUint64([]byte{0x91, 0xd8, 2}, uint64(sec))
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, nsec), zone)
}

func TestParseReadsWhatIsCrafted(t *testing.T) {
	for name, change := range map[string]func(c *crafted, column []any){
		"as it is": func(*crafted, []any) {},
		"a time":   func(_ *crafted, col []any) { col[block] = at(1, 999999999, 1) },
		"a zone": func(c *crafted, col []any) {
			c.zones, col[block] = []any{[]any{0, "X", 60}, []any{1, "Europe/Berlin", 0}}, at(1, 0, 3)
		},
		"no bytes": func(_ *crafted, col []any) { col[block] = []byte{0x91, 0xd4, 1, 0} },
		"no rows":  func(c *crafted, col []any) { c.rows, col[block] = 0, []byte{0x90} },
	} {
		if view, err := rows.Parse(craft(change)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if cursor := view.Cursor(0); name == "as it is" && cursor.Next().Any() != int64(7) {
			t.Error("the value is misread")
		}
	}
}

func TestParseRefusesWhatLies(t *testing.T) {
	for name, change := range map[string]func(c *crafted, column []any){
		"more rows than values":       func(c *crafted, _ []any) { c.rows = 2 },
		"fewer rows than values":      func(c *crafted, _ []any) { c.rows = 0 },
		"negative rows":               func(c *crafted, _ []any) { c.rows = -1 },
		"rows beyond counting":        func(c *crafted, _ []any) { c.rows = int64(math.MaxInt64) },
		"rows as text":                func(c *crafted, _ []any) { c.rows = "1" },
		"no columns":                  func(c *crafted, _ []any) { c.columns = []any{} },
		"a column too short":          func(c *crafted, col []any) { c.columns = []any{col[:7]} },
		"a column too long":           func(c *crafted, col []any) { c.columns = []any{append(col, 1)} },
		"a column that is none":       func(c *crafted, _ []any) { c.columns = []any{"12345678901234567890"} },
		"a second column that is cut": func(c *crafted, col []any) { c.columns = []any{col, []any{}} },
		"scan type beyond the table":  func(_ *crafted, col []any) { col[2] = 100 },
		"negative scan type":          func(_ *crafted, col []any) { col[2] = -1 },
		"unknown flags":               func(_ *crafted, col []any) { col[3] = 32 },
		"name as number":              func(_ *crafted, col []any) { col[0] = 1 },
		"block as text":               func(_ *crafted, col []any) { col[block] = "\x91\x07" },
		"block that is no array":      func(_ *crafted, col []any) { col[block] = []byte{7} },
		"empty block":                 func(_ *crafted, col []any) { col[block] = []byte{} },
		"values after the last":       func(_ *crafted, col []any) { col[block] = []byte{0x91, 7, 7} },
		"a value that is cut":         func(_ *crafted, col []any) { col[block] = []byte{0x91, 0xd3, 1} },
		"a string that is cut":        func(_ *crafted, col []any) { col[block] = []byte{0x91, 0xdb, 0xff, 0xff, 0xff, 0xff, 1} },
		"a length that is cut":        func(_ *crafted, col []any) { col[block] = []byte{0x91, 0xc6, 0xff} },
		"an array as value":           func(_ *crafted, col []any) { col[block] = []byte{0x91, 0x91, 1} },
		"a map as value":              func(_ *crafted, col []any) { col[block] = []byte{0x91, 0x81, 1, 1} },
		"an unused code":              func(_ *crafted, col []any) { col[block] = []byte{0x91, 0xc1} },
		"another extension":           func(_ *crafted, col []any) { col[block] = []byte{0x91, 0xd4, 9, 0} },
		"another nil":                 func(_ *crafted, col []any) { col[block] = []byte{0x91, 0xd4, 1, 1} },
		"nanoseconds of two seconds":  func(_ *crafted, col []any) { col[block] = at(1, 1e9, 0) },
		"a zone that is not there":    func(_ *crafted, col []any) { col[block] = at(1, 0, 2) },
		"a zone far out":              func(_ *crafted, col []any) { col[block] = at(1, 0, math.MaxUint32) },
		"a zone without a place":      func(c *crafted, _ []any) { c.zones = []any{[]any{1, "Nowhere/Land", 0}} },
		"a zone up the tree":          func(c *crafted, _ []any) { c.zones = []any{[]any{1, "../../etc/passwd", 0}} },
		"a zone with both":            func(c *crafted, _ []any) { c.zones = []any{[]any{1, "Europe/Berlin", 60}} },
		"a zone of another kind":      func(c *crafted, _ []any) { c.zones = []any{[]any{2, "X", 60}} },
		"a zone beyond counting":      func(c *crafted, _ []any) { c.zones = []any{[]any{0, "X", int64(1 << 40)}} },
		"too many zones":              func(c *crafted, _ []any) { c.zones = make([]any, 300) },
		"bytes after the end":         func(c *crafted, _ []any) { c.trailer = "x" },
	} {
		if _, err := rows.Parse(craft(change)); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := craft(func(*crafted, []any) {})
	for i := range whole {
		if _, err := rows.Parse(whole[:i]); err == nil {
			t.Errorf("%d bytes of %d were parsed", i, len(whole))
		}
	}
	other := craft(func(c *crafted, _ []any) { c.version = entry.FormatVersion + 1 })
	if _, err := rows.Parse(other); !errors.Is(err, entry.ErrVersion) {
		t.Errorf("another version: %v", err)
	}
}

// An array may claim any length: nothing is allocated for what cannot be there.
func TestParseBelievesNoLength(t *testing.T) {
	for _, b := range []string{
		"\x94\x02\x00\x90\xdd\xff\xff\xff\xff" + strings.Repeat("\x98", 50),
		"\x94\x02\x00\xdd\xff\xff\xff\xff" + strings.Repeat("\x93", 50),
		"\xdd\xff\xff\xff\xff\x01\x00",
	} {
		if n := testing.AllocsPerRun(1, func() {
			if _, err := rows.Parse([]byte(b)); !errors.Is(err, entry.ErrCorrupt) {
				t.Errorf("%x: %v", b, err)
			}
		}); n > 20 {
			t.Errorf("%x: %v allocations", b, n)
		}
	}
}

func TestTooManyZonesAreNotCached(t *testing.T) {
	enc, err := rows.NewEncoder(columns(1), rows.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		err := enc.Add([]any{time.Unix(0, 0).In(time.FixedZone("", 60*(i+1)))})
		if (i >= 256) != errors.Is(err, entry.ErrUnsupported) {
			t.Fatalf("zone %d: %v", i, err)
		}
	}
	if _, err := rows.Parse(enc.Append(nil)); err != nil {
		t.Fatal(err)
	}
}
