package compress_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/compress"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, next store.Store, opts ...compress.Option) *compress.Store {
	t.Helper()
	s, err := compress.New(next, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	for name, opts := range map[string][]compress.Option{
		"Defaults": {nil},
		"AllS2":    {compress.MinBytes(1), compress.ZstdBytes(1 << 30)},
		"AllZstd":  {compress.MinBytes(1), compress.ZstdBytes(1)},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.RunConfig(t, storetest.Config{
				Open:   func(t *testing.T) store.Store { return open(t, memory.New(), opts...) },
				Around: synctest.Test,
			})
		})
	}
}

func TestItHasTheCapabilitiesOfTheStoreBehind(t *testing.T) {
	bare := open(t, struct{ store.Store }{memory.New()})
	if s := open(t, memory.New()); store.SwapperOf(s) == nil || store.ClaimerOf(s) == nil {
		t.Error("it hides them")
	}
	if store.SwapperOf(bare) != nil || store.ClaimerOf(bare) != nil {
		t.Error("it pretends to have what the store behind has not")
	}
	if _, err := compress.New(nil); err == nil {
		t.Error("no store is no error")
	}
}

func set(t testing.TB, s store.Store, key string, value []byte) {
	t.Helper()
	if err := s.Set(context.Background(), key, value, 0); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, s store.Store, key string) []byte {
	t.Helper()
	l := store.Lookup{Keys: []string{key}}
	if err := s.Lookup(context.Background(), &l); err != nil {
		t.Fatal(err)
	}
	return l.Values[0]
}

// rows are like the entry of a query: much of it is the same in each row.
func rows(n int) []byte {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d|Jane Roe %d|jane.%x@example.com|2026-11-%02d 12:00:00|active|", i, i, r.Uint64(), i%30)
	}
	return b.Bytes()[:n]
}

func noise(n int) []byte {
	b, r := make([]byte, n), rand.New(rand.NewPCG(3, 4))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestWhatIsCompressed looks at what is kept below.
func TestWhatIsCompressed(t *testing.T) {
	below := memory.New()
	s := open(t, below, compress.MinBytes(400), compress.ZstdBytes(10_000), compress.MaxBytes(100_000))
	for name, c := range map[string]struct {
		value []byte
		begin string // of what is kept; "": the value itself
	}{
		"empty":                       {[]byte{}, ""},
		"small":                       {rows(399), ""},
		"least":                       {rows(400), "gz\x01\x01"},
		"below Zstandard":             {rows(9_999), "gz\x01\x01"},
		"Zstandard":                   {rows(10_000), "gz\x01\x02"},
		"greatest":                    {rows(100_000), "gz\x01\x02"},
		"too large":                   {rows(100_001), ""},
		"noise":                       {noise(5_000), ""},
		"large noise":                 {noise(50_000), ""},
		"like a compressed one":       {[]byte("gz"), "gz\x01\x00"},
		"noise like a compressed one": {append([]byte("gz\x01\x01"), noise(5_000)...), "gz\x01\x00"},
		"part of the magic":           {[]byte("g"), ""},
	} {
		set(t, s, name, c.value)
		kept := get(t, below, name)
		if c.begin == "" && !bytes.Equal(kept, c.value) || !strings.HasPrefix(string(kept), c.begin) {
			t.Errorf("%s is kept as %.8q…, %d bytes", name, kept, len(kept))
		}
		if v := get(t, s, name); v == nil || !bytes.Equal(v, c.value) {
			t.Errorf("%s: %d bytes come back, of %d, or others", name, len(v), len(c.value))
		}
		if c.begin != "" && c.begin[3] != 0 && len(kept) > len(c.value)-len(c.value)/8 {
			t.Errorf("%s: %d bytes are kept in %d", name, len(c.value), len(kept))
		}
	}
	if n := s.Rejected(); n != 0 {
		t.Errorf("%d are rejected", n)
	}
}

// TestItReadsWhatIsNotCompressed: processes with and without this store share one while it is switched on.
func TestItReadsWhatIsNotCompressed(t *testing.T) {
	below := memory.New()
	set(t, below, "k", rows(5_000))
	s := open(t, below)
	if !bytes.Equal(get(t, s, "k"), rows(5_000)) {
		t.Error("the entry of a process without compression is lost")
	}
	swaps := []store.Swap{{Key: "k", Old: rows(5_000), Value: rows(6_000)}}
	if err := store.SwapperOf(s).Swap(t.Context(), swaps); err != nil || !swaps[0].Done {
		t.Errorf("it is not swapped: %v", err)
	}
}

// TestGolden reads entries as format version 1 keeps them. If it fails, the format has changed: take the change back, or
// raise FormatVersion and add a file beside these.
func TestGolden(t *testing.T) {
	below := memory.New()
	s := open(t, below)
	for name, want := range map[string][]byte{"s2": rows(4_000), "zstd": rows(40_000), "none": []byte("gz, as it happens")} {
		path := filepath.Join("testdata", "v1-"+name+".hex")
		if os.Getenv("GOLDEN") != "" {
			set(t, s, name, want)
			if err := os.WriteFile(path, []byte(hex.EncodeToString(get(t, below, name))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := hex.DecodeString(string(text))
		if err != nil {
			t.Fatal(err)
		}
		set(t, below, name, kept)
		if got := get(t, s, name); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d, or others", name, len(got), len(want))
		}
	}
}

// damaged are bytes that no store wrote.
func damaged(t testing.TB) map[string][]byte {
	below := memory.New()
	s := open(t, below)
	set(t, s, "s2", rows(4_000))
	set(t, s, "zstd", rows(40_000))
	cases := map[string][]byte{
		"magic": []byte("gz"), "version": []byte("gz\x02\x00\x00\x00\x00\x01x"), "method": []byte("gz\x01\x03\x00\x00\x00\x01x"),
		"no S2": []byte("gz\x01\x01\x00\x00\x00\x01"), "no frame": []byte("gz\x01\x02\x00\x00\x00\x01"),
	}
	for _, method := range []string{"s2", "zstd"} {
		kept := get(t, below, method)
		resized := func(n uint32) []byte {
			b := bytes.Clone(kept)
			binary.BigEndian.PutUint32(b[4:], n)
			return b
		}
		n := binary.BigEndian.Uint32(kept[4:])
		cases[method+" cut"] = kept[:len(kept)-5]
		cases[method+" longer"] = resized(n + 1)
		cases[method+" shorter"] = resized(n - 1)
		cases[method+" empty"] = resized(0)
		cases[method+" huge"] = resized(1<<32 - 1)
	}
	return cases
}

func TestDamagedEntriesAreMisses(t *testing.T) {
	below := memory.New()
	s := open(t, below)
	n := uint64(0)
	for name, kept := range damaged(t) {
		set(t, below, name, kept)
		if v := get(t, s, name); v != nil {
			t.Errorf("%s gives %d bytes", name, len(v))
		}
		if n++; s.Rejected() != n {
			t.Errorf("%s is not counted", name)
		}
	}
}

// bomb returns an entry that says that it decompresses to size bytes, and does so to n.
func bomb(t testing.TB, size uint32, n int) []byte {
	below := memory.New()
	set(t, open(t, below, compress.MaxBytes(1<<30)), "k", make([]byte, n))
	kept := bytes.Clone(get(t, below, "k"))
	binary.BigEndian.PutUint32(kept[4:], size)
	return kept
}

// TestBombsAreBounded: small entries that decompress to much.
func TestBombsAreBounded(t *testing.T) {
	const most = 1 << 20
	below := memory.New()
	s := open(t, below, compress.MaxBytes(most))
	for name, kept := range map[string][]byte{
		"honest": bomb(t, 64<<20, 64<<20), "lying": bomb(t, 1000, 64<<20), "at the bound": bomb(t, most, 64<<20),
	} {
		set(t, below, "k", kept)
		get(t, s, "k") // what the decoder allocates once
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if v := get(t, s, "k"); v != nil {
			t.Errorf("%s: %d bytes of %d give %d", name, len(kept), most, len(v))
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 2*most {
			t.Errorf("%s: %d bytes are allocated", name, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, kept := range damaged(f) {
		f.Add(kept)
	}
	below := memory.New()
	s := open(f, below, compress.MaxBytes(1<<16))
	f.Fuzz(func(t *testing.T, kept []byte) {
		set(t, below, "k", kept)
		if v := get(t, s, "k"); len(v) > max(1<<16, len(kept)) {
			t.Errorf("%d bytes give %d", len(kept), len(v))
		}
	})
}

func BenchmarkStore(b *testing.B) {
	for _, size := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10} {
		for method, opts := range map[string][]compress.Option{
			"s2": {compress.MinBytes(1), compress.ZstdBytes(1 << 30)}, "zstd": {compress.MinBytes(1), compress.ZstdBytes(1)},
		} {
			value, below := rows(size), memory.New()
			s := open(b, below, opts...)
			b.Run(fmt.Sprintf("Set/%s/%dK", method, size>>10), func(b *testing.B) {
				for b.Loop() {
					set(b, s, "k", value)
				}
				b.ReportMetric(float64(len(get(b, below, "k")))/float64(size), "kept/byte")
			})
			b.Run(fmt.Sprintf("Lookup/%s/%dK", method, size>>10), func(b *testing.B) {
				for b.Loop() {
					get(b, s, "k")
				}
			})
		}
	}
}
