package preload

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/scope"
)

// joinsMark is the setting that holds the scopes of join tables' queries, which GORM sends without the conditions of
// their preload. The queries of the preloaded models themselves remove the setting, so that their own preloads do not
// see it.
const joinsMark = "gormcache:relation_joins"

// Callbacks wrap those of GORM. All but Logger may be left zero; they are safe for concurrent use.
type Callbacks struct {
	// Logger is told of relations that are cached but not preloaded.
	Logger *slog.Logger

	warned sync.Map // unloaded → true
	// joined: a relation of many to many has been cached. Before, no query needs to be asked whether it is
	// for a join table.
	joined atomic.Bool
}

// Query wraps the callback behind Find. It refuses relations that the model does not have, and gives the queries
// of associations and join tables their scope.
func (cb *Callbacks) Query(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		stmt := db.Statement
		switch c := scope.RelationsOf(stmt); {
		case db.Error != nil:
		case c != nil && scope.Associated(stmt):
			if name, s := associated(c, stmt); name != "" && s != nil && scope.Of(stmt) == nil {
				defer s.By(listed(stmt)).Lend(stmt)()
			}
		case c != nil && stmt.Schema != nil:
			if err := known(c, stmt.Schema); err != nil {
				_ = db.AddError(err)
				return
			}
			cb.check(c, db)
		case cb.joined.Load() && scope.Of(stmt) == nil:
			if s := ofJoin(stmt); s != nil {
				defer s.Lend(stmt)()
			}
		}
		next(db)
	}
}

// associated finds the relation whose association sent the query, which names the model at its end only. Of
// several it is the one that is called as the table is.
func associated(rs *scope.Relations, stmt *gorm.Statement) (name string, s *scope.Scope) {
	if _, counts := stmt.Dest.(*int64); counts {
		return "", nil
	}
	first := map[string]bool{}
	for _, r := range rs.List {
		first[r.Path[0]] = true
	}
	for candidate := range first {
		if len(first) > 1 && stmt.DB.NamingStrategy.TableName(candidate) != stmt.Schema.Table {
			continue
		}
		if name != "" {
			return "", nil
		}
		name = candidate
	}
	return name, find(rs, []string{name})
}

// listed is the column by whose value an association asks, "" if it is not one column and one value: of several
// parents the rows are one list, in whose order they must not be parted.
func listed(stmt *gorm.Statement) string {
	where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
	for _, e := range where.Exprs {
		in, ok := e.(clause.IN)
		if !ok {
			continue
		}
		if column, ok := in.Column.(clause.Column); ok && column.Table == stmt.Schema.Table && len(in.Values) == 1 {
			return strings.ToLower(column.Name)
		}
	}
	return ""
}

// ofJoin is the scope of a query that asks for the rows of a join table, nil for any other.
func ofJoin(stmt *gorm.Statement) *scope.Scope {
	if stmt.Schema == nil {
		return nil
	}
	joins, _ := stmt.Settings.Load(joinsMark)
	scopes, _ := joins.(map[*schema.Schema]*scope.Scope)
	return scopes[stmt.Schema]
}

// BeforePreload runs before the callback that sends a query's preloads: it gives them their scopes, as conditions of
// theirs. [Callbacks.AfterPreload] takes them away. As with those of package reader, neither stands on the stack
// while GORM preloads.
func (cb *Callbacks) BeforePreload(db *gorm.DB) {
	stmt := db.Statement
	c := scope.RelationsOf(stmt)
	if c == nil || db.Error != nil || len(stmt.Preloads) == 0 || stmt.Schema == nil {
		return
	}
	if scope.Associated(stmt) {
		name, _ := associated(c, stmt)
		if c = below(c, []string{name}); c == nil {
			return
		}
	}
	l := newLevel(c, stmt)
	if len(l.joins) > 0 {
		cb.joined.Store(true)
		stmt.Settings.Store(joinsMark, l.joins)
	}
	stmt.Clauses[levelName] = clause.Clause{Expression: l}
	stmt.Preloads = l.preloads
}

// AfterPreload ends what [Callbacks.BeforePreload] began, also where a preload failed.
func (cb *Callbacks) AfterPreload(db *gorm.DB) {
	stmt := db.Statement
	l, ok := stmt.Clauses[levelName].Expression.(*level)
	if !ok {
		return
	}
	delete(stmt.Clauses, levelName)
	stmt.Preloads = l.given
	if len(l.joins) > 0 {
		stmt.Settings.Delete(joinsMark)
	}
}
