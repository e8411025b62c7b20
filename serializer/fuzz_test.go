package serializer_test

import (
	"errors"
	"runtime"
	"strconv"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/serializer"
)

func known(err error) bool {
	return errors.Is(err, serializer.ErrCorrupt) || errors.Is(err, serializer.ErrVersion)
}

// allocated returns how many bytes fn allocates. Other goroutines count too, so bounds need an allowance.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzUnmarshal: every error is one of ours. Bound: Unmarshal allocates 128 bytes for each byte of the
// input (a byte can be an element of a list, or make one of a map), and a constant.
func FuzzUnmarshal(f *testing.F) {
	many := map[string]any{} // large enough for the bound to tell
	for i := range 20_000 {
		many[strconv.Itoa(i)] = nil
	}
	for _, v := range []any{
		fullAccount(), account{}, node{Any: map[string]any{"x": 1.5}}, many, node{Any: many},
		make([]any, 50_000), make([]string, 50_000), node{Any: make([][]any, 50_000)},
	} {
		b, err := serializer.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, dst := range []any{new(account), new(node), new(any), new([]string)} {
			var err error
			if n := allocated(func() { err = serializer.Unmarshal(b, dst) }); n > uint64(len(b))*128+1<<18 {
				t.Fatalf("%d bytes allocated for %d in a %T", n, len(b), dst)
			}
			if err != nil && !known(err) && !errors.Is(err, serializer.ErrUnsupported) {
				t.Fatal(err)
			}
		}
	})
}
