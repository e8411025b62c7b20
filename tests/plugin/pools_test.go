package plugin_test

import (
	"testing"

	"gorm.io/gorm"
)

// opaquePool tells nothing of the database behind it.
type opaquePool struct{ gorm.ConnPool }

// A pool that does not tell its database must not be taken for the plugin's own: another tenant's rows
// would be served.
func TestPoolsThatTellNoDatabase(t *testing.T) {
	s, o := newScene(t, "sqlite", "memory"), newDatabase(t, "sqlite")
	must(t, rename(o.plain, 1, "tenant"))
	pool, err := o.plain.DB()
	must(t, err)
	warm(t, s.other.db, "users")
	tenant := s.other.db.WithContext(t.Context())
	tenant.Statement.ConnPool = opaquePool{pool}
	reading(t, tenant, "users", direct(t, o.plain, "users"), bypass)
}

// A connection leads to the database of its own pool, not to that of the handle: were it taken for the
// latter, one tenant would get the other's rows.
func TestAConnectionOfAPoolThatWasSwapped(t *testing.T) {
	s, tenant := newScene(t, "sqlite", "memory"), newDatabase(t, "sqlite")
	must(t, rename(tenant.plain, 1, "tenant"))
	pool, err := tenant.plain.DB()
	must(t, err)
	swapped := s.other.db.WithContext(t.Context())
	swapped.Statement.ConnPool = pool
	warm(t, s.other.db, "users")
	must(t, swapped.Connection(func(c *gorm.DB) error {
		want := direct(t, tenant.plain, "users")
		reading(t, c, "users", want, miss)
		reading(t, c, "users", want, hit)
		return nil
	}))
}
