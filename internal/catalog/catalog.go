package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Querier runs the queries of Load: a *sql.DB, *sql.Conn or *sql.Tx, or a gorm.ConnPool.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Each calls fn for each row of the query's result, until fn returns an error.
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
	View                // in at least one schema something else: see the package comment
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

// Catalog is a snapshot of a database's names. It is immutable, and safe for concurrent use.
type Catalog struct {
	kinds map[string]Kind
	// reaches lists the tables that a write to the key may change too, one step away. Functions are
	// among the keys and the tables: see node.
	reaches map[string][]string
	// unsure names the trigger, rule or function because of which the effect of a write to the key, or of a call of it,
	// is unknown.
	unsure map[string]string
	// below lists the names that a query of the key reads, if the key is no plain table. doubts lists the reasons, in the
	// order found, why the answer to such a query may not be cached.
	below  map[string][]string
	doubts map[string][]Doubt

	children  map[string][]string // partitions and inheriting tables, by their parent
	referrers map[string][]string // tables with a foreign key, by the referenced table
	instant   map[string]bool     // tables whose writes a rollback does not undo
	layouts   map[string]*Layout
}

// Load reads the catalog of the database, in two or three round trips. The connection's user must be
// allowed to see all of it: MySQL hides triggers from users without the TRIGGER privilege.
func Load(ctx context.Context, q Querier, d sqltext.Dialect) (*Catalog, error) {
	l := newLoader(d)
	if err := l.load(ctx, q); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return l.finish(), nil
}

// Kind returns what a name, in canonical form (store.TableName), stands for.
func (c *Catalog) Kind(table string) Kind { return c.kinds[table] }

// Names returns the names of all tables and views, sorted.
func (c *Catalog) Names() []string { return slices.Sorted(maps.Keys(c.kinds)) }

// Layout returns the layout of a table, named in canonical form (store.TableName). It is nil if the name is not a plain
// table, and if the layout is unknown: the connection's user may not see the columns, or the name stands for several
// tables that differ.
func (c *Catalog) Layout(table string) *Layout { return c.layouts[table] }

// Instant reports whether writes to one of these tables take effect at once, even if their transaction
// is rolled back.
func (c *Catalog) Instant(tables []string) bool {
	return slices.ContainsFunc(tables, func(table string) bool { return c.instant[table] })
}

// Affected lists the tables that a write to these tables may change, sorted, each once: the tables themselves, and the
// tables reached from them by foreign keys, triggers, partitions, inheritance, updatable views, and functions called by
// any of these or by the tables' own expressions. If unknown is not empty, it names something whose effect cannot be
// read, such as a trigger with dynamic SQL: then every table may have changed.
//
// declared names the tables that the user has declared to change with a table. They come on top of what the catalog
// knows, also for tables that a write only leads to, and settle what the catalog cannot find out about them.
func (c *Catalog) Affected(tables []string, declared map[string][]string) (all []string, unknown string) {
	all = c.closure(tables, func(table string) []string { return slices.Concat(declared[table], c.reaches[table]) })
	_, unknown = c.Unsure(tables, declared)
	return slices.DeleteFunc(all, isNode), unknown
}

// Emptied lists the tables that TRUNCATE … CASCADE of a table empties, sorted, the table itself included: its partitions
// and inheriting tables, and all tables that refer to one of these by a foreign key, whatever its delete rule. The list
// includes tables that inherit from the latter, although the database leaves them alone.
func (c *Catalog) Emptied(table string) []string {
	return c.closure([]string{table}, func(table string) []string {
		return slices.Concat(c.children[table], c.referrers[table])
	})
}

// Unsure finds, among the triggers, rules and functions that a write to these tables runs, one whose effect is unknown,
// and the table that it belongs to: "" if the names are those of functions. A declaration for a table covers all that the
// table's own triggers and expressions do, and those of its partitions. Tables that a cascade or a declaration leads to
// are examined as well.
func (c *Catalog) Unsure(tables []string, declared map[string][]string) (table, by string) {
	if len(c.unsure) == 0 {
		return "", ""
	}
	settled := make(map[string]bool)
	for _, name := range c.closure(slices.Collect(maps.Keys(declared)), func(name string) []string { return c.children[name] }) {
		settled[name] = true
	}
	of := make(map[string]string) // the table that led to a function
	c.closure(tables, func(name string) []string {
		next := c.reaches[name]
		switch {
		case by != "":
			return nil
		case settled[name]:
			next = slices.Concat(declared[name], slices.DeleteFunc(slices.Clone(next), isNode))
		case c.unsure[name] != "":
			by, table = c.unsure[name], of[name]
			if !isNode(name) {
				table = name
			}
			return nil
		}
		for _, n := range next {
			if isNode(n) && of[n] == "" {
				of[n] = name
				if isNode(name) {
					of[n] = of[name]
				}
			}
		}
		return next
	})
	return table, by
}

// closure returns all names that next reaches from these names, sorted, these names included.
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

// canonical is store.TableName for a name without its schema. A dot in the name is treated as store.TableName does.
func canonical(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToLower(name)
}
