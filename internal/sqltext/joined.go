package sqltext

import (
	"slices"
	"strings"
)

// joined is an UPDATE or DELETE of MySQL that may join several tables. It writes only some of them: the tables whose
// columns UPDATE sets, or the tables that DELETE names once more.
type joined struct {
	refs   []ref   // the tables listed
	names  []token // the names of the tables from which DELETE deletes
	sets   []path  // the columns that UPDATE sets
	update bool
	vague  bool // not fully understood: it may write to all listed tables
}

// ref is a table in a list, and the name that the statement has for it, "" if that is not known.
type ref struct {
	table path
	name  string
}

// update reads an UPDATE of MySQL, and delete a DELETE.
func (p *parser) updateJoined() {
	p.joined = joined{update: true}
	p.clauses(scope{query: true, tables: true, from: true, want: true, writes: true, sets: true})
	p.place()
}

func (p *parser) deleteJoined() {
	p.joined = joined{}
	for p.tok.kw != kFrom {
		n, ok := p.path()
		if !ok {
			p.lose("DELETE without FROM")
			return
		}
		p.joined.names = append(p.joined.names, n.last)
		if p.tok.kind == tDot { // t.*
			p.next()
			p.next()
		}
		if p.tok.kind == tComma {
			p.next()
		} else if p.tok.kw != kFrom {
			p.lose("DELETE without FROM")
			return
		}
	}
	p.next()
	p.clauses(scope{query: true, tables: true, from: true, want: true, writes: true, using: true})
	p.place()
}

// list records a table that may be written, after its alias. The next token must be one that can follow a table:
// otherwise a word that is a keyword elsewhere was the alias.
func (p *parser) list(n path, alias token) {
	r := ref{table: n, name: p.called(n.last)}
	if alias.kind != tEnd {
		r.name = p.called(alias)
	}
	p.joined.refs = append(p.joined.refs, r)
	switch {
	case p.tok.kind == tComma, p.tok.kind == tClose, p.tok.kind == tSemi, p.tok.kind == tEnd,
		p.any(p.tok, "set", "where", "order", "limit", "on", "using", "join", "straight_join", "left", "right", "inner", "cross", "natural"):
	default:
		p.joined.vague = true
	}
}

// called returns a name in the form in which names within the statement are compared: in lower case, although a server may
// distinguish case. It is "" for a name beyond ASCII.
func (p *parser) called(t token) string {
	name, _ := foldASCII(p.unquote(t))
	return name
}

// deletesFrom turns the tables listed so far into names: of DELETE FROM a USING b.
func (p *parser) deletesFrom() {
	for _, r := range p.joined.refs {
		p.joined.names = append(p.joined.names, r.table.last)
	}
	p.joined.refs = nil
}

// assignments meets SET, or what may end its list: these words are reserved, so none of them is a column.
func (p *parser) assignments(s *scope) bool {
	set := p.tok.kw == kSet
	if p.any(p.tok, "set", "where", "order", "limit") {
		s.assign = set
	}
	p.next()
	if set {
		p.assigned()
	}
	return true
}

// assigned reads the column of an assignment, behind SET or a comma.
func (p *parser) assigned() {
	equals := func(t token) bool { return t.kind == tOp && strings.ContainsAny(p.text(t)[:1], "=:") }
	if !p.isName(p.tok) || p.ahead.kind != tDot && !equals(p.ahead) {
		p.joined.vague = true
		return
	}
	n, _ := p.path()
	if !equals(p.tok) {
		p.lose("no assignment where one is due")
		return
	}
	p.joined.sets = append(p.joined.sets, n)
}

// place records which of the tables are written.
func (p *parser) place() {
	j := &p.joined
	written := make([]bool, len(j.refs))
	var loose []string
	for _, n := range j.sets {
		column := p.called(n.last)
		switch {
		case n.qualified:
			j.mark(written, p.called(n.schema))
		case column == "":
			j.vague = true
		default:
			loose = append(loose, column)
		}
	}
	for _, name := range j.names {
		j.mark(written, p.called(name))
	}
	all := j.vague || len(j.refs) < 2 || j.update && len(j.sets) == 0 || !j.update && len(j.names) == 0
	for i, r := range j.refs {
		if all || written[i] || len(loose) > 0 {
			p.write(r.table)
		}
	}
	if all || len(loose) == 0 {
		return
	}
	var sure []string
	for i, r := range j.refs {
		if written[i] {
			sure = append(sure, canonical(p.unquote(r.table.last)))
		}
	}
	for _, r := range j.refs {
		if name := canonical(p.unquote(r.table.last)); !slices.Contains(sure, name) {
			p.info.Maybe = append(p.info.Maybe, name)
		}
	}
	p.info.Loose = loose
}

// mark records as written the tables that the statement calls by this name.
func (j *joined) mark(written []bool, name string) {
	found := false
	for i, r := range j.refs {
		if r.name == name {
			written[i], found = true, true
		}
	}
	j.vague = j.vague || !found || name == ""
}
