package sqltext

import "strings"

// effect is what a call of a function may do.
type effect uint8

const (
	fUnknown  effect = iota // it may read and write tables
	fPure                   // its result depends on its arguments only
	fVolatile               // two calls may differ
	fDate                   // SQLite: volatile if an argument is 'now', or if there is none
	fClock                  // volatile if called without arguments
	fClock1                 // volatile if called with less than two
	fRows                   // pure, and may stand for a table
)

// parenAhead reports whether '(' follows the current token.
func (p *parser) parenAhead() bool {
	return p.ahead.kind == tOpen && p.sql[p.ahead.start] == '('
}

// callable reports whether '(' behind the current word makes it a function call. A few words are
// keywords only where the grammar expects them, and otherwise names.
func (p *parser) callable() bool {
	if p.named() {
		return true
	}
	switch p.tok.kw {
	case kBy:
		return p.prev.kw != kTail && p.prev.kw != kPartition
	case kConflict:
		return p.prev.kw != kOn
	case kFilter, kOver:
		return p.prev.kind != tClose && !p.is(p.prev, "nulls")
	case kInsert:
		return p.prev.kw != kThen
	case kSets:
		return p.prev.kw != kGrouping
	case kSide:
		return p.is(p.tok, "left") || p.is(p.tok, "right")
	case kValue:
		return p.d == Postgres || p.prev.kind != tClose && !p.isName(p.prev)
	case kAll, kAnalyze, kAnd, kAs, kDistinct, kExcept, kFor, kFrom, kIn, kInto, kIs, kJoin, kLateral,
		kNot, kOn, kOnly, kOr, kSelect, kSet, kStraight, kTable, kTablesample, kTail, kThen, kUnion,
		kUsing, kValues, kWith:
		return false
	}
	return true
}

// named reports whether the word before '(', though a keyword elsewhere, names a function here.
func (p *parser) named() bool {
	switch p.tok.kw {
	case kSet, kUpdate, kMinus, kSide:
		return p.operand()
	case kTail:
		return p.is(p.tok, "procedure") && p.operand()
	case kLock:
		return true
	}
	return false
}

// operand reports whether an expression may start at the current token.
func (p *parser) operand() bool {
	switch p.prev.kind {
	case tComma, tOpen, tOp:
		return true
	}
	switch p.prev.kw {
	case kSelect, kAll, kDistinct, kAnd, kOr, kNot, kTail:
		return true
	}
	return p.is(p.prev, "perform") || p.is(p.prev, "return")
}

// function returns the effect of an unqualified function.
func (p *parser) function(t token) effect {
	if int(t.end-t.start) > longestWord {
		return fUnknown
	}
	name := lower(&p.lower, p.text(t))
	if e, ok := dialectFunctions[p.d][string(name)]; ok {
		return e
	}
	return commonFunctions[string(name)]
}

// call reads a function call, the current token being its name and the next one '('.
func (p *parser) call() {
	t, e := p.tok, fUnknown
	n := path{last: t, qualified: p.prev.kind == tDot}
	switch {
	case n.qualified:
		n.schema = p.prev2
		if p.d == Postgres && p.is(n.schema, "pg_catalog") {
			e = p.function(t)
		}
	case t.kind == tWord:
		e = p.function(t)
	case t.kind == tQuoted && p.d == SQLite: // finds it all the same, and keeps it so in the text of a view
		t.start, t.end = t.start+1, t.end-1
		e = p.function(t)
	}
	switch e {
	case fUnknown:
		if p.unsafeName(t) {
			p.volatile(canonical(p.text(t)))
		}
		p.opaque("function " + canonical(p.unquote(n.last)))
		p.calls(n)
	case fVolatile:
		p.volatile(canonical(p.text(t)))
	}
	around := p.date
	if e == fDate {
		p.date = p.dateCall(t)
	}
	p.plain()
	p.next()
	end, empty := p.group(scope{head: true})
	p.date = around
	switch {
	case e == fDate:
		if empty || end.commas == 0 && p.is(t, "strftime") {
			p.volatile(canonical(p.text(t)))
		}
	case e == fClock && empty, e == fClock1 && end.commas == 0:
		p.volatile(canonical(p.text(t)))
	}
}

// unsafeName is a family of volatile functions.
func (p *parser) unsafeName(t token) bool {
	s := p.text(t)
	return p.d == Postgres && len(s) > 3 && (strings.EqualFold(s[:3], "pg_") || strings.EqualFold(s[:4], "txid"))
}

// calls records a function that is not known to be pure.
func (p *parser) calls(n path) {
	name := strings.ToLower(p.unquote(n.last))
	if n.qualified {
		name = strings.ToLower(p.unquote(n.schema)) + "." + name
	}
	p.info.Calls = appendName(p.info.Calls, name)
}

// volatileWord handles an unquoted word that may be a function without parentheses.
func (p *parser) volatileWord() {
	t := p.tok
	if n := int(t.end - t.start); n < 4 || n > longestWord || p.ahead.kind == tDot {
		return
	}
	name := lower(&p.lower, p.text(t))
	if volatileWords[p.d][string(name)] {
		p.volatile(string(name))
	}
}

// variable handles @x or @@x.
func (p *parser) variable() {
	s := p.text(p.tok)
	if p.anyDialect && len(s) > 2 && s[1] == 'p' && class[s[2]] == cDigit {
		p.params++
		return
	}
	p.volatile(s)
}
