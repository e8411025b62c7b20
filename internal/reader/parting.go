package reader

import (
	"strings"
	"sync/atomic"

	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
)

// parting is how the answer to one text falls into parts: by the values of one column, which the text gives
// in a list. Only indivisible changes.
type parting struct {
	version uint64 // of the catalog
	// plan and key are nil where the answer does not fall into parts.
	plan  *plan
	key   *writer.Key
	place int    // of the list in the folded text
	shape string // the text without the list
	order order
	tags  []string // that all parts share, but for the user's own
	// indivisible is set when an answer had a row that belongs to none of the values. Other answers will have such rows too.
	indivisible atomic.Bool
}

// order is the order in which the rows of different parts stand in the answer.
type order uint8

const (
	anyOrder   order = iota // it does not matter
	ascending               // of the key
	descending              // of the key
)

// locate finds the list of the key's values. There must be one: of two the rows have values of both.
func (pt *parting) locate(n *sqltext.Narrow, f *sqltext.Folded) bool {
	found := false
	for _, pin := range n.Pins {
		if pin.Column != pt.key.Columns()[0] {
			continue
		}
		if found || len(pin.Values) != 1 || pin.Values[0].Kind != sqltext.ParamOperand {
			return false
		}
		found, pt.place = true, pin.Values[0].Param
	}
	if !found || pt.place >= len(f.Places) || !f.Places[pt.place].Compared {
		return false
	}
	at := f.Places[pt.place]
	pt.shape = f.SQL[:at.Start] + "\x00" + f.SQL[at.End:]
	return true
}

// inOrder reports whether the order is certain in which the database gives the rows of a list of keys. Without
// ORDER BY it is only in SQLite, by the rowid, and where no index could serve as well: MySQL answers from one
// that happens to have all columns asked for, in its order, and PostgreSQL from where the rows lie.
func (pt *parting) inOrder(d sqltext.Dialect, n *sqltext.Narrow, o sqltext.Outline) bool {
	if !pt.key.Integer() {
		return false // a collation's order
	}
	switch {
	case o.Ordered && o.Order == pt.key.Columns()[0]:
		pt.order = ascending
		if o.Desc {
			pt.order = descending
		}
		return true
	case o.Ordered:
		return false
	}
	pt.order = ascending
	return pt.key.Rowid() && o.Whole && n.Alone(d)
}

// mayPart reports, at little cost, whether the text is worth a look.
func mayPart(s *scope.Scope, sql string) bool {
	return s.DividedBy != "" || strings.Contains(sql, "IN (") || strings.Contains(sql, "in (")
}
