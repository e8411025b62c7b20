package serializer_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/seed-4f7f0efa/gormcache/serializer"
)

var berlin = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return loc
}()

type address struct {
	Street string
	Since  time.Time
	Until  *time.Time
}

type account struct {
	ID      uint64
	Name    string `msgpack:"n"`
	Secret  string `msgpack:"-"`
	Born    time.Time
	Home    address
	Others  []*address
	ByName  map[string]address
	ByYear  map[int]time.Time
	Tags    []string
	Empty   []int
	Nothing []int
	Raw     []byte
	Score   float32
	address
	Parent *account
}

func fullAccount() account {
	utc := time.Date(2024, 1, 2, 3, 4, 5, 6, time.UTC)
	fixed := time.Date(2024, 1, 2, 3, 4, 5, 6, time.FixedZone("X", 3600))
	local := time.Unix(1700000000, 1)
	return account{
		ID: math.MaxUint64, Name: "n", Born: utc, Home: address{"a", fixed, &local},
		Others: []*address{nil, {"b", local, nil}, {"c", utc.In(berlin), &fixed}},
		ByName: map[string]address{"z": {Since: utc}, "a": {Since: fixed}, "m": {Since: local, Until: &utc}},
		ByYear: map[int]time.Time{2024: utc, -1: local, 10: fixed},
		Tags:   []string{"x"}, Empty: []int{}, Raw: []byte{0, 255}, Score: 0.1,
		address: address{Street: "embedded"},
		Parent:  &account{ID: 1, Born: local},
	}
}

func roundTrip[T any](t *testing.T, v T) (got T) {
	t.Helper()
	b, err := serializer.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := serializer.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func same[T any](t *testing.T, v T) {
	t.Helper()
	if got := roundTrip(t, v); !reflect.DeepEqual(got, v) {
		t.Errorf("got %#v\nwant %#v", got, v)
	}
}

func TestTypedValuesComeBack(t *testing.T) {
	same(t, 1)
	same(t, int8(-1))
	same(t, uint64(math.MaxUint64))
	same(t, "")
	same(t, "text")
	same(t, true)
	same(t, 0.1)
	same(t, float32(0.1))
	same(t, []byte("x"))
	same(t, []string(nil))
	same(t, []string{})
	same(t, [2]int{1, 2})
	same(t, map[string]int{"a": 1})
	same(t, (*int)(nil))
	same(t, address{})
	same(t, &address{Street: "s"})
	same(t, (*address)(nil))
	same(t, time.Duration(5))
	a := fullAccount()
	same(t, a)
	same(t, []account{a, {}, a})
}

func TestTimesKeepTheirZone(t *testing.T) {
	summer := time.Date(2024, 7, 1, 1, 2, 3, 4, time.UTC)
	for _, at := range []time.Time{
		{}, time.Unix(0, 0).UTC(), time.Unix(1, 999999999), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(-300, 1, 1, 0, 0, 0, 0, time.UTC),
		summer.In(time.Local), summer.In(berlin), summer.AddDate(0, -6, 0).In(berlin),
		summer.In(time.FixedZone("", 7200)), summer.In(time.FixedZone("CEST", 7200)), summer.In(time.FixedZone("", -12345)),
		summer.In(time.FixedZone("Europe/Berlin", 3600)), summer.In(time.FixedZone("UTC", 0)),
	} {
		same(t, at)
		same(t, &at)
		same(t, []time.Time{at, at})
		same(t, []time.Time{at, time.Unix(1, 0).UTC(), at, time.Unix(1, 0), {}})
		same(t, map[string]time.Time{"b": at, "a": time.Unix(1, 0).UTC(), "c": time.Unix(1, 0)})
	}
}

func TestWhatMsgpackLeavesOutIsLeftOut(t *testing.T) {
	a := account{Secret: "s", Born: time.Unix(1, 0).UTC()}
	if got := roundTrip(t, a); got.Secret != "" || !got.Born.Equal(a.Born) {
		t.Fatalf("%+v", got)
	}
}

type oldShape struct {
	A int
	B string
}

type newShape struct {
	A int
	B string
	C bool
}

type retyped struct {
	A int64
	B string
}

func TestAValueOfAnotherShapeIsRefused(t *testing.T) {
	b, err := serializer.Marshal(oldShape{1, "b"})
	if err != nil {
		t.Fatal(err)
	}
	for _, dst := range []any{new(newShape), new(retyped), new(string), new([]oldShape), new(map[string]any)} {
		if err := serializer.Unmarshal(b, dst); !errors.Is(err, serializer.ErrVersion) {
			t.Errorf("%T: %v", dst, err)
		}
	}
	if err := serializer.Unmarshal(b, new(oldShape)); err != nil {
		t.Fatal(err)
	}
	if err := serializer.Unmarshal(b, new(any)); err != nil {
		t.Fatal(err)
	}
}

type nest map[string]nest

type node struct {
	Next *node
	Any  any
	Kids []*node
}

func TestCyclesAreRefused(t *testing.T) {
	loop := &node{}
	loop.Next = loop
	viaAny := &node{}
	viaAny.Any = viaAny
	viaSlice := &node{}
	viaSlice.Kids = []*node{nil, viaSlice}
	viaMap := map[string]any{}
	viaMap["self"] = viaMap
	nested := nest{}
	nested["self"] = nested
	for _, v := range []any{nested, loop, *loop, viaAny, viaSlice, viaMap, struct{ X any }{loop}} {
		if _, err := serializer.Marshal(v); !errors.Is(err, serializer.ErrUnsupported) {
			t.Errorf("%T: %v", v, err)
		}
	}
	same(t, node{Next: &node{Kids: []*node{{}, nil}}})
}

type panics struct{}

func (panics) MarshalText() ([]byte, error) { panic("on purpose") }
func (*panics) UnmarshalText([]byte) error  { panic("on purpose") }

func TestWhatMsgpackCannotEncodeIsRefused(t *testing.T) {
	for _, v := range []any{make(chan int), func() {}, struct{ C chan int }{make(chan int)}, panics{}, complex(1, 1)} {
		if _, err := serializer.Marshal(v); !errors.Is(err, serializer.ErrUnsupported) {
			t.Errorf("%T: %v", v, err)
		}
	}
	for _, dst := range []any{nil, 1, (*int)(nil)} {
		if err := serializer.Unmarshal([]byte{0}, dst); !errors.Is(err, serializer.ErrUnsupported) {
			t.Errorf("into %T: %v", dst, err)
		}
	}
}

// hostile returns a value of type T whose msgpack is body.
func hostile[T any](t *testing.T, body []byte) error {
	t.Helper()
	var v T
	b, err := serializer.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return serializer.Unmarshal(append(b[:len(b)-len(plain):len(b)-len(plain)], body...), &v)
}

func TestHostileValues(t *testing.T) {
	deep := []byte(strings.Repeat("\x91", 2_000_000))
	for name, err := range map[string]error{
		"an array of four billion":         hostile[[]account](t, []byte{0xdd, 0xff, 0xff, 0xff, 0xff, 0x80}),
		"a map of four billion":            hostile[map[string]int](t, []byte{0xdf, 0xff, 0xff, 0xff, 0xff}),
		"a string of four billion":         hostile[string](t, []byte{0xdb, 0xff, 0xff, 0xff, 0xff}),
		"two million levels":               hostile[any](t, append(deep, 0xc0)),
		"two million levels, unknown":      hostile[oldShape](t, append(append([]byte{0x81, 0xa1, 'Z'}, deep...), 0xc0)),
		"two values":                       hostile[int](t, []byte{1, 2}),
		"none":                             hostile[int](t, nil),
		"another type":                     hostile[int](t, []byte{0xa1, 'x'}),
		"a code that is never used":        hostile[any](t, []byte{0xc1}),
		"an array with an element too few": hostile[any](t, []byte{0x92, 1}),
	} {
		if !errors.Is(err, serializer.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
