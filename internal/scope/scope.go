// Package scope is what a statement asks of the cache, as data, and where the statement keeps it.
//
// Everything stands among the statement's clauses. Among its settings it would leak into what the query preloads;
// among the clauses it survives FindInBatches, FirstOrCreate and associations.
package scope

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/plugin"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// clauseName is where the scope stands in a statement.
const clauseName = "gormcache:from_cache"

// Scope is what one query asks of the cache: the region it reads through, and options. It does not change once
// a statement has it, so one value may be used by many queries at the same time.
type Scope struct {
	// Region is the name of the region. [Scope.Attach] asks the plugin whether there is one of that name.
	Region string
	// TTL takes the place of the region's, if positive.
	TTL time.Duration
	// Mode is how to treat what is cached.
	Mode engine.Mode
	// Bypass leaves the cache alone.
	Bypass bool
	// InTransaction lets the query use the cache inside a transaction.
	InTransaction bool
	// Key are values that the answer depends on and the SQL does not show.
	Key []any
	// Tags are the user's own tags.
	Tags []string
	// Err is what is wrong with the options.
	Err error
	// OptionsOnly: the query has options and no region; that of its model's policy holds.
	OptionsOnly bool
	// FromPolicy: a policy has made the scope, for Table.
	FromPolicy bool
	Table      string
	// DividedBy is the column by whose values the answer is divided, each part an entry of its own, whatever the
	// order of the parts; "": none.
	DividedBy string
}

var (
	_ clause.Expression      = (*Scope)(nil)
	_ gorm.StatementModifier = (*Scope)(nil)
)

// Of returns the scope of a statement, nil if it has none.
func Of(stmt *gorm.Statement) *Scope {
	if c, ok := stmt.Clauses[clauseName]; ok {
		s, _ := c.Expression.(*Scope)
		return s
	}
	return nil
}

// Attach gives a statement the scope, and reports what is wrong with it at once, as an error of the query.
func (s *Scope) Attach(stmt *gorm.Statement) {
	if err := s.Check(stmt.DB); err != nil {
		_ = stmt.AddError(err)
		return
	}
	stmt.Clauses[clauseName] = clause.Clause{Expression: s}
}

// Lend gives a statement the scope for one query, and returns how to take it away, since the handle of an association
// is used again. What [OutcomeOf] says of the query stays.
func (s *Scope) Lend(stmt *gorm.Statement) (giveBack func()) {
	clauses := stmt.Clauses
	stmt.Clauses = maps.Clone(clauses)
	s.Attach(stmt)
	return func() {
		ended, ok := stmt.Clauses[outcomeName]
		stmt.Clauses = clauses
		if ok {
			stmt.Clauses = maps.Clone(clauses)
			stmt.Clauses[outcomeName] = ended
		}
	}
}

// ModifyStatement implements gorm.StatementModifier.
func (s *Scope) ModifyStatement(stmt *gorm.Statement) { s.Attach(stmt) }

// Build implements clause.Expression. A scope is not part of the SQL.
func (s *Scope) Build(clause.Builder) {}

// regions is the plugin, as far as a scope must know it.
type regions interface {
	Region(name string) (*region.Region, error)
}

// Check returns what is wrong with the scope on that handle, nil if nothing is.
func (s *Scope) Check(db *gorm.DB) error {
	if s.Err != nil {
		return s.Err
	}
	p, err := plugin.Of[regions](db)
	switch {
	case err != nil && s.OptionsOnly && s.Bypass: // there is nothing to bypass
		return nil
	case err != nil:
		return err
	case s.OptionsOnly:
		return nil
	}
	_, err = p.Region(s.Region)
	return err
}

// Fail adds an error of an option to Err.
func (s *Scope) Fail(err error) {
	where := fmt.Sprintf("fromcache.Region(%q)", s.Region)
	if s.OptionsOnly {
		where = "an option of fromcache"
	}
	s.Err = errors.Join(s.Err, fault.Errorf("%s: %w", where, err))
}

// errModes names the options as they are called.
var errModes = errors.New("Refresh and OnlyIfCached exclude each other: leave one of them out") //nolint:staticcheck // names of functions

// SetMode sets the mode, of which there can be one.
func (s *Scope) SetMode(m engine.Mode) {
	if s.Mode != engine.Normal && s.Mode != m {
		s.Fail(errModes)
	}
	s.Mode = m
}

// By returns a copy of the scope whose answers are divided by the values of a column. The order in which the rows of
// different values stand must not matter to the query.
func (s *Scope) By(column string) *Scope {
	by := *s
	by.DividedBy = column
	return &by
}

// Within are the options as they are in a policy's scope.
func (s *Scope) Within(policy *Scope) *Scope {
	all := *s
	all.Region, all.Table, all.DividedBy, all.OptionsOnly, all.FromPolicy = policy.Region, policy.Table, policy.DividedBy, false, true
	if all.TTL == 0 {
		all.TTL = policy.TTL
	}
	return &all
}
