package sqltext

// tableRef reads one item of a list of tables, its alias included.
func (p *parser) tableRef(s *scope) {
	for p.tok.kw == kLateral {
		p.next()
	}
	if p.tok.kw == kOnly && p.d == Postgres {
		p.next()
	}
	switch {
	case p.tok.kind == tOpen:
		p.group(scope{head: true, want: true, tables: true, from: true, writes: s.writes})
	case s.head && p.startsQuery():
		s.tables, s.writes, s.head = false, false, true
		p.wordIn(s)
		return
	case p.tok.kw == kRows && p.ahead.kw == kFrom:
		p.opaque("ROWS FROM")
		p.next()
		p.next()
		return
	default:
		n, ok := p.path()
		if !ok {
			p.noTable(s)
			return
		}
		if p.tok.kind == tOpen {
			p.tableFunction(n)
			break
		}
		p.read(n)
		alias := p.suffix(true)
		if s.writes && !(!n.qualified && p.isCTE(n.last)) {
			p.list(n, alias)
		}
		return
	}
	p.suffix(true)
}

// noTable handles something else where a table is expected.
func (p *parser) noTable(s *scope) {
	if s.writes {
		p.lose("no table where one is due")
		return
	}
	p.opaque("no table where one is due")
	if p.tok.kind == tOp || p.tok.kind == tVariable || p.tok.kind == tParam {
		p.next()
	}
}

// startsQuery reports whether a parenthesis that may hold a table or a query holds a query.
func (p *parser) startsQuery() bool {
	switch p.tok.kw {
	case kSelect, kWith, kValues, kTable:
		return true
	case kInsert, kUpdate, kDelete, kMerge:
		return p.startsWrite()
	}
	return false
}

// inTable reads the table of x IN t.
func (p *parser) inTable() {
	n, ok := p.path()
	if ok && p.tok.kind == tOpen {
		p.tableFunction(n)
	} else if ok {
		p.read(n)
	}
}

// tableFunction reads a function in the place of a table.
func (p *parser) tableFunction(n path) {
	name := canonical(p.unquote(n.last))
	if n.qualified || n.last.kind != tWord || p.function(n.last) != fRows {
		p.opaque("table function " + name)
		p.calls(n)
	}
	p.group(scope{head: true})
}

// suffix reads what may follow a table: partitions, samples, hints, an alias and its columns. allowBare permits an alias
// without AS. The alias is returned, a token of kind tEnd if there is none.
func (p *parser) suffix(allowBare bool) (alias token) {
	for {
		switch p.tok.kw {
		case kPartition:
			if p.ahead.kind != tOpen {
				return alias
			}
			p.next()
			p.group(scope{})
		case kTablesample, kRepeatable:
			p.volatile("tablesample")
			p.next()
			if p.isName(p.tok) {
				p.path()
			}
			p.columns()
		case kUse, kForce, kIgnore:
			if p.ahead.kw != kIndex && p.ahead.kw != kKey {
				return alias
			}
			p.hint()
		case kIndexed:
			p.next()
			p.accept(kBy)
			p.next()
		case kNot:
			if p.ahead.kw != kIndexed {
				return alias
			}
			p.next()
			p.next()
		case kWith:
			if p.ahead.kw != kOrdinality {
				return alias
			}
			p.next()
			p.next()
		case kAs:
			allowBare = false
			p.next()
			alias = p.tok
			p.name()
		case kNone:
			switch {
			case p.tok.kind == tOp && p.text(p.tok) == "*":
				p.next()
			case allowBare && p.isName(p.tok):
				allowBare = false
				alias = p.tok
				p.name()
			default:
				return alias
			}
		default:
			return alias
		}
	}
}

// name skips an alias and the list of its columns.
func (p *parser) name() {
	if p.isName(p.tok) {
		p.plain()
		p.next()
	}
	p.columns()
}

// columns skips a parenthesis that holds no query.
func (p *parser) columns() {
	if p.tok.kind == tOpen {
		p.group(scope{})
	}
}

// hint skips USE INDEX [FOR JOIN | ORDER BY | GROUP BY] (a, b).
func (p *parser) hint() {
	for p.tok.kind == tWord {
		p.next()
	}
	p.columns()
}

// with reads the common table expressions up to the statement they belong to. A name hides a table
// from where its definition ends, or, if recursive, from where it starts. So it lists a table too many if
// a dialect lets an earlier expression use a later one, and never a table too few. MariaDB takes the
// name of an outer expression, if it stands inside a WITH within a WITH, for that of a table.
func (p *parser) with() {
	if p.d == MySQL {
		p.base = len(p.ctes)
	}
	p.next()
	recursive := p.tok.kw == kRecursive && p.ahead.kw != kAs && p.isName(p.ahead)
	if recursive {
		p.next()
	}
	for {
		if !p.isName(p.tok) {
			p.lose("WITH without a name")
			return
		}
		name := cte{p.fold(p.tok)}
		p.plain()
		p.next()
		p.columns()
		if !p.accept(kAs) {
			p.lose("WITH without AS")
			return
		}
		p.accept(kNot)
		p.accept(kMaterialized)
		if p.tok.kind != tOpen {
			p.lose("WITH without a query")
			return
		}
		if recursive {
			p.ctes = append(p.ctes, name)
		}
		p.group(scope{head: true})
		if !recursive {
			p.ctes = append(p.ctes, name)
		}
		p.searchCycle()
		if p.tok.kind != tComma {
			return
		}
		p.next()
	}
}

// searchCycle skips SEARCH … SET x and CYCLE … SET x … USING y behind a recursive expression.
func (p *parser) searchCycle() {
	for p.is(p.tok, "search") || p.is(p.tok, "cycle") {
		p.next()
		for p.tok.kind == tWord || p.tok.kind == tQuoted || p.tok.kind == tComma {
			if p.startsQuery() {
				return
			}
			set := p.tok.kw == kSet || p.tok.kw == kRestrict
			p.next()
			if set {
				break
			}
		}
		for p.tok.kind != tComma && p.tok.kind != tOpen && p.tok.kind != tEnd && p.tok.kind != tClose {
			if p.startsQuery() || p.is(p.tok, "cycle") {
				break
			}
			p.next()
		}
	}
}
