package schema

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// ErrSession is wrapped by the error with which the cache stays off (reads are bypassed, with reason
// observe.Catalog) on connections whose answers can't be taken for what is committed.
var ErrSession = errors.New("gormcache: the connection's settings rule out a cache")

// trustworthy returns an error unless what a connection answers is what is committed now. At READ UNCOMMITTED it
// may be rows that are rolled back later; without autocommit it may be an old snapshot, and no COMMIT
// of a write is seen. The settings of one connection stand for those of its pool.
func trustworthy(ctx context.Context, q catalog.Querier, d sqltext.Dialect) error {
	switch d {
	case sqltext.MySQL:
		return each(ctx, q, "SHOW SESSION VARIABLES WHERE Variable_name IN ('autocommit', 'tx_isolation', 'transaction_isolation')", func(name, value string) error {
			switch {
			case name == "autocommit" && !strings.EqualFold(value, "ON"):
				return fault.Errorf("%w: autocommit is off: switch it on in the DSN", ErrSession)
			case name != "autocommit" && strings.EqualFold(value, "READ-UNCOMMITTED"):
				return fault.Errorf("%w: the isolation is READ UNCOMMITTED: use READ COMMITTED or higher", ErrSession)
			}
			return nil
		})
	case sqltext.SQLite:
		return each(ctx, q, "SELECT 'read_uncommitted', read_uncommitted FROM pragma_read_uncommitted", func(_, value string) error {
			if value != "0" {
				return fault.Errorf("%w: PRAGMA read_uncommitted is on: switch it off", ErrSession)
			}
			return nil
		})
	}
	return nil // PostgreSQL has neither
}

// each runs fn for each row of two texts.
func each(ctx context.Context, q catalog.Querier, query string, fn func(name, value string) error) error {
	return catalog.Each(ctx, q, query, func(rows *sql.Rows) error {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		return fn(name, value)
	})
}
