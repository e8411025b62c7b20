package entry_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/golden"
)

func envelope() *entry.Envelope {
	return &entry.Envelope{
		Created: 1700000000123, Fresh: 1500 * time.Millisecond, Kind: entry.KindRows,
		Version: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Cost: 250 * time.Millisecond,
		Tokens: []byte("token-one-12token-two-12"), Payload: []byte("payload"),
	}
}

func seal(t testing.TB, key string, e *entry.Envelope) []byte {
	t.Helper()
	b, err := entry.Append(make([]byte, 0, e.Size()), key, e)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != e.Size() {
		t.Fatalf("%d bytes, Size says %d", len(b), e.Size())
	}
	return b
}

func TestEnvelopeComesBack(t *testing.T) {
	for name, change := range map[string]func(*entry.Envelope){
		"as it is":  func(*entry.Envelope) {},
		"no tokens": func(e *entry.Envelope) { e.Tokens = []byte{} },
		"empty":     func(e *entry.Envelope) { e.Tokens, e.Payload = []byte{}, []byte{} },
		"value":     func(e *entry.Envelope) { e.Kind = entry.KindValue },
		"tombstone": func(e *entry.Envelope) { e.Kind = entry.KindGone },
		"absent":    func(e *entry.Envelope) { e.Kind, e.Cost = entry.KindAbsent, 0 },
		"no limit":  func(e *entry.Envelope) { e.Fresh = 0 },
		"before 1970, and for ever": func(e *entry.Envelope) {
			e.Created, e.Fresh = math.MinInt64, time.Duration(math.MaxInt64).Truncate(time.Millisecond)
		},
		"many tokens": func(e *entry.Envelope) { e.Tokens = make([]byte, entry.MaxTokens*entry.TokenSize) },
	} {
		t.Run(name, func(t *testing.T) {
			want := envelope()
			change(want)
			var got entry.Envelope
			if err := got.Decode("key", seal(t, "key", want)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(&got, want) {
				t.Fatalf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestEnvelopeRefusesWhatCannotBeWritten(t *testing.T) {
	for name, change := range map[string]func(*entry.Envelope){
		"half a token":    func(e *entry.Envelope) { e.Tokens = e.Tokens[:13] },
		"too many tokens": func(e *entry.Envelope) { e.Tokens = make([]byte, (entry.MaxTokens+1)*entry.TokenSize) },
		"no kind":         func(e *entry.Envelope) { e.Kind = 0 },
	} {
		e := envelope()
		change(e)
		if b, err := entry.Append([]byte("x"), "key", e); !errors.Is(err, entry.ErrUnsupported) || string(b) != "x" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestEnvelopeUnderAnotherKeyIsRefused(t *testing.T) {
	b := seal(t, "shop:user:1", envelope())
	for _, key := range []string{"", "shop:user:2", "shop:user:11", "hop:user:1"} {
		var e entry.Envelope
		if err := e.Decode(key, b); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("under %q: %v", key, err)
		}
	}
}

func TestEnvelopeThatWasChangedIsRefused(t *testing.T) {
	b := seal(t, "key", envelope())
	refused := func(what string, i int, b []byte) {
		t.Helper()
		e := entry.Envelope{Created: 42}
		err := e.Decode("key", b)
		if !errors.Is(err, entry.ErrCorrupt) && !errors.Is(err, entry.ErrVersion) {
			t.Errorf("%s at %d: %v", what, i, err)
		}
		if !reflect.DeepEqual(e, entry.Envelope{Created: 42}) {
			t.Errorf("%s at %d: the envelope was touched", what, i)
		}
	}
	for i := range b {
		refused("cut", i, b[:i])
		for bit := range 8 {
			flipped := append([]byte(nil), b...)
			flipped[i] ^= 1 << bit
			refused("flip", i*8+bit, flipped)
		}
	}
	refused("grown", len(b), append(append([]byte(nil), b...), 0))
}

func TestEnvelopeOfAnotherVersion(t *testing.T) {
	b := seal(t, "key", envelope())
	b[2]++
	var e entry.Envelope
	if err := e.Decode("key", b); !errors.Is(err, entry.ErrVersion) {
		t.Fatal(err)
	}
}

func TestEnvelopeDecodeDoesNotAllocate(t *testing.T) {
	key, b := "a key that is longer than any small buffer would be, as keys are", seal(t, "a key that is longer than any small buffer would be, as keys are", envelope())
	var e entry.Envelope
	if n := testing.AllocsPerRun(100, func() {
		if err := e.Decode(key, b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestIsOld(t *testing.T) {
	e := envelope()
	created := time.UnixMilli(e.Created)
	for _, c := range []struct {
		after time.Duration
		fresh time.Duration
		want  bool
	}{
		{0, time.Second, false}, {time.Second, time.Second, false}, {time.Second + time.Millisecond, time.Second, true},
		{-time.Second, time.Second, false}, {-time.Hour, time.Second, true}, {1000 * time.Hour, 0, false},
	} {
		e.Fresh = c.fresh
		if got := e.IsOld(created.Add(c.after)); got != c.want {
			t.Errorf("%v after, fresh for %v: %v", c.after, c.fresh, got)
		}
	}
}

// sum appends the checksum of an entry found under key.
func sum(body []byte, key string) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	return binary.BigEndian.AppendUint32(body, crc32.Update(crc32.Checksum(body, table), table, []byte(key)))
}

// An entry with a right checksum may still lie: another program may have written it.
func TestEnvelopeThatLies(t *testing.T) {
	for name, lie := range map[string]func(b []byte){
		"kind":                   func(b []byte) { b[3] = 9 },
		"more tokens than bytes": func(b []byte) { b[32], b[33] = 0xff, 0xff },
		"fresh beyond counting":  func(b []byte) { b[12] = 0xff },
	} {
		b := seal(t, "key", envelope())
		lie(b)
		var e entry.Envelope
		if err := e.Decode("key", sum(b[:len(b)-4], "key")); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A time to live of less than a millisecond is a short one, and not none.
//
// Falls if: it is rounded down, to what stands for no limit.
func TestShortTimesToLiveEnd(t *testing.T) {
	for _, fresh := range []time.Duration{1, time.Microsecond, time.Millisecond - 1, time.Millisecond, time.Millisecond + 1} {
		at := time.UnixMilli(1_700_000_000_000)
		b, err := entry.Append(nil, "k", &entry.Envelope{Created: at.UnixMilli(), Fresh: fresh, Kind: entry.KindValue})
		if err != nil {
			t.Fatal(err)
		}
		var e entry.Envelope
		if err := e.Decode("k", b); err != nil || e.Fresh < fresh || e.Fresh >= fresh+time.Millisecond {
			t.Errorf("%v is stored as %v (%v)", fresh, e.Fresh, err)
		}
		if !e.IsOld(at.Add(3 * time.Millisecond)) {
			t.Errorf("with %v to live it is not old after 3 ms", fresh)
		}
	}
}

// The age of an entry is never negative, and no clock makes one that never gets old.
func TestAge(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for created, want := range map[int64]time.Duration{
		now.UnixMilli() - 1500: 1500 * time.Millisecond, now.UnixMilli(): 0, now.UnixMilli() + 5000: 0, math.MaxInt64: 0,
		math.MinInt64: time.Duration(math.MaxInt64).Truncate(time.Millisecond),
	} {
		e := entry.Envelope{Created: created, Fresh: 2 * time.Second}
		if got := e.Age(now); got != want {
			t.Errorf("created at %d it is %v old, not %v", created, got, want)
		}
		if old := want > e.Fresh || created > now.UnixMilli()+2000; e.IsOld(now) != old {
			t.Errorf("created at %d: old is %v", created, !old)
		}
	}
}

func TestGoldenEnvelope(t *testing.T) {
	want := envelope()
	var got entry.Envelope
	if err := got.Decode("key", golden.Check(t, "envelope", seal(t, "key", want))); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Fatalf("got %+v", got)
	}
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
		var e entry.Envelope
		if n := testing.AllocsPerRun(1, func() { _ = e.Decode(key, b) }); n != 0 {
			t.Fatalf("%v allocations", n)
		}
		if err := e.Decode(key, b); err != nil {
			if !errors.Is(err, entry.ErrCorrupt) && !errors.Is(err, entry.ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		if again := seal(t, key, &e); !bytes.Equal(again, b) {
			t.Fatalf("decoded %x, encoded %x", b, again)
		}
	})
}
