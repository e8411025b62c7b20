package memcachestore

import (
	"fmt"
	"testing"
)

func fleet(names ...string) (all []*server) {
	for _, name := range names {
		all = append(all, &server{address: address(name)})
	}
	return all
}

// TestPlacesAreGolden: where a key lies is an interface between processes of different releases. If this fails, they look
// where the others do not write.
func TestPlacesAreGolden(t *testing.T) {
	all := fleet("a:11211", "b:11211", "c:11211")
	got := ""
	for i := range 24 {
		got += string(all[place(all, fmt.Sprintf("shop:t:table%d", i))].address[0])
	}
	if want := "ccbbbcaabcabcaacacbabbbc"; got != want {
		t.Errorf("the keys lie at %s, want %s: restore the hash", got, want)
	}
}

// TestPlacesAreEven, do not depend on the order of the servers, and move only from a server that has gone.
func TestPlacesAreEven(t *testing.T) {
	all, turned, fewer := fleet("a:1", "b:1", "c:1", "d:1"), fleet("d:1", "b:1", "a:1", "c:1"), fleet("a:1", "b:1", "c:1")
	count := map[address]int{}
	for i := range 10_000 {
		key := fmt.Sprintf("shop:k:users.%d", i)
		at := all[place(all, key)].address
		count[at]++
		if other := turned[place(turned, key)].address; other != at {
			t.Fatalf("%s is on %s or on %s, by the order of the servers", key, at, other)
		}
		if left := fewer[place(fewer, key)].address; at != "d:1" && left != at {
			t.Fatalf("%s moves from %s to %s though its server is there", key, at, left)
		}
	}
	for at, n := range count {
		if n < 2200 || n > 2800 {
			t.Errorf("%s has %d of 10000 keys", at, n)
		}
	}
}
