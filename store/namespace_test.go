package store

import (
	"crypto/sha256"
	"encoding/base64"
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

// The names on the wire are an interface between versions that share a store: see Namespace.
//
// Falls if: a kind gets another letter, or a name is put together in another way.
func TestNamesOnTheWire(t *testing.T) {
	n, long := Namespace("ns"), strings.Repeat("key", 1000)
	for got, want := range map[string]string{
		n.Epoch():                           "ns:n",
		n.Region("name"):                    "ns:r:name",
		n.Soft("name"):                      "ns:f:name",
		n.Grace("name"):                     "ns:g:name",
		n.Table("public.T"):                 "ns:t:t",
		n.Bulk("T"):                         "ns:b:t",
		n.Row("T", "v"):                     "ns:k:t.v",
		n.Rows("T").Tag([]byte("v")):        "ns:k:t.v",
		n.Set("T", "col", "v"):              "ns:s:t.col.v",
		n.Sets("T", "col").Tag([]byte("v")): "ns:s:t.col.v",
		n.Tracked("T"):                      "ns:q:t",
		n.TrackedColumn("T", "c"):           "ns:q:t.c",
		n.User("name"):                      "ns:u:name",
		n.Entry([24]byte{}):                 "ns:e:" + strings.Repeat("A", 32),
		n.Value("region", "key"):            "ns:v:" + hashed("", "6:regionkey")[1:],
		n.ValueIn("c", "region", "key"):     "ns:v:" + hashed("", "in 1:c6:regionkey")[1:],
		n.Value("region", long):             "ns:v:" + hashed("", "6:region"+long)[1:],
		n.Load([]byte("id")):                "ns:c:" + hashed("", "id")[1:],
		n.Lock("name"):                      "ns:l:name",
		n.Pool("name"):                      "ns:p:name",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := testing.AllocsPerRun(100, func() { _ = n.Value("region", "key") }); got != 1 {
		t.Errorf("the key of a value takes %v allocations", got)
	}
}

// What the tags of rows and values read is what programs of other versions read, and what is hashed in them is
// hashed as a whole.
func TestTagsOfRowsAndValues(t *testing.T) {
	n, long := Namespace("s"), strings.Repeat("v", 95)
	for got, want := range map[string]string{
		n.Row("public.Users", "5"):              "s:k:users.5",
		n.Row("users", "5.a"):                   "s:k:users.5.a",
		n.Row("users", "a@b.c"):                 hashed("s:k:", "users.a@b.c"),
		n.Row("users", long[:94]):               "s:k:users." + long[:94],
		n.Row("users", long):                    hashed("s:k:", "users."+long),
		n.Row("users", strings.Repeat(long, 9)): hashed("s:k:", "users."+strings.Repeat(long, 9)),
		n.Row("ärzte", "5"):                     hashed("s:k:", "ärzte.5"),
		n.Set("Pets", "user_id", "5"):           "s:s:pets.user_id.5",
		n.Set("pets", "mail", "a@b.c"):          hashed("s:s:", "pets.mail.a@b.c"),
		n.User(""):                              hashed("s:u:", ""),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	rows, value := n.Rows("users"), []byte("123456789")
	if got := testing.AllocsPerRun(100, func() { _ = rows.Tag(value) }); got != 1 {
		t.Errorf("a tag takes %v allocations", got)
	}
}

func hashed(head, name string) string {
	sum := sha256.Sum256([]byte(name))
	return head + "=" + base64.RawURLEncoding.EncodeToString(sum[:24])
}

func TestTableIsOneForEverySpelling(t *testing.T) {
	n := Namespace("s")
	for _, same := range []string{"users", "Users", "public.users", "db.public.USERS"} {
		if n.Table(same) != "s:t:users" {
			t.Errorf("%q gives %q", same, n.Table(same))
		}
	}
}

func TestOfTable(t *testing.T) {
	ns := Namespace("shop.eu")
	for _, tag := range []string{ns.Epoch(), ns.Region("default"), ns.Soft("default"), ns.Grace("default"), ns.User("mine"), ns.User("a long name: " + strings.Repeat("x", 200))} {
		if OfTable(tag) {
			t.Errorf("%s counts as the tag of a table", tag)
		}
	}
	for _, tag := range []string{
		ns.Table("users"), ns.Bulk("users"), ns.Row("users", "5"), ns.Set("users", "mail", "x"), ns.Tracked("users"),
		ns.TrackedColumn("users", "mail"), "", "shop", "shop:", "shop:r", "shop:f", "shop:g", "shop:u", "shop:n:x", "shop:z:of a later release",
	} {
		if !OfTable(tag) {
			t.Errorf("%s counts as the tag of no table", tag)
		}
	}
}
