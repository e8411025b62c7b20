package sqltext

// scope is the state of one level of parentheses, or of a statement outside them.
type scope struct {
	head   bool // at the beginning: a query may start here
	query  bool // FROM starts a list of tables; else it separates arguments, as in EXTRACT
	from   bool // a list of tables was seen since the last SELECT
	tables bool // inside one: a comma separates tables
	want   bool // a table is due
	insert bool // INSERT before its query: WITH and TABLE may start one
	using  bool // DELETE and MERGE: USING starts a list of tables
	writes bool // the tables listed may be written too, up to the next SELECT
	sets   bool // UPDATE of MySQL: SET starts a list of assignments
	assign bool // inside that: a comma separates assignments
	commas int
}

// clauses reads up to the end of the level: ')', ';' or the end of the text, which stays the current token.
func (p *parser) clauses(s scope) scope {
	for {
		if s.want {
			s.want = false
			p.tableRef(&s)
			s.head = false
			continue
		}
		switch p.tok.kind {
		case tEnd, tSemi, tClose:
			return s
		case tWord:
			p.wordIn(&s)
			continue
		case tOpen:
			p.group(scope{head: true})
			s.head = false
			continue
		case tComma:
			s.commas++
			s.want = s.tables
			if s.assign {
				p.next()
				p.assigned()
				continue
			}
		case tParam:
			p.params++
			if p.date.depth > 0 {
				p.volatile("date")
			}
		case tString:
			if p.d == MySQL && p.parenAhead() && p.isName(p.tok) { // a name if ANSI_QUOTES is set
				p.call()
				s.head = false
				continue
			}
			p.timeWord(s.commas)
		case tVariable:
			p.variable()
		case tQuoted:
			if p.parenAhead() && p.prev.kw != kAs && p.prev.kind != tCast {
				p.call()
				s.head = false
				continue
			}
			p.timeWord(s.commas)
		}
		s.head = false
		p.next()
	}
}

// group reads a level of parentheses or brackets, the current token being the opening one. It reports whether the level
// was empty.
func (p *parser) group(s scope) (end scope, empty bool) {
	if p.depth++; p.depth > maxDepth {
		p.lose("nesting too deep")
		return s, true
	}
	open, ctes, base := p.sql[p.tok.start], len(p.ctes), p.base
	p.next()
	empty = p.tok.kind == tClose
	if empty {
		s.want = false
	}
	end = p.clauses(s)
	p.ctes, p.base = p.ctes[:ctes], base
	p.depth--
	if p.tok.kind != tClose || (p.sql[p.tok.start] == ')') != (open == '(') {
		p.fail("unbalanced parentheses")
		return end, empty
	}
	p.next()
	return end, empty
}

// wordIn reads a bare word and what belongs to it.
func (p *parser) wordIn(s *scope) {
	head := s.head
	s.head = false
	switch {
	case p.prev.kind == tDot, p.prev.kw == kAs, p.prev.kind == tCast:
		// A column behind its table, an alias, a type: keywords are names there.
		p.plain()
		if p.prev.kind == tDot && p.parenAhead() {
			p.call()
			return
		}
		p.timeType()
		p.next()
		return
	case p.keywordIn(s, head):
		return
	case p.parenAhead() && p.callable():
		p.call()
		return
	}
	if p.tok.kw == kNone {
		p.volatileWord()
	}
	p.next()
}

// keywordIn reads a keyword that changes the state of the level. It reports whether it did.
func (p *parser) keywordIn(s *scope, head bool) bool {
	if p.parenAhead() && p.named() {
		return false
	}
	switch p.tok.kw {
	case kNone:
		return false
	case kSelect:
		s.query, s.from, s.tables, s.writes, s.insert = true, false, false, false, false
	case kFrom:
		if !s.query || p.prev.kw == kDistinct && (p.prev2.kw == kIs || p.prev2.kw == kNot) {
			break
		}
		s.from, s.tables, s.want = true, true, true
	case kJoin:
		s.from, s.tables, s.want, s.using = true, true, true, false
	case kStraight:
		if s.from || s.tables {
			s.tables, s.want = true, true
		}
	case kUsing:
		// USING (a, b) of a join lists columns.
		if s.using {
			s.using = false
			s.from, s.tables, s.want = true, true, true
			if s.writes {
				p.deletesFrom()
			}
		}
	case kUnion, kExcept, kMinus:
		if s.alias(p) {
			break
		}
		s.from, s.tables = false, false
		p.next()
		if p.tok.kw == kAll || p.tok.kw == kDistinct {
			p.next()
		}
		s.head = true
		return true
	case kTail, kSet, kUpdate:
		if !s.alias(p) {
			s.tables, s.insert = false, false
			if s.sets && p.tok.kw != kUpdate {
				return p.assignments(s)
			}
		}
		if p.tok.kw == kSet || p.tok.kw == kUpdate {
			if head && p.startsWrite() {
				p.embedded()
				return true
			}
		}
	case kFor, kLock:
		p.locking(s)
	case kInsert, kDelete, kMerge, kReplace:
		if head && p.startsWrite() {
			p.embedded()
			return true
		}
		return false
	default:
		return p.rareKeyword(s, head)
	}
	p.next()
	return true
}

// rareKeyword is the second half of keywordIn.
func (p *parser) rareKeyword(s *scope, head bool) bool {
	switch p.tok.kw {
	case kInto:
		p.into(s)
	case kWith:
		if head || s.insert && !s.query {
			p.with()
			s.head = true
			return true
		}
	case kTable:
		if head || s.insert && !s.query {
			p.opaque("TABLE")
			s.want = true
		}
	case kIn:
		// SQLite: x IN t reads the table t.
		if p.d == SQLite && p.isName(p.ahead) {
			p.next()
			p.inTable()
			return true
		}
	case kValues, kValue:
		if p.ahead.kind == tOpen || head { // and not OVERRIDING USER VALUE
			s.insert = false
		}
		return false
	case kNext:
		if p.is(p.ahead, "value") {
			p.volatile("next value")
		}
		return false
	case kTablesample:
		p.volatile("tablesample")
		return false
	default:
		return false
	}
	p.next()
	return true
}

// alias reports whether the word, although it could end the list of tables, is the alias of a table: some dialects allow
// OFFSET or WINDOW there. Read as the end of the list, it would hide the tables that follow.
func (s *scope) alias(p *parser) bool { return s.tables && p.ahead.kind == tComma }

// locking reads FOR UPDATE and its like.
func (p *parser) locking(s *scope) {
	switch p.ahead.kw {
	case kUpdate, kShare, kNo, kKey:
		p.info.Locking = p.info.Locking || p.tok.kw == kFor
	case kIn:
		p.info.Locking = p.info.Locking || p.tok.kw == kLock
	case kSystemTime:
		return
	}
	if p.tok.kw == kFor && !s.alias(p) {
		s.tables = false
	}
	if p.ahead.kw == kUpdate || p.ahead.kw == kKey || p.ahead.kw == kNo {
		p.next() // UPDATE here starts no statement
	}
}

// into reads SELECT … INTO, which makes a table, or in MySQL a file or a variable.
func (p *parser) into(s *scope) {
	if !s.query || p.depth > 0 {
		return
	}
	s.tables = false
	p.opaque("SELECT INTO")
	if p.d == MySQL {
		p.volatile("into")
		return
	}
	p.info.DDL, p.info.Write = true, true
}
