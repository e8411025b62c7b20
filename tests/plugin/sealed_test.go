package plugin_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
)

// Stats counts what the store has rejected with what the region has.
func TestEntriesSealedWithOtherSecretsAreCounted(t *testing.T) {
	below := newStore(t, "memory")
	d := newDatabase(t, "sqlite")
	var plugins []*gormcache.Plugin
	var handles []*gorm.DB
	for _, id := range []string{"one", "two"} {
		s, err := sealed.New(below, sealed.Keys{Current: sealed.Key{ID: id, Secret: []byte("the secret of key " + id + ", long enough")}})
		must(t, err)
		handles = append(handles, d.Open(t))
		plugins = append(plugins, use(t, handles[len(handles)-1], s))
	}
	warm(t, handles[1], "islands") // so that it has learned the schema
	want := warm(t, handles[0], "users")
	reading(t, handles[1], "users", want, miss)
	reading(t, handles[1], "users", want, hit)
	reading(t, handles[0], "users", want, miss)
	if a, b := plugins[0].Stats().Rejected, plugins[1].Stats().Rejected; a != 1 || b != 1 {
		t.Errorf("%d and %d entries rejected, want 1 and 1", a, b)
	}
	must(t, rename(handles[1], 1, "sealed"))
	reading(t, handles[0], "users", direct(t, d.plain, "users"), miss)
}
