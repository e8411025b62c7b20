package catalog

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Every row of a catalog query says one thing:
//
//	kind     name    other    text
//	table    table
//	view     view             its query, "" if it has none, "hidden" if it may not be seen
//	virtual  table
//	cascade  parent  child
//	child    parent  child
//	trigger  table   trigger  its body, or "" if it can't be read
//	refers   parent  child    by any foreign key
//	rule     table   rule
//	indirect table   why a write may change other rows than it names, or to other values
//	unsorted table   an index by which rows that are asked for by their rowid may come in another order
//	instant  table   why a write takes effect at once, and is not rolled back
//	calls    table   function, by a default, CHECK, index or the like: a write to the table calls it
//	query    table   function, by a view or a policy: so does a query of it
//	routine  function         its body, or "" if it can't be read; other: "stable" if declared not to write
//	atomic   function         the whole CREATE FUNCTION that holds the body
//	uses     function function, by the default of an argument or the like
//	package  package          its functions
const (
	rowTable    = "table"
	rowView     = "view"
	rowVirtual  = "virtual"
	rowCascade  = "cascade"
	rowChild    = "child"
	rowTrigger  = "trigger"
	rowRefers   = "refers"
	rowRule     = "rule"
	rowIndirect = "indirect"
	rowUnsorted = "unsorted"
	rowInstant  = "instant"
	rowCalls    = "calls"
	rowQuery    = "query"
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

// loadRows runs a query that yields such rows.
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

// add takes one row.
func (c *Catalog) add(d sqltext.Dialect, kind, name, other, text string) {
	table := canonical(name)
	switch kind {
	case rowTable:
		c.addKind(table, Table)
	case rowView:
		c.addView(d, table, text)
	case rowVirtual:
		c.addKind(table, View)
		c.virtual = append(c.virtual, table)
	case rowCascade:
		c.reach(table, canonical(other))
	case rowChild:
		c.reach(table, canonical(other))
		c.reach(canonical(other), table)
		c.children[table] = append(c.children[table], canonical(other))
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
	case rowQuery:
		c.reach(table, node(other))
		c.queried[table] = append(c.queried[table], node(other))
	default:
		c.addCallable(d, kind, name, other, text)
	}
}

// addKind notes what a name is; a View stays one, but what it reads can't be told if it is a Table too.
func (c *Catalog) addKind(name string, k Kind) {
	if k != c.kinds[name] {
		delete(c.views, name)
	}
	c.kinds[name] = max(c.kinds[name], k)
}

// addView notes a view and what it reads. If two schemas have views of one name, what they read is
// joined for writes, and for reads the name can't be told.
func (c *Catalog) addView(d sqltext.Dialect, name, query string) {
	again := c.kinds[name] != Unknown
	c.addKind(name, View)
	var info *sqltext.Info
	if query != "" {
		info = sqltext.View(d, query)
		c.queried[name] = append(c.queried[name], nodes(info.Calls)...)
		if d != sqltext.SQLite { // there only a trigger makes a view writable
			c.reach(name, info.Reads...)
			c.reach(name, nodes(info.Calls)...)
			if info.Verb == sqltext.Other {
				c.unsure[name] = name
			}
		}
	}
	if again {
		info = nil
	}
	c.views[name] = info
}

func (c *Catalog) addTrigger(d sqltext.Dialect, table, trigger, body string) {
	if body == "" {
		c.unsure[table] = trigger
		return
	}
	writes, calls, unknown := sqltext.Routine(d, body)
	if unknown != "" {
		c.unsure[table] = trigger
	}
	c.reach(table, writes...)
	c.reach(table, nodes(calls)...)
	if d == sqltext.SQLite && !after(body) {
		c.indirect[table] = true
	}
	if d == sqltext.MySQL {
		c.guests = append(c.guests, guest{table, trigger, nodes(calls)})
	}
}

func (c *Catalog) reach(from string, to ...string) {
	c.reaches[from] = append(c.reaches[from], to...)
}

// finish draws the conclusions that need all rows.
func (c *Catalog) finish() {
	// The shadow tables of a virtual one are called after it and change with it.
	for _, virtual := range c.virtual {
		for name := range c.kinds {
			if strings.HasPrefix(name, virtual+"_") {
				c.addKind(name, View)
				c.reach(virtual, name)
			}
		}
	}
	// A table with a foreign or temporary partition is no plain one.
	parents := make(map[string][]string)
	var views []string
	for parent, children := range c.children {
		for _, child := range children {
			parents[child] = append(parents[child], parent)
			if c.kinds[child] == View {
				views = append(views, child)
			}
		}
	}
	for _, name := range c.closure(views, func(name string) []string { return parents[name] }) {
		c.addKind(name, View)
	}
	c.unhide()
	for table, list := range c.reaches {
		slices.Sort(list)
		c.reaches[table] = slices.Compact(list)
	}
	c.layOut()
}

// canonical is store.TableName for a name that stands alone: a dot in it is part of it there too.
func canonical(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToLower(name)
}
