package sqltext

import (
	"slices"
	"strings"
)

// act reads a statement, the current token being its first word.
type act func(p *parser) Verb

// acts are the statements by their first word. What is not here is of verb Other.
var acts map[string]act

func init() {
	acts = map[string]act{
		"select": query, "values": query, "table": query, "with": query,
		"insert": dml, "replace": dml, "update": dml, "delete": dml, "merge": dml,
		"copy":    copyTable,
		"explain": explain, "describe": explain, "desc": explain,
		"begin": begin, "start": start, "commit": commit, "end": commit, "rollback": rollback,
		"abort": rollback, "savepoint": savepoint, "release": release,
		"pragma": pragma, "prepare": prepare, "declare": declare, "xa": xa,
	}
	for i := range utilities {
		acts[utilities[i].word] = utilities[i].act()
	}
	for _, word := range []string{"show", "help", "checksum", "fetch", "move"} { // the last two run what DECLARE named
		acts[word] = inspect
	}
}

func inspect(p *parser) Verb { return p.rest(Inspect) }

// rest skips the statement. Nothing but its verb is known.
func (p *parser) rest(v Verb) Verb {
	p.opaque(v.String())
	p.skip()
	return v
}

// routine reads a CREATE or ALTER. The statements in the body of what they make are no statements of the text: its
// END ends no transaction.
func routine(p *parser) Verb {
	p.opaque(DDL.String())
	p.info.Transaction = p.info.Transaction || p.d == MySQL
	for ; p.tok.kind != tEnd && p.tok.kind != tSemi && p.tok.kind != tOpen; p.next() {
		if p.any(p.tok, "trigger", "procedure", "function", "event", "package") {
			p.blocks()
			return DDL
		}
		if p.any(p.tok, "table", "view", "index", "database", "schema") { // a name of its may be one of those words
			break
		}
	}
	p.skip()
	return DDL
}

// blocks moves to the end of the statement, past the semicolons in BEGIN … END.
func (p *parser) blocks() {
	parens, open := 0, 0
	for ; p.tok.kind != tEnd; p.next() {
		switch {
		case p.tok.kind == tOpen:
			parens++
		case p.tok.kind == tClose:
			if parens--; parens < 0 {
				return
			}
		case p.tok.kind == tSemi && parens == 0 && open == 0:
			return
		case parens > 0 || p.prev.kind == tDot:
		case p.is(p.tok, "begin"), p.is(p.tok, "case") && !p.is(p.prev, "end"):
			open++
		case p.is(p.tok, "end") && !p.unopened():
			open = max(0, open-1)
		}
	}
}

// unopened reports whether the current END ends something that no BEGIN has opened.
func (p *parser) unopened() bool { return p.any(p.ahead, "if", "loop", "while", "repeat", "for") }

// any reports whether the token is one of the unquoted words, given in lower case.
func (p *parser) any(t token, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return p.is(t, word) })
}

// statement reads one statement up to ';' or whatever ends it too early.
func (p *parser) statement() Verb {
	if p.tok.kind == tOpen {
		return query(p)
	}
	if n := int(p.tok.end - p.tok.start); p.tok.kind == tWord && n <= longestWord {
		if a := acts[string(lower(&p.lower, p.text(p.tok)))]; a != nil {
			return a(p)
		}
	}
	return p.rest(Other)
}

func query(p *parser) Verb {
	if p.tok.kw == kWith {
		p.with()
		if p.startsWrite() {
			return dml(p)
		}
	}
	switch p.tok.kw {
	case kValues:
		p.opaque("VALUES")
	case kSelect, kTable:
	default:
		if p.tok.kind != tOpen {
			p.lose("WITH without a statement")
		}
	}
	ddl := p.info.DDL
	p.clauses(scope{head: true})
	if p.info.DDL && !ddl {
		return DDL
	}
	return Select
}

func begin(p *parser) Verb {
	if p.ahead.kw == kNot { // BEGIN NOT ATOMIC of MariaDB: a block of statements
		p.opaque(Other.String())
		p.blocks()
		return Other
	}
	p.skip()
	return Begin
}

func start(p *parser) Verb {
	if !p.is(p.ahead, "transaction") {
		return p.rest(Other)
	}
	p.skip()
	return Begin
}

func commit(p *parser) Verb {
	if p.is(p.ahead, "prepared") || p.unopened() {
		return p.rest(Other)
	}
	p.chain()
	return Commit
}

// chain reads what may follow COMMIT and ROLLBACK: AND CHAIN.
func (p *parser) chain() {
	p.chained = false
	for ; p.tok.kind != tEnd && p.tok.kind != tSemi; p.next() {
		p.chained = p.chained || p.is(p.tok, "chain") && !p.is(p.prev, "no")
	}
}

func rollback(p *parser) Verb {
	if p.is(p.ahead, "prepared") {
		return p.rest(Other)
	}
	p.next()
	if p.is(p.tok, "work") || p.is(p.tok, "transaction") {
		p.next()
	}
	if !p.is(p.tok, "to") {
		p.chain()
		return Rollback
	}
	p.next()
	if p.is(p.tok, "savepoint") && p.isName(p.ahead) {
		p.next()
	}
	p.savepoint()
	p.skip()
	return RollbackTo
}

func savepoint(p *parser) Verb {
	p.next()
	p.savepoint()
	p.skip()
	return Savepoint
}

func release(p *parser) Verb {
	p.next()
	if p.is(p.tok, "savepoint") && p.isName(p.ahead) {
		p.next()
	}
	p.savepoint()
	p.skip()
	return Release
}

// xa reads XA START and how it ends, perhaps on another connection. For the steps in between only
// one thing is known: the transaction goes on.
func xa(p *parser) Verb {
	if p.d != MySQL {
		return p.rest(Other)
	}
	p.next()
	p.chained = false
	switch {
	case p.is(p.tok, "start"), p.is(p.tok, "begin"):
		p.skip()
		return Begin
	case p.is(p.tok, "commit"):
		p.skip()
		return Commit
	case p.is(p.tok, "rollback"):
		p.skip()
		return Rollback
	}
	return p.rest(Other)
}

// set reads SET, which may call functions and, in MariaDB, run a statement.
func set(p *parser) Verb {
	p.next()
	if p.is(p.tok, "statement") {
		return p.rest(Other)
	}
	if p.d == MySQL {
		p.info.Transaction = p.info.Transaction || setCommits(p.sql)
	}
	p.opaque("session")
	calls := len(p.info.Calls)
	p.clauses(scope{})
	if len(p.info.Calls) > calls {
		return Other
	}
	return Session
}

// setCommits reports whether a text that SETs something may commit by it, as SET autocommit = 1 does, and SET PASSWORD.
// SET @user = 7, which programs send in each transaction for their triggers, does not.
func setCommits(sql string) bool {
	sql = strings.ToLower(sql)
	return strings.Contains(sql, "autocommit") || strings.Contains(sql, "password") || strings.Contains(sql, "role")
}

// prepare reads PREPARE, which runs nothing yet: EXECUTE is of verb Other.
func prepare(p *parser) Verb {
	if p.is(p.ahead, "transaction") {
		return p.rest(Other)
	}
	return p.rest(Session)
}

// analyze reads ANALYZE t, which changes no rows, and the ANALYZE of MariaDB that runs a statement.
func analyze(p *parser) Verb {
	if p.d == MySQL {
		if p.startsQueryAhead() || p.is(p.ahead, "format") {
			return explain(p)
		}
		p.info.Transaction = true
	}
	return p.rest(Session)
}

func (p *parser) startsQueryAhead() bool {
	switch p.ahead.kw {
	case kSelect, kWith, kValues, kInsert, kUpdate, kDelete, kReplace:
		return true
	}
	return p.ahead.kind == tOpen
}

// vacuum: that of SQLite may number the rows of a table without a primary key anew.
func vacuum(p *parser) Verb {
	if p.d == Postgres {
		return p.rest(Session)
	}
	return p.rest(Other)
}

// declare reads DECLARE c CURSOR FOR query; a plain SELECT for all that can be written.
func declare(p *parser) Verb {
	p.opaque("cursor")
	for p.tok.kind != tEnd && p.tok.kind != tSemi && p.tok.kw != kFor {
		p.next()
	}
	if !p.accept(kFor) {
		return p.rest(Other)
	}
	return p.statement()
}

// readPragmas take an argument and change nothing.
var readPragmas = map[string]bool{"table_info": true, "table_xinfo": true, "table_list": true,
	"index_list": true, "index_info": true, "index_xinfo": true, "foreign_key_list": true,
	"foreign_key_check": true, "integrity_check": true, "quick_check": true}

// actPragmas act without an argument.
var actPragmas = map[string]bool{"optimize": true, "wal_checkpoint": true, "shrink_memory": true,
	"incremental_vacuum": true}

// pragma reads PRAGMA [schema.]name [= value | (value)]. None of them changes a row.
func pragma(p *parser) Verb {
	p.next()
	n, ok := p.path()
	if !ok {
		return p.rest(Other)
	}
	name := canonical(p.unquote(n.last))
	reads := readPragmas[name]
	if p.tok.kind == tSemi || p.tok.kind == tEnd {
		reads = !actPragmas[name]
	}
	if reads {
		return p.rest(Inspect)
	}
	return p.rest(Session)
}
