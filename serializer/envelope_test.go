package serializer_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/serializer"
)

func envelope() *serializer.Envelope {
	return &serializer.Envelope{
		Created: 1700000000123, Fresh: 1500 * time.Millisecond, Kind: serializer.KindRows,
		Tokens: []byte("token-one-12token-two-12"), Payload: []byte("payload"),
	}
}

func seal(t testing.TB, key string, e *serializer.Envelope) []byte {
	t.Helper()
	b, err := serializer.AppendEnvelope(make([]byte, 0, e.Size()), key, e)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != e.Size() {
		t.Fatalf("%d bytes, Size says %d", len(b), e.Size())
	}
	return b
}

func TestEnvelopeComesBack(t *testing.T) {
	for name, change := range map[string]func(*serializer.Envelope){
		"as it is":  func(*serializer.Envelope) {},
		"no tokens": func(e *serializer.Envelope) { e.Tokens = []byte{} },
		"empty":     func(e *serializer.Envelope) { e.Tokens, e.Payload = []byte{}, []byte{} },
		"value":     func(e *serializer.Envelope) { e.Kind = serializer.KindValue },
		"no limit":  func(e *serializer.Envelope) { e.Fresh = 0 },
		"before 1970, and for ever": func(e *serializer.Envelope) {
			e.Created, e.Fresh = math.MinInt64, time.Duration(math.MaxInt64).Truncate(time.Millisecond)
		},
		"many tokens": func(e *serializer.Envelope) { e.Tokens = make([]byte, serializer.MaxTokens*serializer.TokenSize) },
	} {
		t.Run(name, func(t *testing.T) {
			want := envelope()
			change(want)
			var got serializer.Envelope
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
	for name, change := range map[string]func(*serializer.Envelope){
		"half a token":    func(e *serializer.Envelope) { e.Tokens = e.Tokens[:13] },
		"too many tokens": func(e *serializer.Envelope) { e.Tokens = make([]byte, (serializer.MaxTokens+1)*serializer.TokenSize) },
		"no kind":         func(e *serializer.Envelope) { e.Kind = 0 },
	} {
		e := envelope()
		change(e)
		if b, err := serializer.AppendEnvelope([]byte("x"), "key", e); !errors.Is(err, serializer.ErrUnsupported) || string(b) != "x" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestEnvelopeUnderAnotherKeyIsRefused(t *testing.T) {
	b := seal(t, "shop:user:1", envelope())
	for _, key := range []string{"", "shop:user:2", "shop:user:11", "hop:user:1"} {
		var e serializer.Envelope
		if err := e.Decode(key, b); !errors.Is(err, serializer.ErrCorrupt) {
			t.Errorf("under %q: %v", key, err)
		}
	}
}

func TestEnvelopeThatWasChangedIsRefused(t *testing.T) {
	b := seal(t, "key", envelope())
	refused := func(what string, i int, b []byte) {
		t.Helper()
		e := serializer.Envelope{Created: 42}
		err := e.Decode("key", b)
		if !errors.Is(err, serializer.ErrCorrupt) && !errors.Is(err, serializer.ErrVersion) {
			t.Errorf("%s at %d: %v", what, i, err)
		}
		if !reflect.DeepEqual(e, serializer.Envelope{Created: 42}) {
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
	var e serializer.Envelope
	if err := e.Decode("key", b); !errors.Is(err, serializer.ErrVersion) {
		t.Fatal(err)
	}
}

func TestEnvelopeDecodeDoesNotAllocate(t *testing.T) {
	key, b := "a key that is longer than any small buffer would be, as keys are", seal(t, "a key that is longer than any small buffer would be, as keys are", envelope())
	var e serializer.Envelope
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
		{-time.Hour, time.Second, false}, {1000 * time.Hour, 0, false},
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
		"more tokens than bytes": func(b []byte) { b[20], b[21] = 0xff, 0xff },
		"fresh beyond counting":  func(b []byte) { b[12] = 0xff },
	} {
		b := seal(t, "key", envelope())
		lie(b)
		var e serializer.Envelope
		if err := e.Decode("key", sum(b[:len(b)-4], "key")); !errors.Is(err, serializer.ErrCorrupt) {
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
		b, err := serializer.AppendEnvelope(nil, "k", &serializer.Envelope{Created: at.UnixMilli(), Fresh: fresh, Kind: serializer.KindValue})
		if err != nil {
			t.Fatal(err)
		}
		var e serializer.Envelope
		if err := e.Decode("k", b); err != nil || e.Fresh < fresh || e.Fresh >= fresh+time.Millisecond {
			t.Errorf("%v is stored as %v (%v)", fresh, e.Fresh, err)
		}
		if !e.IsOld(at.Add(3 * time.Millisecond)) {
			t.Errorf("with %v to live it is not old after 3 ms", fresh)
		}
	}
}
