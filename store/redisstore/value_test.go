package redisstore

import (
	"bytes"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// golden are tag values as releases with format version 1 write them to Redis, where those of several
// releases meet. If this test fails, the format has changed. Don't adapt the values: take the change
// back, or make a version 2 that this one's parse does not know (a length that is not 12 + 25n), raise
// the number in value.go, and add its values here beside these.
var golden = []struct {
	name, value string
	want        store.State
}{
	{"clean", "TTTTTTTTTTTT", store.State{Token: token("TTTTTTTTTTTT"), Known: true}},
	{"binary", "\x00\r\n\xff$9 \x00abc\x00", store.State{Token: token("\x00\r\n\xff$9 \x00abc\x00"), Known: true}},
	{"one mark", "TTTTTTTTTTTT" + "wwwwwwwwwwww" + "1700000000000",
		store.State{Token: token("TTTTTTTTTTTT"), Known: true, Marked: true, Writer: store.Writer([]byte("wwwwwwwwwwww"))}},
	{"two marks", "TTTTTTTTTTTT" + "wwwwwwwwwwww" + "1700000000000" + "\x00\x01\x02vvvvvvvvv" + "0000000000001",
		store.State{Token: token("TTTTTTTTTTTT"), Known: true, Marked: true, Writer: store.Writer([]byte("wwwwwwwwwwww"))}},
}

func TestGoldenValues(t *testing.T) {
	for _, g := range golden {
		got := parse(g.value)
		if (got.Left < 0) != got.Marked { // all these have run out long ago
			t.Errorf("%s: it has %v left", g.name, got.Left)
		}
		if got.Left = 0; got != g.want {
			t.Errorf("%s: %q is read as %v, not as %v; see the comment above", g.name, g.value, got, g.want)
		}
	}
}

func TestOtherValuesAreUnknown(t *testing.T) {
	mark := "wwwwwwwwwwww" + "1700000000000"
	for _, value := range []string{
		"", "x", "TTTTTTTTTTT", "TTTTTTTTTTTTT", mark, "TTTTTTTTTTTT" + mark[1:], "TTTTTTTTTTTT" + mark + "x",
		"TTTTTTTTTTTT" + "wwwwwwwwwwww" + "170000000000x", "TTTTTTTTTTTT" + "wwwwwwwwwwww" + "-170000000000",
		"TTTTTTTTTTTT" + mark + strings.Repeat("\x00", markSize), "TTTTTTTTTTTT" + strings.Repeat(" ", markSize),
	} {
		if got := parse(value); got != (store.State{}) {
			t.Errorf("%q is read as %v", value, got)
		}
	}
}

// FuzzParse: what is known bears the value's own token, and is marked exactly if there is more than one.
// Bound: parse allocates nothing.
func FuzzParse(f *testing.F) {
	for _, g := range golden {
		f.Add(g.value)
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, value string) {
		state := parse(value)
		if n := testing.AllocsPerRun(1, func() { parse(value) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		switch {
		case !state.Known:
			if state != (store.State{}) {
				t.Errorf("unknown, yet %v", state)
			}
		case len(value) < store.TokenSize || value[:store.TokenSize] != string(state.Token[:]):
			t.Errorf("token %v of %q", state.Token, value)
		case state.Marked != (len(value) > store.TokenSize):
			t.Errorf("%q: marked is %v", value, state.Marked)
		}
	})
}

func TestBytesOf(t *testing.T) {
	if b := bytesOf(""); b == nil || len(b) != 0 {
		t.Errorf("%#v: want empty, not nil", b)
	}
	if b := bytesOf("a\x00b"); !bytes.Equal(b, []byte("a\x00b")) {
		t.Errorf("%q", b)
	}
}

func token(s string) (t store.Token) {
	copy(t[:], s)
	return t
}
