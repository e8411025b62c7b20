package differential_test

import (
	"database/sql"
	"errors"
	"strings"

	"gorm.io/gorm"
)

// read draws one more asking of a query.
func (g *gen) read() operation {
	i, h := g.n(len(g.queries)), g.n(2)
	a := asking{refresh: g.one(12)}
	if g.inTx || g.beside {
		a.inside = g.one(2)
		a.anyway = a.inside && g.one(2)
		if a.inside {
			h = g.reader()
		}
	}
	text := f("handle %d asks query %d ", h, i)
	if a.inside {
		text += "in its transaction"
	}
	if a.anyway {
		text += " InTransaction"
	}
	if a.refresh {
		text += " Refresh"
	}
	return operation{text, func(m *machine) { m.ask(m.queries[i], h, a) }}
}

// readInside draws an asking of the query that a snapshot is about.
func (g *gen) readInside(anyway bool) operation {
	i, h := g.focus, g.reader()
	return operation{f("handle %d asks query %d in its transaction, InTransaction %v", h, i, anyway), func(m *machine) {
		m.ask(m.queries[i], h, asking{inside: true, anyway: anyway})
	}}
}

// reader is the handle whose transaction is open.
func (g *gen) reader() int {
	if g.inTx {
		return g.writer
	}
	return 1 - g.writer
}

var errUndo = errors.New("the program rolls back")

// transaction draws one with its operations. Inside one that writes, only its own handle writes, since
// the other would wait for its locks for ever; both read. Beside one that only reads, the other writes.
func (g *gen) transaction(depth int) operation {
	if !g.inTx && !g.beside && g.one(4) {
		return g.snapshot(depth)
	}
	h := g.handle()
	inTx, writer := g.inTx, g.writer
	g.inTx, g.writer = true, h
	body := g.body(depth)
	g.inTx, g.writer = inTx, writer
	how := pick(g, "commit", "commit", "error", "panic", "Commit()", "Rollback()")
	if inTx {
		how = pick(g, "commit", "error", "RollbackTo", "SavePoint", "panic")
	}
	next := g.n(manyQueries)
	text := f("handle %d: transaction, %s {%s\n}", h, how, lines(body))
	return operation{text, func(m *machine) {
		outer := m.tx[h]
		m.between = next + 3
		if outer == nil {
			m.wrote[h] = false
		}
		m.inTransaction(h, how, body)
		m.tx[h] = outer
		m.tally.ends++
		m.refresh()
		m.sweep(next, 2)
	}}
}

func (g *gen) body(depth int) (body []operation) {
	for range 1 + g.n(6) {
		body = append(body, g.operation(depth))
	}
	return body
}

// snapshot is a transaction of one handle that only reads while the other writes.
func (g *gen) snapshot(depth int) operation {
	h := g.n(2)
	g.beside, g.writer = true, 1-h
	// What is read first fixes the snapshot. A query that is asked again is one that could be stored.
	g.focus = g.n(manyQueries)
	body := append([]operation{g.readInside(false), g.operation(depth), g.readInside(true)}, g.body(depth)...)
	g.beside, g.writer = false, 0
	focus := g.focus
	opts := pick(g, nil, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if g.dialect == lite {
		opts = nil
	}
	next := g.n(manyQueries)
	level := "the default"
	if opts != nil {
		level = opts.Isolation.String()
	}
	return operation{f("handle %d: transaction that reads, %s {%s\n}", h, level, lines(body)), func(m *machine) {
		tx := m.root[h].Begin(opts)
		if tx.Error == nil {
			m.tx[h], m.wrote[h] = tx, false
			m.each(body)
			m.tx[h] = nil
			tx.Commit()
		}
		m.ask(m.queries[focus], h, asking{})
		m.tally.ends++
		m.sweep(next, 2)
	}}
}

func (m *machine) each(body []operation) {
	for _, op := range body {
		if op.text != "" {
			op.run(m)
		}
	}
}

// inTransaction runs the body in a transaction, or in a savepoint where one is open.
func (m *machine) inTransaction(h int, how string, body []operation) {
	db := m.on(h)
	switch how {
	case "Commit()", "Rollback()":
		tx := db.Begin()
		if tx.Error != nil {
			return
		}
		m.tx[h] = tx
		m.each(body)
		if how == "Commit()" {
			tx.Commit()
		} else {
			tx.Rollback()
		}
	case "SavePoint", "RollbackTo":
		db.SavePoint("here")
		m.each(body)
		if how == "RollbackTo" {
			db.RollbackTo("here")
		}
	default:
		defer func() {
			// What rapid throws to end the test is not ours.
			if r := recover(); r != nil && r != any(errUndo) {
				panic(r)
			}
		}()
		_ = db.Transaction(func(tx *gorm.DB) error {
			m.tx[h] = tx
			m.each(body)
			switch how {
			case "error":
				return errUndo
			case "panic":
				panic(errUndo)
			}
			return nil
		})
	}
}

// lines are the texts of a block.
func lines(body []operation) string {
	var b strings.Builder
	for _, op := range body {
		if op.text != "" {
			b.WriteString("\n  " + strings.ReplaceAll(op.text, "\n", "\n  "))
		}
	}
	return b.String()
}
