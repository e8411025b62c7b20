package sqltext

// startsWrite reports whether the current word starts INSERT, UPDATE, … and is no column or function of
// that name.
func (p *parser) startsWrite() bool {
	switch p.tok.kw {
	case kInsert, kUpdate, kDelete, kMerge, kReplace:
		return p.isName(p.ahead)
	}
	return false
}

// embedded reads a statement that writes in the place of a query.
func (p *parser) embedded() { dml(p) }

// dml reads a statement that writes, after its WITH.
func dml(p *parser) Verb {
	switch p.tok.kw {
	case kInsert, kReplace:
		p.next()
		p.insert()
		return Insert
	case kUpdate:
		p.next()
		p.update()
	case kDelete:
		p.next()
		p.delete()
		return Delete
	case kMerge:
		p.next()
		p.merge()
	}
	return Update
}

// modifiers skips OR x of SQLite and the words that MySQL puts between verb and table. Some of these may be the table's
// name, then behind it is SET.
func (p *parser) modifiers() {
	for {
		switch {
		case p.tok.kw == kOr:
			p.next()
		case p.d == MySQL && p.ahead.kw != kSet && (p.tok.kw == kIgnore || p.is(p.tok, "low_priority") || p.is(p.tok, "delayed") ||
			p.is(p.tok, "high_priority") || p.is(p.tok, "quick")):
		default:
			return
		}
		p.next()
	}
}

// target reads the single table that a statement writes, and its alias.
func (p *parser) target(bareAlias bool) {
	only := p.d == Postgres && p.accept(kOnly)
	paren := only && p.tok.kind == tOpen
	if paren {
		p.next()
	}
	n, ok := p.path()
	if !ok {
		p.lose("no table where one is due")
		return
	}
	p.write(n)
	if paren {
		if p.tok.kind != tClose {
			p.fail("unbalanced parentheses")
			return
		}
		p.next()
	}
	p.suffix(bareAlias)
}

func (p *parser) insert() {
	p.modifiers()
	if !p.accept(kInto) && p.d != MySQL {
		p.lose("INSERT without INTO")
		return
	}
	p.target(false)
	p.clauses(scope{insert: true})
}

// update and delete: MySQL takes a list of joined tables.
func (p *parser) update() {
	p.modifiers()
	if p.d == MySQL {
		p.updateJoined()
		return
	}
	p.target(true)
	p.clauses(scope{query: true})
}

func (p *parser) delete() {
	p.modifiers()
	if p.d == MySQL {
		p.deleteJoined()
		return
	}
	if !p.accept(kFrom) {
		p.lose("DELETE without FROM")
		return
	}
	p.target(true)
	p.clauses(scope{query: true, using: true})
}

func (p *parser) merge() {
	p.accept(kInto)
	p.target(true)
	p.clauses(scope{query: true, using: true})
}

// truncate reads TRUNCATE [TABLE] a, b. MySQL commits before it and behind it.
func truncate(p *parser) Verb {
	p.next()
	if p.tok.kw == kTable && p.isName(p.ahead) {
		p.next()
	}
	for {
		p.target(false)
		if p.tok.kind != tComma {
			break
		}
		p.next()
	}
	p.info.Transaction = p.info.Transaction || p.d == MySQL
	for p.tok.kind == tWord {
		p.info.Cascades = p.info.Cascades || p.tok.kw == kCascade
		p.next()
	}
	p.skip()
	return Delete
}

// copyTable reads COPY t FROM …, COPY t TO … and COPY (query) TO ….
func copyTable(p *parser) Verb {
	p.next()
	p.opaque("COPY")
	if p.tok.kind == tOpen {
		p.group(scope{head: true})
		p.skip()
		return Select
	}
	if p.is(p.tok, "binary") && p.isName(p.ahead) {
		p.next()
	}
	n, ok := p.path()
	if !ok {
		return p.rest(Other)
	}
	p.columns()
	verb := Select
	if p.tok.kw == kFrom {
		p.write(n)
		verb = Insert
	} else {
		p.read(n)
	}
	p.skip()
	return verb
}

// load reads LOAD DATA … INTO TABLE t.
func load(p *parser) Verb {
	p.next()
	if !p.is(p.tok, "data") && !p.is(p.tok, "xml") {
		p.info.Transaction = p.info.Transaction || p.d == MySQL // LOAD INDEX INTO CACHE
		return p.rest(Session)
	}
	for p.tok.kw != kInto {
		if p.tok.kind == tEnd || p.tok.kind == tSemi {
			return p.rest(Other)
		}
		p.next()
	}
	p.next()
	if !p.accept(kTable) {
		return p.rest(Other)
	}
	p.target(false)
	p.clauses(scope{})
	return Insert
}

// refresh reads REFRESH MATERIALIZED VIEW v.
func refresh(p *parser) Verb {
	p.next()
	if !p.accept(kMaterialized) || !p.is(p.tok, "view") {
		return p.rest(Other)
	}
	p.next()
	if p.is(p.tok, "concurrently") && p.isName(p.ahead) {
		p.next()
	}
	p.target(false)
	p.skip()
	return Update
}

// explain reads EXPLAIN, DESCRIBE and the ANALYZE of MariaDB. With ANALYZE the statement is executed;
// ANALYZE false is not distinguished.
func explain(p *parser) Verb {
	p.opaque("EXPLAIN")
	runs := false
	for p.tok.kind != tEnd && p.tok.kind != tSemi {
		runs = runs || p.tok.kw == kAnalyze
		p.next()
		if p.tok.kind == tOpen && p.prev.kw == kExplain { // EXPLAIN (ANALYZE, FORMAT json) …
			runs = p.explainOptions() || runs
		}
		if p.explained() {
			return p.explainee(runs)
		}
	}
	if runs {
		return Other
	}
	return Inspect
}

// explainOptions skips the options in parentheses, if there are any. It reports whether one is ANALYZE.
func (p *parser) explainOptions() (runs bool) {
	if p.startsQueryAhead() {
		return false
	}
	for p.tok.kind != tClose && p.tok.kind != tEnd {
		p.next()
		runs = runs || p.tok.kw == kAnalyze
	}
	p.next()
	return runs
}

// explained reports whether the statement that EXPLAIN explains starts here.
func (p *parser) explained() bool {
	if p.tok.kind == tOpen {
		return true
	}
	if n := int(p.tok.end - p.tok.start); p.tok.kind != tWord || n > longestWord || p.tok.kw == kAnalyze {
		return false
	}
	return acts[string(lower(&p.lower, p.text(p.tok)))] != nil || p.is(p.tok, "execute") || p.is(p.tok, "call")
}

// explainee reads the explained statement, and discards what it does unless it is executed.
func (p *parser) explainee(runs bool) Verb {
	if p.depth++; p.depth > maxDepth {
		p.lose("nesting too deep")
		return Other
	}
	before := p.info
	verb := p.statement()
	p.depth--
	if runs {
		return verb
	}
	p.info = before
	p.skip()
	return Inspect
}
