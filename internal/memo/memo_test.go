package memo

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// What is put is found, at once and for good, also in the place of something else, while a program remembers less than
// the bound.
//
// Falls if: an entry is lost between the lists, or the old value is found after the new one has been put.
func TestWhatIsPutIsFound(t *testing.T) {
	var m Memo[int, int]
	for i := range DefaultMax {
		if m.Put(i, -1) {
			t.Fatalf("%d was known", i)
		}
		for j := range i % 7 {
			m.Get(j)
		}
		if !m.Put(i, i) {
			t.Fatalf("%d was not known", i)
		}
		if v, ok := m.Get(i); !ok || v != i {
			t.Fatalf("%d is %d, %v", i, v, ok)
		}
		m.Put(i/2, i/2)
	}
	seen := map[int]bool{}
	m.All(func(k, v int) bool { seen[k] = k == v; return true })
	for i := range DefaultMax {
		if v, ok := m.Get(i); !ok || v != i || !seen[i] {
			t.Fatalf("%d is %d, %v, listed %v", i, v, ok, seen[i])
		}
	}
	if v, ok := m.Get(-1); ok || v != 0 {
		t.Errorf("nothing is %d", v)
	}
	if m.Len() != DefaultMax {
		t.Errorf("%d entries", m.Len())
	}
	n := 0
	m.All(func(int, int) bool { n++; return n < 3 })
	if n != 3 {
		t.Errorf("%d were listed after it was enough", n)
	}
}

// A program that makes keys up without end costs no more than the bound, and still finds what it asks often.
//
// Falls if: the bound in entries or in bytes is left out, texts are counted twice, or all is dropped at once.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		max, length, most, least int
	}{
		"entries": {100, 10, 100, 50},
		"bytes":   {100, 4 << 10, 100 * average / (4 << 10), 10},
		"one":     {1, 10, 1, 1},
	} {
		m := Memo[string, int]{Max: c.max, Text: func(s string) string { return s }}
		for i := range 10 * c.max {
			m.Put(fmt.Sprintf("%0*d", c.length, i), i)
			if n := m.Len(); n > c.most || i > c.most && n < c.least {
				t.Fatalf("%s: %d entries after %d", name, n, i+1)
			}
			if i%3 == 0 {
				m.Get("x")
			}
		}
		bytes := 0
		m.All(func(k string, _ int) bool { bytes += len(k); return true })
		if bytes != m.bytes || bytes > c.max*average {
			t.Errorf("%s: %d bytes, counted as %d", name, bytes, m.bytes)
		}
	}
	m := Memo[string, int]{Text: func(s string) string { return s }}
	m.Put(strings.Repeat("x", MaxText+1), 1)
	m.Put(strings.Repeat("x", MaxText), 1)
	if m.Len() != 1 {
		t.Errorf("%d entries of two, one of them too long", m.Len())
	}
}

// A hit allocates nothing and takes no lock, once what is asked has been asked a few times.
func TestHitsAreFree(t *testing.T) {
	type key struct {
		text string
		of   any
	}
	m := Memo[key, *int]{Text: func(k key) string { return k.text }}
	for i := range 100 {
		m.Put(key{fmt.Sprint(i), &m}, new(int))
	}
	k := key{"7", &m}
	for range 100 {
		m.Get(k)
	}
	m.mu.Lock() // who asks for it stands still
	defer m.mu.Unlock()
	if n := testing.AllocsPerRun(100, func() { m.Get(k) }); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
	if _, ok := m.Get(key{"nothing", nil}); ok {
		t.Error("nothing is something")
	}
}

// Readers and writers at once, beyond the bound: each finds what was put under its key, or nothing. The race detector
// looks on.
func TestManyAtOnce(t *testing.T) {
	m := Memo[int, int]{Max: 64}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5000 {
				k := (i*7 + g) % 200
				if v, ok := m.Get(k); ok && v%200 != k {
					t.Errorf("%d is %d", k, v)
				} else if !ok || i%10 == 0 {
					m.Put(k, k+200*g)
				}
				if i%500 == 0 {
					m.All(func(k, v int) bool { return v%200 == k })
				}
			}
		})
	}
	wg.Wait()
	if m.Len() > 64 {
		t.Errorf("%d entries", m.Len())
	}
}

func BenchmarkGet(b *testing.B) {
	m := Memo[string, *int]{Text: func(s string) string { return s }}
	texts := make([]string, 300)
	for i := range texts {
		texts[i] = fmt.Sprintf("SELECT * FROM `users%d` WHERE `users`.`id` = ? AND `users`.`deleted_at` IS NULL LIMIT 1", i)
		m.Put(texts[i], new(int))
	}
	for range 10 {
		for _, s := range texts {
			m.Get(s)
		}
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			m.Get(texts[i%len(texts)])
		}
	})
}
