package plugin_test

import (
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Many goroutines create, update and find at once, with prepared statements and few connections, of which GORM's
// statements need two for a moment. It must end, and with the plugin ask the catalog no oftener than if they came one
// after another.
//
// Falls if: each of them looks at the catalog, or who looks waits for a connection that another holds.
func TestPreparedStatementsOnFewConnections(t *testing.T) {
	rdb := servers.Redis(t)
	for _, kind := range servers.Kinds {
		for _, conns := range []int{1, 2, 10} {
			t.Run(fmt.Sprintf("%s, %d connections", kind, conns), func(t *testing.T) {
				c := newCrowd(t, kind, rdb, conns, gorm.Config{PrepareStmt: true})
				n := c.all(t, 100, func() error {
					user := c.user()
					if err := c.db.Create(user).Error; err != nil {
						return err
					}
					if err := c.db.Model(user).Update("age", 7).Error; err != nil {
						return err
					}
					var found User
					if err := c.db.First(&found, user.ID).Error; err != nil || found.Age != 7 {
						return fmt.Errorf("found %v: %w", found, err)
					}
					return c.db.Transaction(func(tx *gorm.DB) error { return tx.Delete(user).Error })
				})
				if n == 0 || n > few {
					t.Errorf("%d looks at the catalog", n)
				}
			})
		}
	}
}
