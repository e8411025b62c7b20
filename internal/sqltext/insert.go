package sqltext

import "slices"

// insert reads INSERT behind that word.
func (n *narrower) insert() {
	if n.tok.kw != kInto {
		n.because(wideReplace)
		return
	}
	if !n.expect(kInto) || !n.table(false) {
		return
	}
	if n.is(n.tok, "default") && n.ahead.kw == kValues && n.d != MySQL {
		n.step()
		n.step()
		n.out.Columns, n.out.Rows = []string{}, [][]Operand{{}}
	} else {
		n.columnList()
		if n.tok.kw != kValues {
			n.because(wideSelected)
			return
		}
		if n.expect(kValues) {
			n.rows()
		}
	}
	if n.is(n.tok, "on") {
		n.because(wideUpsert)
	}
	n.condition()
	if n.out.Where != "" {
		n.refuse()
	}
}

// columnList reads (a, b).
func (n *narrower) columnList() {
	switch {
	case n.tok.kw == kSelect || n.tok.kw == kWith:
		n.because(wideSelected)
		return
	case n.tok.kind != tOpen:
		n.because(wideColumns)
		return
	}
	for n.tok.kind != tClose {
		n.step()
		column, ok := n.target()
		if !ok || len(n.out.Columns) == maxColumns || n.tok.kind != tComma && n.tok.kind != tClose {
			n.refuse()
			return
		}
		n.out.Columns = append(n.out.Columns, column)
	}
	n.step()
	n.once(slices.Clone(n.out.Columns))
}

// rows reads (1, 2), (3, 4).
func (n *narrower) rows() {
	for {
		row := n.row()
		if n.no || len(n.out.Rows) == maxRows {
			n.refuse()
			return
		}
		n.out.Rows = append(n.out.Rows, row)
		if n.tok.kind != tComma {
			return
		}
		n.step()
	}
}

func (n *narrower) row() []Operand {
	if n.tok.kind != tOpen {
		n.refuse()
		return nil
	}
	row := make([]Operand, 0, len(n.out.Columns))
	for n.tok.kind == tOpen || n.tok.kind == tComma {
		n.step()
		value := n.operand(true)
		if n.tok.kind != tComma && n.tok.kind != tClose {
			value = Operand{}
			for n.tok.kind != tComma && n.tok.kind != tClose && n.tok.kind != tEnd {
				n.skip()
			}
		}
		if len(row) == len(n.out.Columns) {
			n.refuse()
			return nil
		}
		row = append(row, value)
	}
	if n.tok.kind != tClose || len(row) != len(n.out.Columns) {
		n.refuse()
		return nil
	}
	n.step()
	return row
}
