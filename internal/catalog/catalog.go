package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Querier is what Load asks: a *sql.DB, *sql.Conn or *sql.Tx, or a gorm.ConnPool.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Each runs fn for each row that the query gives, until it fails.
func Each(ctx context.Context, q Querier, query string, fn func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Kind is what a name stands for.
type Kind uint8

// The kinds.
const (
	Unknown Kind = iota // no such name, or only in a system schema
	Table               // a plain table wherever the name occurs
	View                // in at least one schema anything else: see the package comment
)

// String is the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Table:
		return "table"
	case View:
		return "view"
	}
	return "unknown"
}

// Catalog is a snapshot of a database's names. It does not change, and is safe for concurrent use.
type Catalog struct {
	kinds map[string]Kind
	// reaches lists the tables that a write to the key may change too, one step away. Functions are
	// among the keys and the tables: see node.
	reaches map[string][]string
	// unsure names the trigger, rule or function by which a write to the key, or a call of it, changes
	// no one can tell what.
	unsure map[string]string
	// queried are the functions that a query of the key calls.
	queried map[string][]string
	// views holds what the query of a view touches; nil for what is no view or has two queries.
	views map[string]*sqltext.Info

	children  map[string][]string // partitions and heirs, by their parent
	virtual   []string            // virtual tables of SQLite
	referrers map[string][]string // tables with a foreign key, by the one that it names
	guests    []guest             // calls of functions that may be hidden

	layouts  map[string]*Layout
	indirect map[string]bool    // tables whose writes may change other rows, or to other values
	unsorted map[string]bool    // tables whose rows an index may put into another order than that of the rowid
	instant  map[string]bool    // tables whose writes no rollback takes back
	shapes   map[shape]*columns // while they are read
}

// Load reads the catalog of the database, in two or three round trips. The user who asks must be
// allowed to see all of it: MySQL hides triggers from those who lack the TRIGGER privilege.
func Load(ctx context.Context, q Querier, d sqltext.Dialect) (*Catalog, error) {
	c := empty()
	var err error
	switch d {
	case sqltext.SQLite:
		err = c.loadSQLite(ctx, q)
	case sqltext.Postgres:
		err = c.loadQueries(ctx, q, d, postgresQuery, postgresColumns)
	case sqltext.MySQL:
		err = c.loadQueries(ctx, q, d, mysqlQuery, mysqlColumns)
	default:
		err = fmt.Errorf("dialect %v has no catalog that is known", d)
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	c.finish()
	return c, nil
}

func empty() *Catalog {
	return &Catalog{
		kinds:   make(map[string]Kind),
		reaches: make(map[string][]string),
		unsure:  make(map[string]string),
		queried: make(map[string][]string),
		views:   make(map[string]*sqltext.Info),

		children:  make(map[string][]string),
		referrers: make(map[string][]string),
		indirect:  make(map[string]bool),
		unsorted:  make(map[string]bool),
		instant:   make(map[string]bool),
		shapes:    make(map[shape]*columns),
	}
}

// Kind says what a name, in canonical form (store.TableName), stands for.
func (c *Catalog) Kind(table string) Kind { return c.kinds[table] }

// Instant says whether writes to one of these tables take effect at once, whatever becomes of their
// transaction.
func (c *Catalog) Instant(tables []string) bool {
	return slices.ContainsFunc(tables, func(table string) bool { return c.instant[table] })
}

// Affected lists what a write to these tables may change, sorted, each once: the tables themselves,
// and those that foreign keys, triggers, partitions, inheritance, updatable views and the functions that
// these and the tables' own expressions call reach from them. If unknown is not empty, it names what has
// an effect that can't be told, such as a trigger of dynamic SQL: then everything may have changed.
func (c *Catalog) Affected(tables []string) (all []string, unknown string) {
	return c.AffectedBy(tables, nil)
}

// AffectedBy is Affected where the user has declared what the triggers of some tables change. Of these tables, also
// where a cascade leads to them, what triggers and their functions do is not unknown.
func (c *Catalog) AffectedBy(tables []string, triggers map[string][]string) (all []string, unknown string) {
	all = c.closure(tables, func(table string) []string {
		return append(slices.Clip(c.reaches[table]), triggers[table]...)
	})
	if len(c.unsure) > 0 {
		c.closure(tables, func(table string) []string {
			if declared, ok := triggers[table]; ok {
				return append(slices.DeleteFunc(slices.Clone(c.reaches[table]), isNode), declared...)
			}
			if unknown == "" {
				unknown = c.unsure[table]
			}
			return c.reaches[table]
		})
	}
	return slices.DeleteFunc(all, isNode), unknown
}

// Tables lists the plain tables that a view reads, through other views too, sorted. ok is false if
// they can't be told, or if the result depends on more than them: functions that are not known to be
// pure, the time, a materialised view's last refresh, a foreign server. Of a plain table it is the
// table itself.
func (c *Catalog) Tables(view string) (tables []string, ok bool) {
	ok = true
	all := c.closure([]string{view}, func(name string) []string {
		if c.kinds[name] == Table {
			return nil
		}
		v := c.views[name]
		if v == nil || v.Opaque != "" || v.Volatile != "" || v.Locking || v.Write {
			ok = false
			return nil
		}
		return v.Reads
	})
	if !ok {
		return nil, false
	}
	return slices.DeleteFunc(all, func(name string) bool { return c.kinds[name] != Table }), true
}

// closure lists all names that next reaches from these, themselves included, sorted.
func (c *Catalog) closure(names []string, next func(string) []string) []string {
	seen := make(map[string]bool, len(names))
	var all []string
	for queue := slices.Clone(names); len(queue) > 0; {
		name := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		all = append(all, name)
		queue = append(queue, next(name)...)
	}
	slices.Sort(all)
	return all
}
