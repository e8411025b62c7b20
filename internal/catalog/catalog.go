package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
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
	// below are the names that a query of the key reads, if it is no plain table, and doubts what is wrong
	// with keeping its answer, in the order found.
	below  map[string][]string
	doubts map[string][]Doubt

	children  map[string][]string // partitions and heirs, by their parent
	virtual   map[string]string   // virtual tables of SQLite: the text that made each
	referrers map[string][]string // tables with a foreign key, by the one that it names
	triggers  []trigger           // of MySQL, whose functions may be hidden from the user

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
		below:   make(map[string][]string),
		doubts:  make(map[string][]Doubt),
		virtual: make(map[string]string),

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

// Names are all names of tables and views, sorted.
func (c *Catalog) Names() []string { return slices.Sorted(maps.Keys(c.kinds)) }

// Instant reports whether writes to one of these tables take effect at once, whatever becomes of their
// transaction.
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

// Emptied lists the tables that TRUNCATE … CASCADE empties with one, itself among them, sorted: its partitions and
// heirs, and all that refer to one of these by a foreign key, whatever that says of deletions. Heirs of the latter, which
// it leaves alone, are among them.
func (c *Catalog) Emptied(table string) []string {
	return c.closure([]string{table}, func(table string) []string {
		return slices.Concat(c.children[table], c.referrers[table])
	})
}

// Unsure finds a trigger, rule or function whose effect can't be told among those that a write to these tables
// sets off, and the table that it belongs to: "" if the names are those of functions. What is declared of a table
// stands for all that its own triggers and expressions do, those of its partitions included; where a cascade
// or a declaration leads from there counts.
func (c *Catalog) Unsure(tables []string, declared map[string][]string) (table, by string) {
	if len(c.unsure) == 0 {
		return "", ""
	}
	told := make(map[string]bool)
	for _, name := range c.closure(slices.Collect(maps.Keys(declared)), func(name string) []string { return c.children[name] }) {
		told[name] = true
	}
	of := make(map[string]string) // the table that led to a function
	c.closure(tables, func(name string) []string {
		next := c.reaches[name]
		switch {
		case by != "":
			return nil
		case told[name]:
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
