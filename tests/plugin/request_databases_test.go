package plugin_test

import (
	"context"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// In each database, however a request writes and whatever ends its transaction, it reads what it has written.
//
// Falls if: a write of some kind, or what commits unseen, does not empty the tier.
func TestARequestSeesItsOwnWritesInEachDatabase(t *testing.T) {
	const set = "UPDATE users SET name = 'mine' WHERE id = 1"
	for _, kind := range servers.Kinds {
		for name, write := range map[string]func(q *requests, ctx context.Context){
			"Update": func(q *requests, ctx context.Context) { must(q, rename(q.db.WithContext(ctx), 1, "mine")) },
			"Exec":   func(q *requests, ctx context.Context) { must(q, q.db.WithContext(ctx).Exec(set).Error) },
			"Row of a write": func(q *requests, ctx context.Context) {
				if kind == "mariadb" { // its UPDATE returns no rows
					must(q, q.db.WithContext(ctx).Exec(set).Error)
					return
				}
				var got string
				must(q, q.db.WithContext(ctx).Raw(set+" RETURNING name").Row().Scan(&got))
			},
			"transaction": func(q *requests, ctx context.Context) {
				must(q, q.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
					q.want("before", q.on(tx), "ann")
					must(q, rename(tx, 1, "mine"))
					q.want("in the transaction", q.on(tx), "mine")
					return nil
				}))
			},
			"savepoint": func(q *requests, ctx context.Context) {
				must(q, q.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
					return tx.Transaction(func(tx *gorm.DB) error { return rename(tx, 1, "mine") })
				}))
			},
			"BEGIN by text": func(q *requests, ctx context.Context) {
				must(q, q.db.WithContext(ctx).Connection(func(tx *gorm.DB) error {
					must(q, tx.Exec("BEGIN").Error)
					must(q, tx.Exec(set).Error)
					q.want("in the transaction", q.on(tx), "mine")
					return tx.Exec("COMMIT").Error
				}))
			},
			"BEGIN by text, the rest without the request": func(q *requests, ctx context.Context) {
				must(q, q.db.WithContext(ctx).Connection(func(tx *gorm.DB) error {
					must(q, tx.Exec("BEGIN").Error)
					tx = tx.WithContext(context.Background())
					must(q, tx.Exec(set).Error)
					return tx.Exec("COMMIT").Error
				}))
			},
			"DDL in a transaction": func(q *requests, ctx context.Context) {
				must(q, q.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
					must(q, rename(tx, 1, "mine"))
					must(q, tx.Exec("CREATE TABLE extra (id int)").Error) // which commits in MariaDB
					q.want("in the transaction", q.on(tx), "mine")
					return nil
				}))
			},
			"a *sql.Tx of its own": func(q *requests, ctx context.Context) {
				must(q, q.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
					own, ok := invalidate.SQLTx(tx)
					if !ok {
						return fmt.Errorf("no *sql.Tx")
					}
					if _, err := own.ExecContext(ctx, set); err != nil {
						return err
					}
					return invalidate.Tables(ctx, tx, "users")
				}))
			},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				q := newRequestsOn(t, kind)
				ctx := q.request()
				q.want("at first", q.name(ctx), "ann")
				write(q, ctx)
				q.want("after the own write", q.name(ctx), "mine")
				q.want("in the next request", q.name(q.request()), "mine")
			})
		}
	}
}

// What a request reads in a transaction that is rolled back by text is not what it reads afterwards.
func TestARequestForgetsWhatIsRolledBackByText(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			q := newRequestsOn(t, kind)
			ctx := q.request()
			q.want("at first", q.name(ctx), "ann")
			must(t, q.db.WithContext(ctx).Connection(func(tx *gorm.DB) error {
				must(t, tx.Exec("BEGIN").Error)
				must(t, tx.Exec("UPDATE users SET name = 'never' WHERE id = 1").Error)
				q.want("in the transaction", q.on(tx), "never")
				q.want("again", q.on(tx), "never")
				return tx.Exec("ROLLBACK").Error
			}))
			q.want("afterwards", q.name(ctx), "ann")
			must(t, rename(q.other, 1, "theirs"))
			q.want("in the next request", q.name(q.request()), "theirs")
		})
	}
}
