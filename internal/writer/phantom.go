package writer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// A phantom is a row that the statement has changed, and that its pre-image does not have: it was committed in
// between, where the database locks rows and not the gaps between them. How many rows the statement has affected
// shows phantoms, but for an UPDATE in MySQL, which counts only rows that have become different:
//
//	A: reads what it is about to change of shop 1: item 1, of which it will change nothing; stops.
//	B: inserts item 9 into shop 1, commits.
//	C: stores item 9.
//	A: changes items 1 and 9. Affected: 1, as many as were found.
//
// With clientFoundRows=true in its DSN a connection counts all, which it does not tell. So a MySQL UPDATE is
// believed in two cases, by what holds either way:
//
//   - Its text shows that each row that it matches becomes different: see differs. Both counts are the same then.
//   - It sets nothing that its condition asks for. What it has changed meets the condition still, so the condition
//     is asked for once more, and finds no row that the pre-image does not have: see phantoms.

// isolationColumn gives the session's isolation level, "" on a server older than MySQL 5.7.20. MariaDB does not
// read what is for MySQL 5.7 to 9, nor MySQL what is for MariaDB.
const isolationColumn = ", concat('' /*!50720 , @@transaction_isolation */ /*M!50500 , @@tx_isolation */)"

// recount prepares an UPDATE of MySQL whose rows affected don't show phantoms.
func (p *preimage) recount(args []any) {
	if p.differs(args) {
		p.counts = true
		return
	}
	names, ok := p.narrow.Names(sqltext.MySQL)
	p.again = ok && !slices.ContainsFunc(names, func(name string) bool {
		return p.edit.Layout.Moves(name) ||
			slices.ContainsFunc(p.narrow.Sets, func(set sqltext.Set) bool { return set.Column == name && !p.keeps(set, args) })
	})
}

// keeps reports whether an assignment leaves its column as it is: a number, to which the condition pins it already.
func (p *preimage) keeps(set sqltext.Set, args []any) bool {
	c, ok := p.edit.Layout.Column(set.Column)
	if !ok || c.Kind != catalog.Integer {
		return false
	}
	values := schema.Pin(p.narrow, set.Column)
	if len(values) != 1 {
		return false
	}
	before, _, ok := schema.Argument(c, values[0], args)
	after, _, known := schema.Argument(c, set.Value, args)
	return ok && known && before == after // of NULL the condition finds nothing
}

// differs reports whether each row that the statement matches becomes different: its condition fixes a column to
// values, or to NULL, and the statement sets that column to another.
func (p *preimage) differs(args []any) bool {
	return slices.ContainsFunc(p.narrow.Sets, func(set sqltext.Set) bool {
		c, compares := p.edit.Layout.Column(set.Column)
		if slices.Contains(p.narrow.Nulls, set.Column) && !compares {
			// Of a column that is NOT NULL, MySQL takes the date 0000-00-00 for NULL, but makes it of no time such as these.
			v, known := schema.Operand(set.Value, args)
			t, ok := v.(time.Time)
			return known && ok && t.Year() > 1970 && t.Year() < 2038
		}
		if !compares {
			return false
		}
		after, null, ok := schema.Argument(c, set.Value, args)
		if !ok {
			return false
		}
		if slices.Contains(p.narrow.Nulls, set.Column) && !null {
			_, _, nullable := c.Argument(nil)
			return nullable
		}
		return slices.ContainsFunc(p.narrow.Pins, func(pin sqltext.Pin) bool {
			return pin.Column == set.Column && !slices.ContainsFunc(pin.Values, func(o sqltext.Operand) bool {
				before, isNull, ok := schema.Argument(c, o, args)
				return !ok || !isNull && !null && before == after
			})
		})
	})
}

// phantoms asks for the statement's condition once more, now that it has run, and notes in the edit that there
// are others. What has changed is seen whatever the isolation level: a transaction sees its own changes. The level
// decides on manners only. At READ COMMITTED the query locks nothing, so that it never waits. Above, where a query
// without a lock would fix what the transaction sees from here on, it locks, and finds locked already what it asks
// for: there the pre-image has locked the gaps too.
//
// The error is for the caller: after it the transaction is not what it was.
func (p *preimage) phantoms(ctx context.Context) error {
	query, _ := p.narrow.Select(sqltext.MySQL, quotedNames(p.edit.Layout.Key))
	query += fmt.Sprintf(" LIMIT %d", p.found+1)
	switch level := p.level(); level {
	case "":
		p.edit.Incomplete = true
		return nil
	case "READ-COMMITTED", "READ-UNCOMMITTED":
	default:
		query += " FOR UPDATE"
	}
	rows, err := p.tx.below.QueryContext(ctx, query, p.args...)
	if err == nil {
		err = p.compare(rows)
	}
	if err != nil {
		p.edit.Incomplete = true
	}
	if rolledBack(sqltext.MySQL, err) {
		return err
	}
	return nil
}

// level is the transaction's isolation level as MySQL writes it, "" if it is not known.
func (p *preimage) level() string {
	switch level := p.tx.isolation; level {
	case sql.LevelDefault:
		return p.session
	default:
		return strings.ToUpper(strings.ReplaceAll(level.String(), " ", "-"))
	}
}

// compare looks for rows that were not found before.
func (p *preimage) compare(rows *sql.Rows) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]any, len(p.edit.Layout.Key))
	into := pointers(values)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if !p.keys[asIs(values)] {
			p.edit.Incomplete = true
		}
	}
	return rows.Err()
}

// asIs keeps keys apart as they are, where their texts may be the same.
func asIs(key []any) string {
	var b []byte
	for _, v := range key {
		if raw, ok := v.([]byte); ok {
			v = string(raw)
		}
		b = fmt.Appendf(b, "%q.", fmt.Sprint(v))
	}
	return string(b)
}

// pointers are what to scan values into.
func pointers(values []any) []any {
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	return into
}
