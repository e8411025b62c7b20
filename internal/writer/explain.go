package writer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// explainer explains one write.
type explainer struct {
	w     *Writer
	info  *sqltext.Info
	args  []any
	inTx  bool
	s     *schema.Snapshot
	write *observe.Write
}

// explain says what the statement would change if it ran on that pool.
func (x *explainer) explain(ctx context.Context, p gorm.ConnPool) *observe.Write {
	x.write = &observe.Write{Tables: x.info.Writes, When: x.when(p)}
	if len(x.w.schema.Effects(x.info, nil)) == 0 {
		x.write.When = ""
		return x.write
	}
	if x.s = x.snapshot(ctx, p); x.s == nil && !x.info.DDL {
		return x.coarse("the database's catalog can't be read")
	}
	x.write.Tables = x.s.Written(x.info)
	e, why := x.edit()
	if e == nil {
		return x.coarse(why)
	}
	return x.narrow(e)
}

func (x *explainer) when(p gorm.ConnPool) string {
	switch _, foreign := p.(gorm.TxCommitter); {
	case followed(p) == nil && foreign:
		return fmt.Sprintf("at once, and again after %s: a transaction that the plugin has not begun", x.w.cfg.Grace)
	case x.inTx:
		return "at the COMMIT of its transaction"
	}
	return "when it has ended: it runs outside transactions"
}

// snapshot is what a write on that pool would go by.
func (x *explainer) snapshot(ctx context.Context, p gorm.ConnPool) *schema.Snapshot {
	if t := followed(p); t != nil {
		return t.schema(false)
	}
	if x.w.StateOf(p).In {
		return x.w.schema.Within(ctx, x.w.pools.Base(p), nil, false, x.w.inForeign(p))
	}
	return x.w.loadCatalog(ctx, p)
}

// coarse explains a write whose rows are not known.
func (x *explainer) coarse(why string) *observe.Write {
	x.write.Tags = x.w.schema.Resolve(x.s, x.w.schema.Effects(x.info, nil)).Tags
	x.write.Coarse = why
	if slices.Contains(x.write.Tags, x.w.cfg.Namespace.Epoch()) {
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
	table, by := x.w.schema.Unsure(x.s, x.info)
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
	for _, t := range x.w.schema.Reached(x.s, x.write.Tables, x.info.Calls) {
		if !slices.Contains(x.write.Tables, t) && !slices.Contains(x.write.Also, t) {
			x.write.Also = append(x.write.Also, t)
		}
	}
	slices.Sort(x.write.Also)
}

// edit is what is known of the rows, or why nothing is.
func (x *explainer) edit() (*schema.Edit, string) {
	e, why := x.w.schema.Edit(x.s, x.info, x.args, x.w.tracking.columns)
	if e == nil || e.Inserts > 0 {
		return e, why
	}
	tracked := x.w.tracking.columns(e.Table)
	switch {
	case e.Rows == nil && (len(tracked) == 0 || !x.inTx):
		return nil, unpinned
	case len(tracked) == 0 || !x.inTx:
		return e, ""
	}
	p, why := planPreimage(x.w.cfg.Dialect, e, x.info, x.args, tracked)
	if p == nil {
		return nil, why
	}
	if len(e.Rows) == 0 {
		x.later("the rows that it finds, which it reads and locks first")
	}
	x.later("the values of " + strings.Join(tracked, ", ") + " that its rows have before and after, which it reads first")
	return e, ""
}

func (x *explainer) later(what string) { x.write.Later = append(x.write.Later, what) }

// narrow explains a write whose rows are known, or will be.
func (x *explainer) narrow(e *schema.Edit) *observe.Write {
	tracked, ns := x.w.tracking.columns(e.Table), x.w.cfg.Namespace
	if e.Pending {
		x.later("the keys of its rows, which the database makes")
		e.Pending = false
	}
	r := x.w.schema.Resolve(x.s, x.w.schema.Effects(x.info, e))
	x.write.Tags = r.Tags
	x.write.Narrow = len(r.Edits) > 0
	if !x.write.Narrow {
		x.write.Coarse = x.everything()
	}
	if sets, ok := e.Sets(ns, tracked); ok {
		x.write.Tags = append(x.write.Tags, sets...)
	} else if x.write.Narrow && (e.Inserts > 0 || !x.inTx) {
		x.write.Tags = append(x.write.Tags, ns.Bulk(e.Table))
		x.write.Narrow = false
		x.write.Coarse = "what its rows have, or had, in the tracked columns " + strings.Join(tracked, ", ") + " is not known"
	}
	x.also()
	return x.write
}
