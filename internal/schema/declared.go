package schema

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
)

// Named is a name in the configuration that only the database can tell to be right.
type Named struct {
	// Field is where it stands, such as Config.Tracked["users"].
	Field string
	// Tables are the names that it may stand for, in canonical form.
	Tables []string
	// Column is a column of the table, "" if it is the table alone.
	Column string
	// Met reports whether a model of that name has been used, whose table is called otherwise. Nil: it names no model.
	Met func() bool
}

// declared says of names that the database does not know that it does not: a name with a typing error in it works like
// one that nobody uses, so nothing else would show it. It is a warning and no error, since a migration may still make
// the table, and another database may have it. It is safe for concurrent use.
type declared struct {
	names    []Named
	logger   *slog.Logger
	compared atomic.Bool // names have been looked for
}

// check is told of each catalog that was read. The first one with tables in it shows which declared names are wrong:
// before, a migration has not yet run.
func (d *declared) check(ctx context.Context, s *Snapshot) {
	if d.compared.Load() || s == nil || len(s.Names()) == 0 || d.compared.Swap(true) {
		return
	}
	for i := range d.names {
		if level, why := d.names[i].wrong(s); why != "" {
			d.logger.Log(ctx, level, "gormcache: "+d.names[i].Field+": "+why)
		}
	}
}

// wrong says what is wrong with the name, "" if nothing is.
func (n *Named) wrong(s *Snapshot) (level slog.Level, why string) {
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
func (n *Named) column(s *Snapshot, table string) string {
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

// Missing reports whether the database has no table or view of a name, and suggests the one that was meant, if there
// is one so near: ` (did you mean "users"?)`.
func (s *Snapshot) Missing(table string) (hint string, missing bool) {
	if s.Kind(table) != catalog.Unknown {
		return "", false
	}
	return near(s.Names(), table), true
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
