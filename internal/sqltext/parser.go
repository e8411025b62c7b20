package sqltext

import (
	"slices"
	"strings"
)

// parser reads the statements of one text in one dialect. It looks one token ahead.
type parser struct {
	lexer
	tok, ahead  token
	prev, prev2 token // prev2 is kept only to recognize IS DISTINCT FROM

	info   Info
	lower  [longestWord]byte
	ctes   []cte // the common table expressions in scope
	base   int   // expressions before this index hide nothing
	depth  int
	date   dateCall
	params int
	// about transactions: the last COMMIT or ROLLBACK begins another one; there are savepoints
	chained, saves bool
	joined         joined
	// unknown dialect: @p1 is a placeholder, as SQL Server has it
	anyDialect bool
}

// cte is the name of a common table expression; exact is how unquoted names compare to it.
type cte struct{ exact string }

const (
	// maxDepth bounds the nesting of parentheses that is followed.
	maxDepth = 400
	// maxCTEs bounds the names searched. Further names hide no table.
	maxCTEs = 100
)

// parse reads the text. escapes as in lexer.
func parse(d Dialect, sql string, escapes, anyDialect bool) *parser {
	p := &parser{lexer: lexer{sql: sql, d: d, escapes: escapes}, anyDialect: anyDialect}
	if len(sql) > maxText {
		p.lose("text too long")
	}
	p.tok, p.ahead = p.scan(), p.scan()
	p.run()
	return p
}

func (p *parser) next() {
	p.prev2, p.prev = p.prev, p.tok
	p.tok = p.ahead
	p.ahead = p.scan()
}

// lose and fail give up, as in lexer, and end the text.
func (p *parser) lose(why string) {
	p.lexer.lose(why)
	p.tok, p.ahead = p.stop(), p.stop()
}

func (p *parser) fail(why string) {
	p.lexer.fail(why)
	p.tok, p.ahead = p.stop(), p.stop()
}

// run reads statement after statement.
func (p *parser) run() {
	unsure := false
	for p.tok.kind != tEnd {
		if p.tok.kind == tSemi {
			p.next()
			continue
		}
		scope := len(p.ctes)
		verb := p.statement()
		p.ctes, p.base = p.ctes[:scope], 0
		p.info.Statements++
		if p.info.Statements == 1 {
			p.info.Verb = verb
		} else {
			p.opaque("several statements")
		}
		p.effects(verb)
		p.bounds(verb)
		unsure = unsure || verb == Other
		if k := p.tok.kind; k != tEnd && k != tSemi {
			p.fail("unbalanced parentheses")
		}
	}
	if p.info.Statements == 0 {
		p.info.Verb = Inspect
		p.opaque("empty")
	}
	for _, why := range []string{p.lost, p.broken} {
		if why != "" {
			unsure = true
			p.info.Opaque = why
		}
	}
	if unsure {
		p.info.Verb, p.info.Write = Other, true
		p.opaque("unknown statement")
	}
	p.finish()
}

// effects records what follows from a statement's verb.
func (p *parser) effects(verb Verb) {
	i := &p.info
	switch verb {
	case DDL:
		i.DDL, i.Write = true, true
	case Other, Insert, Update, Delete:
		i.Write = true
	case Begin, Commit, Rollback, Savepoint, RollbackTo, Release:
		i.Transaction = true
	}
	if len(i.Writes) > 0 && !i.Write {
		i.Write = true
		p.opaque("SELECT that writes")
	}
}

// bounds follows the transactions of the text.
func (p *parser) bounds(verb Verb) {
	i := &p.info
	switch verb {
	case Begin:
		i.Inside = true
	case Commit, Rollback:
		i.Ends = i.Ends || !i.Inside
		i.Inside = p.chained
	case Savepoint, RollbackTo, Release:
		p.saves = true
	}
	i.Saves = p.saves && i.Statements > 1
}

// finish sorts the lists, and frees them from a long text.
func (p *parser) finish() {
	i := &p.info
	if i.Statements != 1 {
		i.Maybe, i.Loose = nil, nil
	}
	for _, list := range []*[]string{&i.Reads, &i.Writes, &i.Calls, &i.Maybe, &i.Loose} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
		if len(p.sql) > maxMemo {
			for n, name := range *list {
				(*list)[n] = strings.Clone(name)
			}
		}
	}
	if len(p.sql) > maxMemo {
		i.Opaque, i.Volatile = strings.Clone(i.Opaque), strings.Clone(i.Volatile)
		i.Savepoint = strings.Clone(i.Savepoint)
	}
}

// opaque and volatile record a reason; the first counts.
func (p *parser) opaque(why string) {
	if p.info.Opaque == "" {
		p.info.Opaque = why
	}
}

func (p *parser) volatile(why string) {
	if p.info.Volatile == "" {
		p.info.Volatile = why
	}
}

// text returns the token's text.
func (p *parser) text(t token) string { return p.sql[t.start:t.end] }

// is reports whether the token is the unquoted word, given in lower case.
func (p *parser) is(t token, word string) bool {
	if t.kind != tWord || int(t.end-t.start) != len(word) {
		return false
	}
	for i := range len(word) {
		c := p.sql[int(t.start)+i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// accept skips the current token if it is the keyword, and reports whether it was.
func (p *parser) accept(k keyword) bool {
	if p.tok.kw != k {
		return false
	}
	p.next()
	return true
}

// skip moves to the end of the statement.
func (p *parser) skip() {
	for depth := 0; p.tok.kind != tEnd; p.next() {
		switch p.tok.kind {
		case tOpen:
			depth++
		case tClose:
			if depth--; depth < 0 {
				return
			}
		case tSemi:
			if depth == 0 {
				return
			}
		}
	}
}

// plain makes the current token a plain name, not a keyword: only a name can stand here.
func (p *parser) plain() { p.tok.kw = kNone }
