package writer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Explain says what a statement would change if it ran on that pool. inTx tells that it would run in a
// transaction, GORM's own included. The database is asked for its catalog at most; the store is not asked, so
// what it alone knows (columns that only other processes track) is missing.
func (inv *Invalidator) Explain(ctx context.Context, p gorm.ConnPool, sql string, args []any, inTx bool) *observe.Write {
	x := explainer{inv: inv, info: inv.Info(sql), args: args, inTx: inTx}
	x.write = &observe.Write{Tables: x.info.Writes, When: x.when(p)}
	if len(inv.touches(x.info, nil)) == 0 {
		x.write.When = ""
		return x.write
	}
	if x.s = x.snapshot(ctx, p); x.s == nil && !x.info.DDL {
		return x.coarse("the database's catalog can't be read")
	}
	x.write.Tables = x.s.written(x.info)
	e, why := x.edit()
	if e == nil {
		return x.coarse(why)
	}
	return x.narrow(e)
}

// explainer explains one write.
type explainer struct {
	inv   *Invalidator
	info  *sqltext.Info
	args  []any
	inTx  bool
	s     *snapshot
	write *observe.Write
}

func (x *explainer) when(p gorm.ConnPool) string {
	switch _, foreign := p.(gorm.TxCommitter); {
	case followed(p) == nil && foreign:
		return fmt.Sprintf("at once, and again after %s: a transaction that the plugin has not begun", x.inv.cfg.Grace)
	case x.inTx:
		return "at the COMMIT of its transaction"
	}
	return "when it has ended: it runs outside transactions"
}

// snapshot is what a write on that pool would go by.
func (x *explainer) snapshot(ctx context.Context, p gorm.ConnPool) *snapshot {
	if t := followed(p); t != nil {
		return t.schema(false)
	}
	if x.inv.StateOf(p).In {
		return x.inv.topology.within(ctx, x.inv.base(p), nil, false, x.inv.foreign(p))
	}
	return x.inv.learn(ctx, p)
}

// coarse explains a write whose rows are not known.
func (x *explainer) coarse(why string) *observe.Write {
	x.write.Tags = x.inv.resolve(x.s, x.inv.touches(x.info, nil)).tags
	x.write.Coarse = why
	if slices.Contains(x.write.Tags, x.inv.cfg.Namespace.Epoch()) {
		x.write.Coarse = x.everything()
	}
	x.also()
	return x.write
}

// everything says why all of the namespace is dropped.
func (x *explainer) everything() string {
	switch {
	case x.info.DDL:
		return "DDL drops the whole namespace"
	case x.info.Verb == sqltext.Other || len(x.info.Writes) == 0:
		return "what it writes can't be told, so the whole namespace is dropped"
	case x.s == nil:
		return "the database's catalog can't be read, so the whole namespace is dropped"
	}
	table, by := x.s.Unsure(x.info.Writes, x.inv.topology.triggers)
	if table == "" { // no declaration is about functions that the statement itself calls
		return "what a function that it calls changes can't be told, so the whole namespace is dropped"
	}
	return fmt.Sprintf("what %s changes can't be told, so the whole namespace is dropped: declare in Config.Triggers what changes with %s", by, table)
}

// also names the tables that change with those written.
func (x *explainer) also() {
	if x.s == nil {
		return
	}
	tables, _ := x.inv.topology.writes(x.s, x.write.Tables)
	called, _ := x.inv.topology.called(x.s, x.info.Calls)
	for _, t := range slices.Concat(tables, called) {
		if !slices.Contains(x.write.Tables, t) && !slices.Contains(x.write.Also, t) {
			x.write.Also = append(x.write.Also, t)
		}
	}
	slices.Sort(x.write.Also)
}

// edit is what is known of the rows, or why nothing is.
func (x *explainer) edit() (*edit, string) {
	e := x.inv.edit(x.s, x.info, x.args)
	if e == nil {
		return nil, x.unknown()
	}
	if e.insert > 0 {
		return e, ""
	}
	tracked := x.inv.tracking.columns(e.table)
	const unpinned = "its WHERE pins no rows by their primary key"
	switch {
	case e.rows == nil && (len(tracked) == 0 || !x.inTx):
		return nil, unpinned
	case len(tracked) == 0:
		return e, ""
	case !x.inTx:
		return e, ""
	}
	return x.foreseen(e, tracked, unpinned)
}

// foreseen is an edit whose rows the write reads before it changes them, because columns are tracked.
func (x *explainer) foreseen(e *edit, tracked []string, unpinned string) (*edit, string) {
	n := x.info.Narrow
	matched := x.inv.cfg.Dialect == sqltext.MySQL && x.info.Verb == sqltext.Update // counts the rows that differ
	pinned := slices.ContainsFunc(tracked, func(c string) bool { return pin(n, c) != nil })
	switch {
	case !n.Pure || e.columns(tracked) == nil:
		return nil, "the rows it will change can't be read before it runs"
	case len(e.rows) > 0:
	case matched && pinned:
		return nil, unpinned + ", and MySQL does not tell how many rows an UPDATE has matched"
	case !pinned:
		return nil, unpinned + ", nor by a tracked column"
	default:
		x.later("the rows that it finds, which it reads and locks first")
	}
	x.later("the values of " + strings.Join(tracked, ", ") + " that its rows have before and after, which it reads first")
	return e, ""
}

func (x *explainer) later(what string) { x.write.Later = append(x.write.Later, what) }

// unknown says why the text or the catalog tells nothing of the rows.
func (x *explainer) unknown() string {
	n := x.info.Narrow
	switch {
	case n == nil:
		return x.info.Wide
	case len(x.info.Writes) != 1 || x.info.Writes[0] != n.Table || x.s == nil:
		return "the table that it writes to is not told by its text"
	case x.inv.topology.triggers[n.Table] != nil:
		return "Config.Triggers declares what changes with its table"
	}
	l, why := x.s.whole(n.Table)
	switch {
	case l == nil:
		return why
	case len(l.Key) == 0:
		return unkeyed(l)
	case len(x.args) != n.Params || Shifted(x.args):
		return "its arguments are not one for each placeholder"
	case x.info.Verb == sqltext.Insert && len(n.Rows) > maxEdited:
		return fmt.Sprintf("it has more than %d rows", maxEdited)
	case x.info.Verb == sqltext.Insert:
		return "its rows' keys are not known: the database makes them, and it has no RETURNING"
	}
	return "it changes a primary key, or writes to what is no column by its own name"
}

// narrow explains a write whose rows are known, or will be.
func (x *explainer) narrow(e *edit) *observe.Write {
	tracked, ns := x.inv.tracking.columns(e.table), x.inv.cfg.Namespace
	if e.open {
		x.later("the keys of its rows, which the database makes")
		e.open = false
	}
	r := x.inv.resolve(x.s, x.inv.touches(x.info, e))
	x.write.Tags = r.tags
	x.write.Narrow = len(r.edits) > 0
	if !x.write.Narrow {
		x.write.Coarse = x.everything()
	}
	if sets, ok := e.sets(ns, tracked); ok {
		x.write.Tags = append(x.write.Tags, sets...)
	} else if x.write.Narrow && (e.insert > 0 || !x.inTx) {
		x.write.Tags = append(x.write.Tags, ns.Bulk(e.table))
		x.write.Narrow = false
		x.write.Coarse = "what its rows have, or had, in the tracked columns " + strings.Join(tracked, ", ") + " is not known"
	}
	x.also()
	return x.write
}

// Pins are the values that the query is pinned to with these arguments, in words such as "id is 5".
func (n *Narrowed) Pins(args []any) (list []string) {
	say := func(i int, v sqltext.Operand) (string, bool) {
		value, _ := operand(v, args)
		text, null, ok := n.Key.columns[i].Argument(value)
		return n.Key.columns[i].Name + " is " + text, ok && !null
	}
	if len(n.pins) > 1 {
		parts := make([]string, len(n.pins))
		for i, values := range n.pins {
			said, ok := say(i, values[0])
			if !ok {
				return nil
			}
			parts[i] = said
		}
		return []string{strings.Join(parts, " and ")}
	}
	for _, v := range n.pins[0] {
		if said, ok := say(0, v); ok && !slices.Contains(list, said) {
			list = append(list, said)
		}
	}
	return list
}
