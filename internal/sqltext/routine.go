package sqltext

// Routine returns the tables that the body of a trigger or function may write: a BEGIN … END block or a single
// statement of MySQL, the source of a PL/pgSQL function or of one in SQL, or the whole CREATE TRIGGER of
// SQLite. calls are the functions and procedures called that are not known to be pure, as in Info.Calls.
// unknown is empty, or the reason why the list is incomplete, such as dynamic SQL. A body that only changes the row that
// the trigger fires for writes no table.
//
// It follows no control flow. Every statement that writes, wherever it stands, counts.
func Routine(d Dialect, body string) (writes, calls []string, unknown string) {
	p := &parser{lexer: lexer{sql: body, d: d, escapes: d == MySQL}}
	p.tok, p.ahead = p.scan(), p.scan()
	if d == SQLite {
		for p.tok.kw != kBegin && p.tok.kind != tEnd {
			p.next()
		}
	}
	for p.tok.kind != tEnd {
		if why := p.routineStep(); unknown == "" {
			unknown = why
		}
	}
	switch {
	case p.doubtful:
		unknown = "backslash before a quote"
	case p.broken != "":
		unknown = p.broken
	case p.lost != "":
		unknown = p.lost
	case d == Unknown && unknown == "":
		unknown = "unknown dialect"
	}
	p.finish()
	return p.info.Writes, p.info.Calls, unknown
}

// routineVerbs are verbs that may change tables in ways not followed here.
var routineVerbs = words("truncate copy load execute prepare create alter drop rename import handler commit rollback")

// routineWords may stand before '(' without calling anything.
var routineWords = words("if elsif elseif while until return check cursor assert exit perform foreach next")

// routineStep reads the next token of a body and what belongs to it.
func (p *parser) routineStep() (unknown string) {
	if p.prev.kind == tDot {
		p.plain()
	}
	switch {
	case p.tok.kind == tWord && p.tok.kw != kNone && p.routineWrite():
		return ""
	case p.parenAhead() && p.isName(p.tok):
		unknown = p.routineCall()
	case p.prev.kind != tDot && p.is(p.tok, "call"):
		p.next()
		if n, ok := p.path(); ok {
			p.calls(n)
		}
		return ""
	case p.prev.kind != tDot && p.d == Postgres && p.is(p.tok, "do") && p.ahead.kw != kUpdate && !p.is(p.ahead, "nothing"):
		unknown = "do"
	case p.tok.kind == tWord && p.prev.kind != tDot && p.tok.end-p.tok.start <= longestWord &&
		routineVerbs[string(lower(&p.lower, p.text(p.tok)))], p.tok.kw == kCopy:
		unknown = canonical(p.text(p.tok))
	}
	if unknown == "" && p.is(p.tok, "refresh") && p.ahead.kw == kMaterialized {
		refreshed(p)
		return ""
	}
	p.next()
	return unknown
}

// refreshed reads REFRESH MATERIALIZED VIEW v within a body.
func refreshed(p *parser) {
	p.next()
	p.next()
	p.next()
	if p.is(p.tok, "concurrently") {
		p.next()
	}
	p.target(false)
}

// routineCall meets name(, or a verb before an expression in parentheses.
func (p *parser) routineCall() (unknown string) {
	t := p.tok
	n := path{last: t, schema: p.prev2, qualified: p.prev.kind == tDot}
	name := canonical(p.unquote(t))
	switch {
	case n.qualified:
		if p.d == Postgres && p.is(n.schema, "pg_catalog") && p.function(t) != fUnknown {
			return ""
		}
	case t.kind != tWord:
	case p.function(t) != fUnknown, !p.callable(), routineWords[name] && (p.d == MySQL || !p.operand()):
		return ""
	case routineVerbs[name]:
		unknown = name
	}
	p.calls(n)
	return unknown
}

// routineWrite reads a verb that writes, and the table behind it. It reports whether it was one.
func (p *parser) routineWrite() bool {
	switch p.tok.kw {
	case kInsert, kReplace:
		if p.ahead.kind == tOpen || p.ahead.kw == kValues || !p.isName(p.ahead) {
			return false
		}
		p.next()
		p.modifiers()
		p.accept(kInto)
		p.target(false)
	case kMerge:
		if !p.isName(p.ahead) {
			return false
		}
		p.next()
		p.accept(kInto)
		p.target(true)
	case kUpdate:
		// ON CONFLICT DO UPDATE SET, FOR UPDATE, ON DUPLICATE KEY UPDATE.
		if p.ahead.kw == kSet || p.prev.kw == kFor || p.prev.kw == kKey || !p.isName(p.ahead) {
			return false
		}
		p.next()
		p.modifiers()
		p.target(true)
		if p.d == MySQL && p.tok.kw != kSet {
			p.lose("UPDATE of several tables")
		}
	case kDelete:
		return p.routineDelete()
	default:
		return false
	}
	return true
}

func (p *parser) routineDelete() bool {
	if !p.isName(p.ahead) || p.ahead.kw == kNone && p.d != MySQL {
		return false
	}
	if p.is(p.ahead, "when") { // MERGE … THEN DELETE WHEN …
		return false
	}
	p.next()
	p.modifiers()
	if !p.accept(kFrom) {
		p.lose("DELETE of several tables")
		return true
	}
	p.target(true)
	if p.d == MySQL && (p.tok.kind == tComma || p.tok.kw == kUsing || p.tok.kw == kJoin || p.tok.kw == kSide) {
		p.lose("DELETE of several tables")
	}
	return true
}

// View returns what the query of a view reads, given the text of CREATE VIEW or of the query alone. For any other text the
// verb is not Select.
func View(d Dialect, sql string) *Info {
	l := lexer{sql: sql, d: d, escapes: d == MySQL}
	t := l.scan()
	if t.kw == kSelect || t.kw == kWith || t.kw == kValues || t.kind == tOpen {
		return Parse(d, sql)
	}
	for t.kind != tEnd && t.kw != kAs {
		t = l.scan()
	}
	if t.kind == tEnd {
		return Parse(d, sql)
	}
	return Parse(d, sql[t.end:])
}
