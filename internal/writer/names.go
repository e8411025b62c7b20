package writer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/memo"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Named is a name in the configuration that only the database can tell to be right.
type Named struct {
	// Field is where it stands, such as Config.Tracked["users"].
	Field string
	// Tables are the names that it may stand for, in canonical form.
	Tables []string
	// Column is a column of the table, "" if it is the table alone.
	Column string
	// Met tells that a model of that name has been used, whose table is called otherwise. Nil: it names no model.
	Met func() bool
}

// names says of names that the database does not know that it does not: a name with a typing error in it works like
// one that nobody uses, so nothing else would show it. It is a warning and no error, since a migration may still make
// the table, and another database may have it. It is safe for concurrent use.
type names struct {
	declared []Named
	compared atomic.Bool                 // declared have been looked for
	said     memo.Memo[string, struct{}] // names given by hand that have been looked at
	learned  atomic.Bool                 // the catalog has been read for a name given by hand
}

// foundOut is told of each catalog that was read. The first one with tables in it shows which declared names are wrong:
// before, a migration has not yet run.
func (inv *Invalidator) foundOut(ctx context.Context, s *snapshot) {
	n := &inv.names
	if n.compared.Load() || s == nil || len(s.Names()) == 0 || n.compared.Swap(true) {
		return
	}
	for i := range n.declared {
		if level, why := n.declared[i].wrong(s); why != "" {
			inv.cfg.Logger.Log(ctx, level, "gormcache: "+n.declared[i].Field+": "+why)
		}
	}
}

// wrong says what is wrong with the name, "" if nothing is.
func (n *Named) wrong(s *snapshot) (level slog.Level, why string) {
	known := slices.IndexFunc(n.Tables, func(t string) bool { return s.Kind(t) != catalog.Unknown })
	switch {
	case known >= 0 && n.Column != "":
		return slog.LevelWarn, n.column(s, n.Tables[known])
	case known >= 0 || n.Met != nil && n.Met():
		return slog.LevelWarn, ""
	}
	hint := near(s.Names(), n.Tables...)
	quoted := make([]string, len(n.Tables))
	for i, t := range n.Tables {
		quoted[i] = strconv.Quote(t)
	}
	why = fmt.Sprintf("the database has no table or view %s%s; ignore this if a migration makes it later, or another database has it",
		strings.Join(quoted, " or "), hint)
	if n.Met == nil {
		return slog.LevelWarn, why
	}
	if hint == "" { // perhaps a model that has not been used yet, whose table is called otherwise
		level = slog.LevelInfo
	} else {
		level = slog.LevelWarn
	}
	return level, "no model of that name has been used yet, and " + why
}

// column says why queries can't depend on a column's values, "" if they can.
func (n *Named) column(s *snapshot, table string) string {
	l, why := s.whole(table)
	switch {
	case s.Kind(table) != catalog.Table:
		return fmt.Sprintf("it has no effect, since %s is a view", table)
	case l == nil:
		return "it has no effect: " + why
	case !l.Has(n.Column):
		return fmt.Sprintf("%s has no column %q%s", table, n.Column, near(l.Names(), n.Column))
	}
	if why := untold(l, n.Column); why != "" {
		return "it has no effect: " + why
	}
	return ""
}

// unheard warns, once for each, of tables given by hand that the database does not know. It comes last: what depends
// on them has been dropped by then, whatever they are.
func (inv *Invalidator) unheard(ctx context.Context, db *gorm.DB, call string, tables []string) {
	var s *snapshot
	for _, name := range tables {
		table := store.TableName(name)
		if inv.topology.views[table] != nil || inv.topology.triggers[table] != nil {
			continue
		}
		if _, looked := inv.names.said.Get(table); looked {
			continue
		}
		if s == nil {
			if s = inv.consult(ctx, db.Statement.ConnPool); s == nil {
				return
			}
		}
		if inv.names.said.Put(table, struct{}{}) || s.Kind(table) != catalog.Unknown {
			continue
		}
		inv.cfg.Logger.WarnContext(ctx, fmt.Sprintf("gormcache: %s(%q): the database has no table or view of that name%s", call, name, near(s.Names(), table)))
	}
}

// consult is what is known of the schema, read if need be: once, for no longer than a writer waits, and never in a
// transaction, which must not be disturbed.
func (inv *Invalidator) consult(ctx context.Context, p gorm.ConnPool) *snapshot {
	if s := inv.topology.known(inv.base(p)); s != nil {
		return s
	}
	if inv.StateOf(p).In || inv.names.learned.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, inv.cfg.WriteTimeout)
	defer cancel()
	return inv.learn(ctx, p)
}

// near asks whether another name was meant: that of the list which is the least apart from one of the given, "" if
// all are too far.
func near(list []string, given ...string) string {
	best, least := "", 3
	for _, g := range given {
		for _, name := range list {
			if d := distance(g, name); d < least && d*2 <= len(g) {
				best, least = name, d
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is how many letters must be put in, taken out or replaced to turn a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
