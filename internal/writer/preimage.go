package writer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// preimage is what an UPDATE or DELETE will find: the rows that it matches, and their values of tracked
// columns, read before it runs, in its transaction, with a lock.
//
// The lock is what makes it true. Without it: this transaction reads that row 7 has parent 1; another moves it
// to parent 2 and commits; a reader stores the children of 2; this one changes row 7, commits, and changes
// the tag of parent 1. The children of 2 stay as they were before.
type preimage struct {
	tx      *tx
	edit    *schema.Edit
	narrow  *sqltext.Narrow
	query   string           // the narrow's Select
	args    []any            // its arguments
	columns []catalog.Column // the tracked columns, which it reads with the key
	listed  int              // rows that the statement is pinned to by key, 0 if it is not
	exact   bool             // there can be no more of those in the table
	found   int
	counts  bool // as many rows are affected as are matched
	// again: where they are not, asking once more shows whether there were others.
	again   bool
	keys    map[string]bool // of the rows found, as they are
	session string          // the session's isolation level, if there may be need to ask again
}

const unpinned = "its WHERE pins no rows by their primary key"

// planPreimage returns how the pre-image of a statement whose table has tracked columns is to be read, or why the
// statement's rows or values can't be told so.
func planPreimage(d sqltext.Dialect, e *schema.Edit, info *sqltext.Info, args []any, tracked []string) (_ *preimage, why string) {
	n := info.Narrow
	p := &preimage{edit: e, narrow: n, listed: len(e.Rows), counts: d != sqltext.MySQL || info.Verb != sqltext.Update}
	if !p.counts {
		p.recount(args)
	}
	// 'a' and 'A' have one text, and may be two rows.
	p.exact = len(e.Layout.Key) > 1 || e.Layout.Key[0].Kind != catalog.Text || len(schema.Pin(n, e.Layout.Key[0].Name)) == 1
	p.columns = trackedColumns(e, tracked)
	pinned := slices.ContainsFunc(tracked, func(c string) bool { return schema.Pin(n, c) != nil })
	switch {
	case !n.Pure || p.columns == nil:
		return nil, "the rows it will change can't be read before it runs"
	case p.listed > 0:
	case !pinned:
		return nil, unpinned + ", nor by a tracked column"
	case !p.counts && !p.again:
		return nil, unpinned + ", and MySQL does not tell how many rows an UPDATE has matched"
	}
	names := quotedNames(e.Layout.Key, p.columns)
	if p.again {
		names += isolationColumn
	}
	query, params := n.Select(d, names)
	p.args = make([]any, len(params))
	for i, at := range params {
		if at >= len(args) {
			return nil, "the rows it will change can't be read before it runs"
		}
		p.args[i] = args[at]
	}
	p.query = query + fmt.Sprintf(" LIMIT %d", schema.MaxRows+1)
	return p, ""
}

// readPreimage reads the pre-image of a statement, and completes the edit by it. nil without an error: the statement's
// rows or values can't be told. The error is for the caller: after it the transaction is not what it was.
func (t *tx) readPreimage(ctx context.Context, e *schema.Edit, info *sqltext.Info, args []any, tracked []string) (*preimage, error) {
	p, _ := planPreimage(t.w.cfg.Dialect, e, info, args, tracked)
	if p == nil {
		return nil, nil
	}
	p.tx = t
	err := t.locked(ctx, info, p.query, p.args, p.read)
	if rolledBack(t.w.cfg.Dialect, err) {
		return nil, err
	}
	if err != nil || e.Incomplete {
		return nil, nil //nolint:nilerr // the statement runs all the same, and counts as one to the whole table
	}
	p.sets(args)
	e.Pending = true // until it is told how the statement has ended, which it is not if the driver panics
	return p, nil
}

// trackedColumns are the tracked columns as the layout has them, nil if it has none of that name.
func trackedColumns(e *schema.Edit, tracked []string) []catalog.Column {
	columns := make([]catalog.Column, 0, len(tracked))
	for _, name := range tracked {
		c, ok := e.Layout.Column(name)
		if !ok {
			return nil
		}
		columns = append(columns, *c)
	}
	return columns
}

func quotedNames(lists ...[]catalog.Column) string {
	var names []string
	for _, list := range lists {
		for i := range list {
			names = append(names, list[i].Quoted)
		}
	}
	return strings.Join(names, ", ")
}

// locked runs the query so that the rows it finds are locked until the transaction ends, and a failure does
// not harm the transaction.
func (t *tx) locked(ctx context.Context, info *sqltext.Info, query string, args []any, read func(*sql.Rows) error) (err error) {
	switch t.w.cfg.Dialect {
	case sqltext.SQLite:
		// A transaction that reads before it writes fails where another has written in between, and does
		// not wait for it. This writes nothing, and takes the lock that the statement itself would take.
		if _, err := t.below.ExecContext(ctx, "DELETE FROM "+info.Narrow.From+" WHERE 0"); err != nil {
			return err
		}
	case sqltext.Postgres:
		// What the statement itself will take: a weaker lock that is raised later is a deadlock with who holds
		// the row FOR KEY SHARE, as its new child does, and goes on to update it.
		lock := " FOR NO KEY UPDATE"
		if info.Verb == sqltext.Delete {
			lock = " FOR UPDATE"
		}
		query += lock
		if _, err := t.below.ExecContext(ctx, "SAVEPOINT gormcache_preimage"); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				_, undo := t.below.ExecContext(ctx, "ROLLBACK TO SAVEPOINT gormcache_preimage")
				err = errors.Join(err, undo)
			}
			_, release := t.below.ExecContext(ctx, "RELEASE SAVEPOINT gormcache_preimage")
			err = errors.Join(err, release)
		}()
	default:
		query += " FOR UPDATE"
	}
	rows, err := t.below.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return read(rows)
}

// rolledBack reports whether an error has ended the transaction on the server, so that what follows would be
// committed without what came before.
func rolledBack(d sqltext.Dialect, err error) bool {
	if d != sqltext.MySQL || err == nil {
		return false
	}
	// MariaDB's "record has changed", and lock wait, lock table, deadlock.
	for _, code := range []string{"Error 1020", "Error 1205", "Error 1206", "Error 1213"} {
		if strings.Contains(err.Error(), code) { // GORM puts an earlier error before it
			return true
		}
	}
	return false
}

// read takes in the rows found. What can't be told of them is noted in the edit.
func (p *preimage) read(rows *sql.Rows) error {
	e, columns := p.edit, p.columns
	values := make([]any, len(e.Layout.Key)+len(columns))
	into := pointers(values)
	if p.again {
		into = append(into, &p.session)
		p.keys = map[string]bool{}
	}
	old := make([][]string, len(columns))
	var found []string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		key, ok := storedKey(e, values)
		if p.found++; !ok || p.found > schema.MaxRows {
			e.Incomplete = true
			continue
		}
		found = append(found, key)
		if p.again {
			p.keys[asIs(values[:len(e.Layout.Key)])] = true
		}
		for i := range columns {
			text, null, ok := columns[i].Stored(values[len(e.Layout.Key)+i])
			if !ok {
				e.Incomplete = true
			}
			if !null && !slices.Contains(old[i], text) {
				old[i] = append(old[i], text)
			}
		}
	}
	if p.listed == 0 {
		e.Rows = found
	}
	for i := range columns {
		e.Values[columns[i].Name] = old[i]
	}
	return rows.Err()
}

// storedKey is the text of the primary key of a row that was read.
func storedKey(e *schema.Edit, values []any) (string, bool) {
	parts := make([]string, len(e.Layout.Key))
	for i := range e.Layout.Key {
		text, null, ok := e.Layout.Key[i].Stored(values[i])
		if null || !ok {
			return "", false
		}
		parts[i] = text
	}
	return schema.JoinKey(parts), true
}

// sets adds the values that an UPDATE gives tracked columns.
func (p *preimage) sets(args []any) {
	columns := p.columns
	for i := range columns {
		name := columns[i].Name
		for _, set := range p.narrow.Sets {
			if set.Column != name {
				continue
			}
			text, null, ok := schema.Argument(&columns[i], set.Value, args)
			if !ok {
				p.edit.Incomplete = true
			}
			if !null {
				p.edit.Values[name] = append(p.edit.Values[name], text)
			}
		}
	}
}

// affected is told how many rows the statement has affected; negative: not known. Rows found before are
// locked, so they are among them. If there are more, others have come in between. The error is for the caller:
// after it the transaction is not what it was.
func (p *preimage) affected(ctx context.Context, affected int64) error {
	p.edit.Pending = false
	switch {
	case p.exact && p.listed > 0 && p.found == p.listed: // there can be no others
	case affected == 0:
	case p.counts && affected == int64(p.found):
	case p.again && 0 < affected && affected <= int64(p.found):
		return p.phantoms(ctx)
	default:
		p.edit.Incomplete = true
	}
	return nil
}
