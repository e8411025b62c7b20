package sqltext

import "slices"

// assignments reads what stands behind SET.
func (n *narrower) assignments() {
	for {
		column, ok := n.target()
		if !ok || len(n.out.Sets) == maxColumns || n.tok.kind != tOp || n.text(n.tok) != "=" {
			n.refuse()
			return
		}
		n.step()
		value := n.operand(true)
		if !n.assigned() {
			value = Operand{}
			for !n.assigned() {
				n.skip()
			}
		}
		n.out.Sets = append(n.out.Sets, Set{column, value})
		if n.tok.kind != tComma {
			break
		}
		n.step()
	}
	if len(n.out.Sets) == 1 {
		return
	}
	columns := make([]string, len(n.out.Sets))
	for i, s := range n.out.Sets {
		columns[i] = s.Column
	}
	n.once(columns)
}

// assigned reports whether an assignment ends here.
func (n *narrower) assigned() bool {
	switch n.tok.kind {
	case tEnd, tSemi, tComma:
		return true
	case tWord:
		if n.tok.kw == kFrom {
			n.because(wideFrom)
			return true
		}
		return n.isWhere() || n.clause() || n.no
	}
	return false
}

// skip goes to the next token of this level.
func (n *narrower) skip() {
	level := n.level
	n.step()
	for n.level > level && n.tok.kind != tEnd {
		n.step()
	}
}

// target reads the name of a column that is written.
func (n *narrower) target() (column string, ok bool) {
	if !n.column() {
		return "", false
	}
	t := n.tok
	n.step()
	if n.tok.kind == tDot { // elsewhere the field of a column
		if qualifier, ok := n.identifier(t); n.d != MySQL || !ok || qualifier != n.alias {
			return "", false
		}
		n.step()
		if t = n.tok; !n.column() {
			return "", false
		}
		n.step()
	}
	column, ok = n.identifier(t)
	if n.d == SQLite && (column == "rowid" || column == "oid" || column == "_rowid_") {
		return "", false // may stand for the primary key
	}
	return column, ok
}

// column reports whether the token may be the name of a column.
func (n *narrower) column() bool {
	switch n.tok.kw {
	case kBegin, kCopy, kKey, kNext, kRows, kSets, kShare, kValue:
		return true
	}
	return n.plainName()
}

// once refuses a text that names a column twice: databases differ in which one counts.
func (n *narrower) once(columns []string) {
	slices.Sort(columns)
	for i := 1; i < len(columns); i++ {
		if columns[i] == columns[i-1] {
			n.refuse()
			return
		}
	}
}
