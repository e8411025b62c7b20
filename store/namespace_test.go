package store

import (
	"strings"
	"testing"
)

func TestNamespaceValidate(t *testing.T) {
	for _, ok := range []Namespace{"shop", "a", "Shop_1.2-x", Namespace(strings.Repeat("n", 64))} {
		if err := ok.Validate(); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []Namespace{"", "a:b", "a b", "{a}", "ä", "a\n", Namespace(strings.Repeat("n", 65))} {
		if bad.Validate() == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestTagsAreShortAndTellNamesApart(t *testing.T) {
	n := Namespace(strings.Repeat("n", 64))
	seen := map[string]string{}
	for _, name := range []string{"a", "b", "=a", "a:b", "", " ", "é", strings.Repeat("x", 100), strings.Repeat("x", 101), strings.Repeat("x", 102), "a\x00"} {
		for kind, tag := range map[string]string{"r": n.Region(name), "u": n.User(name)} {
			if len(tag) > MaxKeySize {
				t.Errorf("tag of %q is %d bytes", name, len(tag))
			}
			if other, ok := seen[tag]; ok {
				t.Errorf("%s/%q and %s share %q", kind, name, other, tag)
			}
			seen[tag] = kind + "/" + name
		}
	}
	if key := n.Entry([24]byte{}); len(key) > MaxKeySize {
		t.Errorf("entry key is %d bytes", len(key))
	}
}

func TestTableIsOneForEverySpelling(t *testing.T) {
	n := Namespace("s")
	for _, same := range []string{"users", "Users", "public.users", "db.public.USERS"} {
		if n.Table(same) != "s:t:users" {
			t.Errorf("%q gives %q", same, n.Table(same))
		}
	}
}
