package differential_test

import (
	"strings"

	"pgregory.net/rapid"
)

// program is what one test runs: everything is drawn before anything runs, so that it can be printed
// and cut down.
type program struct {
	dialect string
	prefix  string // of all tables
	loose   bool   // without foreign keys
	policy  bool   // everything is cached by policy, and queries in the default region have no scope
	two     [2]settings
	tables  []*table
	initial []row // what is there at first
	views   []view
	queries []*query
	ops     []operation
}

// settings are those of one handle.
type settings struct {
	prepared bool // gorm.Config.PrepareStmt
	skip     bool // gorm.Config.SkipDefaultTransaction
}

// view is a view and the table whose columns it has.
type view struct {
	name string
	sql  string
	of   *table
}

// operation is one step of a program. One with an empty text does nothing: it is what rapid leaves of
// operations that are not needed for a failure.
type operation struct {
	text string
	run  func(m *machine)
}

// manyQueries is how many queries a program has.
const manyQueries = 16

// length is how many operations a program has: more where it takes long to make the tables.
var length = map[string]int{lite: 60, pg: 120, my: 180}

// programs generates programs for a dialect.
func programs(dialect string) *rapid.Generator[*program] {
	return rapid.Custom(func(t *rapid.T) *program {
		g := &gen{T: t, program: &program{dialect: dialect}, filled: map[*table]int{}}
		g.prefix = pick(g, "", "", "p_", "Pre")
		g.loose = !g.one(2)
		g.policy = g.one(4)
		for i := range g.two {
			g.two[i] = settings{prepared: g.one(3), skip: g.one(3)}
		}
		g.tables = g.family()
		for i := range 3 {
			g.tables = append(g.tables, g.random(f("r%d", i), g.tables))
		}
		for _, t := range g.tables {
			g.initial = append(g.initial, g.first(t)...)
		}
		g.views = g.someViews()
		for range manyQueries {
			g.queries = append(g.queries, g.query())
		}
		for range length[dialect] {
			g.ops = append(g.ops, g.operation(2))
		}
		return g.program
	})
}

// operation draws one; depth bounds transactions in transactions.
func (g *gen) operation(depth int) operation {
	return choose(g,
		choice[operation]{2, func() operation { return operation{} }},
		choice[operation]{20, g.read},
		choice[operation]{60, g.write},
		choice[operation]{8 * min(depth, 1), func() operation { return g.transaction(depth - 1) }},
	)
}

// GoString is how rapid prints a program.
func (p *program) GoString() string {
	var b strings.Builder
	b.WriteString("\n  " + p.dialect + "\n")
	if p.policy {
		b.WriteString("  all by policy\n")
	}
	for i, s := range p.two {
		b.WriteString(f("  handle %d: PrepareStmt %v, SkipDefaultTransaction %v\n", i, s.prepared, s.skip))
	}
	used := func(text string) bool {
		for _, op := range p.ops {
			if strings.Contains(op.text, text) {
				return true
			}
		}
		return false
	}
	for _, t := range p.tables {
		b.WriteString("  " + t.String() + "\n")
	}
	for _, r := range p.initial {
		b.WriteString("  " + r.text + "\n")
	}
	for _, v := range p.views {
		b.WriteString("  " + v.sql + "\n")
	}
	for i, q := range p.queries {
		if used(f("query %d ", i)) {
			b.WriteString(f("  query %d: %s\n", i, q))
		}
	}
	for i, op := range p.ops {
		if op.text != "" {
			b.WriteString(f("  %d. %s\n", i, strings.ReplaceAll(op.text, "\n", "\n     ")))
		}
	}
	return b.String()
}
