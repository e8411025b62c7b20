package sqltext

import "strings"

// isName reports whether the token can be an identifier. SQLite takes any string for one where it fits,
// and MySQL "…" if ANSI_QUOTES is set.
func (p *parser) isName(t token) bool {
	switch t.kind {
	case tWord, tQuoted:
		return true
	case tString:
		return p.d == SQLite || p.d == MySQL && p.sql[t.start] == '"'
	}
	return false
}

// unquote returns the identifier that the token stands for, in its own case.
func (p *parser) unquote(t token) string {
	s := p.text(t)
	if t.kind != tQuoted && t.kind != tString {
		return s
	}
	q := s[len(s)-1:]
	s = s[1 : len(s)-1]
	if q != "]" && strings.Contains(s, q) {
		s = strings.ReplaceAll(s, q+q, q)
	}
	return s
}

// canonical is store.TableName.
func canonical(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToLower(name)
}

// fold returns a name in the form in which the dialect compares names of common table expressions and savepoints. If the
// form depends on the server (MySQL), it uses the stricter comparison, which lists a table too many.
func (p *parser) fold(t token) string {
	s := p.unquote(t)
	if p.d == SQLite || p.d == Postgres && t.kind == tWord {
		return strings.ToLower(s)
	}
	return s
}

// path is a possibly qualified name.
type path struct {
	last      token
	schema    token
	qualified bool
}

// path reads a name with its qualifiers. ok is false, and nothing is read, if there is none.
func (p *parser) path() (n path, ok bool) {
	if p.tok.kind == tDot && p.d == MySQL { // .t is t
		p.next()
	}
	if !p.isName(p.tok) {
		return n, false
	}
	n.last = p.tok
	p.plain()
	p.next()
	for p.tok.kind == tDot && (p.isName(p.ahead) || p.ahead.kind == tNumber) {
		p.next()
		n.schema, n.last, n.qualified = n.last, p.tok, true
		p.plain()
		p.next()
	}
	return n, true
}

// longestName is the length to which PostgreSQL truncates a name: the text does not show the real name of a longer one.
const longestName = 63

// read records that the table is read.
func (p *parser) read(n path) {
	if !n.qualified && (p.isCTE(n.last) || p.d == MySQL && p.is(n.last, "dual")) {
		return
	}
	name := p.unquote(n.last)
	switch {
	case p.system(n, name):
		p.opaque("system table " + name)
	case p.d == Postgres && len(name) > longestName:
		p.opaque("name too long")
	}
	p.info.Reads = appendName(p.info.Reads, canonical(name))
}

// write records that the table is written.
func (p *parser) write(n path) {
	name := p.unquote(n.last)
	if p.d == Postgres && len(name) > longestName {
		p.lose("name too long")
		return
	}
	p.info.Writes = appendName(p.info.Writes, canonical(name))
}

func appendName(list []string, name string) []string {
	if n := len(list); n > 0 && list[n-1] == name {
		return list
	}
	return append(list, name)
}

// system reports whether the table belongs to the database itself: its content changes unnoticed.
func (p *parser) system(n path, name string) bool {
	if n.qualified {
		switch strings.ToLower(p.unquote(n.schema)) {
		case "information_schema", "pg_catalog", "pg_toast", "performance_schema", "mysql", "sys":
			return p.d != SQLite
		}
	}
	name = strings.ToLower(name)
	switch p.d {
	case Postgres:
		return strings.HasPrefix(name, "pg_")
	case SQLite:
		return strings.HasPrefix(name, "sqlite_") || strings.HasPrefix(name, "pragma_")
	}
	return false
}

// isCTE reports whether an unqualified name is that of a common table expression in scope.
func (p *parser) isCTE(t token) bool {
	if len(p.ctes) == p.base {
		return false
	}
	name := p.fold(t)
	for _, c := range p.ctes[p.base:min(len(p.ctes), p.base+maxCTEs)] {
		if c.exact == name {
			return true
		}
	}
	return false
}

// savepoint reads the name of one.
func (p *parser) savepoint() {
	if p.isName(p.tok) {
		if p.info.Savepoint == "" {
			name := p.fold(p.tok)
			switch p.d {
			case MySQL:
				name = strings.ToLower(name)
			case Postgres: // cuts it off: two long names may be one savepoint
				name = name[:min(len(name), longestName)]
			}
			p.info.Savepoint = name
		}
		p.next()
	}
}
