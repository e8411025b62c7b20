package catalog

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Every row of a catalog query states one fact:
//
//	kind     name    other    text
//	table    table
//	view     view    nature   its query, "" if it has none, "hidden" if the user may not see it
//	virtual  table            its CREATE text
//	cascade  parent  child
//	child    parent  child
//	policy   table   policy   the expression by which rows are shown
//	trigger  table   trigger  its body, or "" if it cannot be read
//	refers   parent  child    by any foreign key
//	rule     table   rule
//	indirect table   why a write may change other rows than it names, or to other values
//	unsorted table   an index by which rows selected by their rowid may come in another order
//	instant  table   why a write takes effect at once, and is not rolled back
//	calls    table   function, by a default, CHECK, index, policy or the like: a write to the table calls it
//	routine  function         its body, or "" if it cannot be read; other: "stable" if declared not to write
//	atomic   function         the whole CREATE FUNCTION that holds the body
//	uses     function function, by the default of an argument or the like
//	package  package          its functions
const (
	rowTable    = "table"
	rowView     = "view"
	rowVirtual  = "virtual"
	rowCascade  = "cascade"
	rowChild    = "child"
	rowPolicy   = "policy"
	rowTrigger  = "trigger"
	rowRefers   = "refers"
	rowRule     = "rule"
	rowIndirect = "indirect"
	rowUnsorted = "unsorted"
	rowInstant  = "instant"
	rowCalls    = "calls"
	rowRoutine  = "routine"
	rowAtomic   = "atomic"
	rowUses     = "uses"
	rowPackage  = "package"

	wordStable = "stable"
)

// loadQueries runs the query of rows and the query of columns.
func (c *Catalog) loadQueries(ctx context.Context, q Querier, d sqltext.Dialect, rows, columns string) error {
	if err := c.loadRows(ctx, q, d, rows); err != nil {
		return err
	}
	return c.loadColumns(ctx, q, d, columns)
}

// loadRows runs a query whose rows are such facts.
func (c *Catalog) loadRows(ctx context.Context, q Querier, d sqltext.Dialect, query string) error {
	return Each(ctx, q, query, func(rows *sql.Rows) error {
		var kind, name, other, text string
		if err := rows.Scan(&kind, &name, &other, &text); err != nil {
			return err
		}
		c.add(d, kind, name, other, text)
		return nil
	})
}

// add records the fact of one row.
func (c *Catalog) add(d sqltext.Dialect, kind, name, other, text string) {
	table := canonical(name)
	switch kind {
	case rowTable:
		if c.kinds[table] == View {
			c.doubt(table, severalThings)
		}
		c.addKind(table, Table)
	case rowView:
		c.addView(d, table, other, text)
	case rowVirtual:
		c.addView(d, table, natureVirtual, "")
		c.virtual[table] = text
	case rowCascade:
		c.reach(table, canonical(other))
	case rowChild:
		c.reach(table, canonical(other))
		c.reach(canonical(other), table)
		c.children[table] = append(c.children[table], canonical(other))
	case rowPolicy:
		if word := sqltext.Clock(d, text); word != "" {
			c.addKind(table, View)
			c.doubt(table, Doubt{Volatile: word})
		}
	case rowTrigger:
		c.addTrigger(d, table, other, text)
	case rowRule:
		c.unsure[table] = other
	case rowRefers:
		c.referrers[table] = append(c.referrers[table], canonical(other))
	case rowIndirect:
		c.indirect[table] = true
	case rowUnsorted:
		c.unsorted[table] = true
	case rowInstant:
		c.instant[table] = true
	case rowCalls:
		c.reach(table, node(other))
	default:
		c.addCallable(d, kind, name, other, text)
	}
}

func (c *Catalog) addKind(name string, k Kind) { c.kinds[name] = max(c.kinds[name], k) }

func (c *Catalog) addTrigger(d sqltext.Dialect, table, name, body string) {
	if body == "" {
		c.unsure[table] = name
		return
	}
	writes, calls, unknown := sqltext.Routine(d, body)
	if unknown != "" {
		c.unsure[table] = name
	}
	c.reach(table, writes...)
	c.reach(table, nodes(calls)...)
	if d == sqltext.SQLite && !after(body) {
		c.indirect[table] = true
	}
	if d == sqltext.MySQL {
		c.triggers = append(c.triggers, trigger{table, name, nodes(calls)})
	}
}

func (c *Catalog) reach(from string, to ...string) {
	c.reaches[from] = append(c.reaches[from], to...)
}

// finish draws the conclusions that need all facts.
func (c *Catalog) finish() {
	c.finishVirtual()
	// A table with a foreign or temporary partition is not plain.
	parents := make(map[string][]string)
	var views []string
	for parent, children := range c.children {
		for _, child := range children {
			parents[child] = append(parents[child], parent)
			if c.kinds[child] == View {
				views = append(views, child)
				c.doubts[parent] = append(c.doubts[parent], c.doubts[child]...)
			}
		}
	}
	for _, name := range c.closure(views, func(name string) []string { return parents[name] }) {
		c.addKind(name, View)
	}
	c.distrustTriggers()
	for table, list := range c.reaches {
		slices.Sort(list)
		c.reaches[table] = slices.Compact(list)
	}
	c.layOut()
}

// canonical is store.TableName for a name without its schema. A dot in the name is treated as store.TableName does.
func canonical(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToLower(name)
}
