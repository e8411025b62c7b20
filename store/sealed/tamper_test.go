package sealed_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
)

// sealedBytes is what a store keeps of value under name.
func sealedBytes(t testing.TB, keys sealed.Keys, name string, value []byte) []byte {
	t.Helper()
	below := newMemory(t)
	set(t, seal(t, below, keys), name, value)
	return bytes.Clone(get(t, below, name))
}

func TestEveryChangeIsRefused(t *testing.T) {
	for _, mode := range modes {
		for _, value := range [][]byte{{}, []byte("v"), []byte("a value of some length")} {
			keys := sealed.Keys{Mode: mode, Current: key("a"), Others: []sealed.Key{key("b")}}
			whole := sealedBytes(t, keys, "k", value)
			below := newMemory(t)
			s := seal(t, below, keys)
			for i := range whole {
				for bit := range 8 {
					changed := bytes.Clone(whole)
					changed[i] ^= 1 << bit
					set(t, below, "k", changed)
					refused(t, s, "k", fmt.Sprintf("%v, %d bytes: bit %d of byte %d flipped", mode, len(value), bit, i))
				}
				set(t, below, "k", whole[:i])
				refused(t, s, "k", fmt.Sprintf("%v: cut to %d of %d bytes", mode, i, len(whole)))
				set(t, below, "k", append(bytes.Clone(whole[:i]), whole[i+1:]...))
				refused(t, s, "k", fmt.Sprintf("%v: without byte %d", mode, i))
			}
			for _, more := range []string{"\x00", "x", string(whole)} {
				set(t, below, "k", append(bytes.Clone(whole), more...))
				refused(t, s, "k", fmt.Sprintf("%v: %d bytes more", mode, len(more)))
			}
			set(t, below, "k", whole)
			if v := get(t, s, "k"); !bytes.Equal(v, value) || v == nil {
				t.Errorf("%v: the whole entry is read as %q", mode, v)
			}
		}
	}
}

// An entry belongs to its key in the store: one user's rows must not be served as another's.
func TestAnEntryUnderAnotherNameIsRefused(t *testing.T) {
	for _, mode := range modes {
		keys := sealed.Keys{Mode: mode, Current: key("a")}
		below := newMemory(t)
		s := seal(t, below, keys)
		whole := sealedBytes(t, keys, "user:1", []byte("1 is rich"))
		for _, name := range []string{"user:2", "user:11", "user:", "user", ""} {
			set(t, below, name, whole)
			refused(t, s, name, fmt.Sprintf("%v: moved to %q", mode, name))
		}
		// Neither may the border between name and entry move.
		set(t, below, "user:1"+string(whole[:1]), whole[1:])
		refused(t, s, "user:1"+string(whole[:1]), mode.String()+": a byte moved into the name")
	}
}

func TestTheOtherModeAndOtherSecretsAreRefused(t *testing.T) {
	for i, mode := range modes {
		below := newMemory(t)
		set(t, seal(t, below, sealed.Keys{Mode: modes[1-i], Current: key("a")}), "k", []byte("v"))
		s := seal(t, below, sealed.Keys{Mode: mode, Current: key("a")})
		refused(t, s, "k", "the mode "+modes[1-i].String())
		relabelled := bytes.Clone(get(t, below, "k"))
		relabelled[3] = byte(mode)
		set(t, below, "k", relabelled)
		refused(t, s, "k", "the mode "+modes[1-i].String()+" under another label")

		impostor := sealed.Key{ID: "a", Secret: []byte("another secret under the same id")}
		set(t, seal(t, below, sealed.Keys{Mode: mode, Current: impostor}), "k", []byte("v"))
		refused(t, s, "k", mode.String()+": another secret")

		set(t, seal(t, below, sealed.Keys{Mode: mode, Current: key("b")}), "k", []byte("v"))
		refused(t, s, "k", mode.String()+": an unknown id")
		known := seal(t, below, sealed.Keys{Mode: mode, Current: key("a"), Others: []sealed.Key{key("b")}})
		if get(t, known, "k") == nil {
			t.Errorf("%v: the id is known and yet refused", mode)
		}
		relabelled = bytes.Clone(get(t, below, "k"))
		relabelled[5] = 'a'
		set(t, below, "k", relabelled)
		refused(t, known, "k", mode.String()+": another id's label")
	}
}

// FuzzOpen: no bytes open but those that were sealed; nothing panics; and memory is bounded by the
// input's length, apart from a cipher. The genuine entries are the golden ones, which are the same in
// each process of the fuzzer.
func FuzzOpen(f *testing.F) {
	below := newMemory(f)
	opens := map[*sealed.Store]string{}
	for _, mode := range modes {
		b := goldenEntry(f, mode)
		opens[seal(f, below, goldenKeys(mode))] = string(b)
		f.Add(goldenName, b)
		f.Add("other", b)
		f.Add(goldenName, b[:len(b)-1])
	}
	f.Add("", []byte("gs\x01\x01\xff"))
	f.Add("", []byte("gs\x01\x02\x072026-03"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		set(t, below, name, b)
		for s, genuine := range opens {
			l := store.Lookup{Keys: []string{name}}
			rejected := s.Rejected()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := s.Lookup(t.Context(), &l)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > uint64(len(b)+2*len(name))+1<<16 {
				t.Fatalf("%d bytes allocated for %d", n, len(b))
			}
			opened := l.Values[0] != nil
			if want := name == goldenName && string(b) == genuine; opened != want || opened == (s.Rejected() == rejected+1) {
				t.Fatalf("%q under %q opens as %q; %d rejected", b, name, l.Values[0], s.Rejected()-rejected)
			}
		}
	})
}

// FuzzSeal: what was sealed opens, under any name, and takes a fixed number of bytes more.
func FuzzSeal(f *testing.F) {
	f.Add("k", []byte("v"))
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		for _, mode := range modes {
			below := newMemory(t)
			s := seal(t, below, sealed.Keys{Mode: mode, Current: key("a")})
			set(t, s, name, value)
			if got := get(t, s, name); got == nil || !bytes.Equal(got, value) {
				t.Fatalf("%v: %q set, %q read", mode, value, got)
			}
			overhead := map[sealed.Mode]int{sealed.Encrypt: 5 + 1 + 24 + 16, sealed.Sign: 5 + 1 + 32}[mode]
			if n := len(get(t, below, name)); n != len(value)+overhead {
				t.Fatalf("%v: %d bytes sealed to %d", mode, len(value), n)
			}
		}
	})
}
