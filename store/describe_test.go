package store_test

import (
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store"
)

func TestTagsInWords(t *testing.T) {
	ns := store.Namespace("shop.eu")
	long := strings.Repeat("x", 200)
	for tag, want := range map[string]string{
		ns.Epoch():                         "the whole namespace shop.eu",
		ns.Region("default"):               "region default",
		ns.Soft("default"):                 "soft invalidations of region default",
		ns.Grace("default"):                "invalidations with grace of region default",
		ns.Table("public.Users"):           "table users",
		ns.Bulk("users"):                   "unnamed rows of users",
		ns.Row("users", "5"):               "row 5 of users",
		ns.Row("users", "a.b"):             "row a.b of users",
		ns.Set("orders", "user_id", "5"):   "rows of orders where user_id is 5",
		ns.Set("orders", "mail", "a.b"):    "rows of orders where mail is a.b",
		ns.Tracked("orders"):               "tracked columns of orders",
		ns.TrackedColumn("orders", "mail"): "tracked column mail of orders",
		ns.User("mine"):                    `tag "mine"`,
		ns.Row("users", long):              "a row with a long name (tag " + ns.Row("users", long) + ")",
		ns.Table(long):                     "a table with a long name (tag " + ns.Table(long) + ")",
		"other:t:users":                    "tag other:t:users",
		"":                                 "tag ",
	} {
		if got := ns.Describe(tag); got != want {
			t.Errorf("%s is %q, want %q", tag, got, want)
		}
	}
}
