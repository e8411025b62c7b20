package sqltext

import "slices"

// where reads the condition behind WHERE.
func (n *narrower) where() {
	if n.is(n.tok, "current") { // CURRENT OF c: the row of a cursor
		n.refuse()
		return
	}
	first := n.tok.start
	n.out.WhereFirst, n.inWhere = n.args, true
	n.conjuncts()
	n.inWhere = false
	if n.no || n.prev.end <= first {
		n.refuse()
		return
	}
	n.out.WhereParams = n.args - n.out.WhereFirst
	n.out.Where = n.sql[first:n.prev.end]
}

// conjuncts reads a list of conditions joined by AND, up to the end of its level. Any other condition pins
// nothing.
func (n *narrower) conjuncts() {
	outer, sound := n.fixed(), true
	for {
		before := n.fixed()
		n.conjunct()
		if !n.conjoined() {
			n.unfix(before)
			sound = n.rest() && sound
		}
		if n.tok.kind != tWord || !n.is(n.tok, "and") {
			break
		}
		n.step()
	}
	if !sound {
		n.unfix(outer)
	}
}

// fixed returns how many pins and NULL conditions have been read so far; unfix removes those read since.
func (n *narrower) fixed() (f struct{ pins, nulls int }) {
	f.pins, f.nulls = len(n.out.Pins), len(n.out.Nulls)
	return f
}

func (n *narrower) unfix(f struct{ pins, nulls int }) {
	n.out.Pins, n.out.Nulls = n.out.Pins[:f.pins], n.out.Nulls[:f.nulls]
}

// conjoined reports whether a conjunct ends here.
func (n *narrower) conjoined() bool {
	switch n.tok.kind {
	case tEnd, tSemi, tClose:
		return true
	case tWord:
		return n.tok.kw == kAnd && n.is(n.tok, "and") || n.level == 0 && n.clause()
	}
	return false
}

// conjunct reads as much as looks like a pin: column = value, value = column, column IN (values), column IS NULL,
// or a list of them in parentheses. Whether it really is a pin depends on the tokens that follow.
func (n *narrower) conjunct() {
	if n.tok.kind == tOpen && n.sql[n.tok.start] == '(' {
		if n.tuple() {
			return
		}
		n.step()
		n.conjuncts()
		if n.tok.kind != tClose {
			n.refuse()
			return
		}
		n.step()
		return
	}
	if !n.named() {
		value := n.operand(false)
		if value.Kind == OtherOperand || !n.equals() || !n.named() {
			return
		}
		if column, ok := n.qualified(); ok {
			n.pin(column, value)
		}
		return
	}
	column, ok := n.qualified()
	switch {
	case !ok:
	case n.equals():
		n.pin(column, n.operand(false))
	case n.tok.kw == kIn && n.ahead.kind == tOpen:
		n.step()
		n.list(column)
	case n.tok.kw == kIs && n.is(n.ahead, "null"):
		n.step()
		n.step()
		n.out.Nulls = append(n.out.Nulls, column)
	}
}

// tuple reads (column, …) IN ((value, …), …) or (column, …) = (value, …): each column has one of the values in its
// place. If the tokens are something else, it reads nothing.
func (n *narrower) tuple() bool {
	saved := *n
	if columns := n.columns(); columns != nil {
		if values := n.tuples(len(columns)); values != nil {
			for i, column := range columns {
				n.pin(column, values[i]...)
			}
			return true
		}
	}
	*n = saved
	return false
}

// columns reads a list of at least two columns in parentheses, nil if it is none.
func (n *narrower) columns() (columns []string) {
	for n.tok.kind == tOpen || n.tok.kind == tComma {
		n.step()
		if !n.named() {
			return nil
		}
		column, ok := n.qualified()
		if !ok || n.tok.kind != tComma && (columns == nil || n.tok.kind != tClose) {
			return nil
		}
		columns = append(columns, column)
	}
	n.step()
	return columns
}

// tuples reads what a list of columns is compared with, and returns the values of each column; nil unless all are plain
// values.
func (n *narrower) tuples(width int) [][]Operand {
	values := make([][]Operand, width)
	if n.equals() {
		if !n.places(values) {
			return nil
		}
		return values
	}
	if n.tok.kw != kIn || n.ahead.kind != tOpen {
		return nil
	}
	n.step()
	for n.tok.kind == tOpen || n.tok.kind == tComma {
		n.step()
		if !n.places(values) || n.tok.kind != tComma && n.tok.kind != tClose {
			return nil
		}
	}
	n.step()
	return values
}

// places reads one list of values, and adds each to its column's.
func (n *narrower) places(values [][]Operand) bool {
	for i := range values {
		want := tComma
		if i == 0 {
			want = tOpen
		}
		if n.tok.kind != want || len(values[i]) == maxPinned {
			return false
		}
		n.step()
		v := n.operand(false)
		if v.Kind == OtherOperand {
			return false
		}
		values[i] = append(values[i], v)
	}
	if n.tok.kind != tClose {
		return false
	}
	n.step()
	return true
}

// pin records that the column has one of the values.
func (n *narrower) pin(column string, values ...Operand) {
	if len(values) == 0 {
		return
	}
	for _, v := range values {
		if v.Kind == OtherOperand {
			return
		}
	}
	n.out.Pins = append(n.out.Pins, Pin{column, values})
}

// equals skips '='. If the operator has several characters, the tokens that follow show it.
func (n *narrower) equals() bool {
	if n.tok.kind != tOp || n.text(n.tok) != "=" {
		return false
	}
	n.step()
	return true
}

// list reads the values of column IN (values).
func (n *narrower) list(column string) {
	simple := true
	n.values = n.values[:0]
	for n.tok.kind == tOpen || n.tok.kind == tComma {
		n.step()
		value := n.operand(false)
		for n.tok.kind != tComma && n.tok.kind != tClose && n.tok.kind != tEnd {
			value = Operand{}
			n.skip()
		}
		if simple = simple && value.Kind != OtherOperand && len(n.values) < maxPinned; simple {
			n.values = append(n.values, value)
		}
	}
	n.step()
	if simple {
		n.pin(column, slices.Clone(n.values)...)
	}
}

// constants are unquoted words that are values in some dialect, even if a column has that name.
var constants = words(wordsEverywhere + " " + wordsPostgres + " " + wordsMySQL +
	" true false null default unknown rownum")

// named reports whether a column, or its qualifier, stands here.
func (n *narrower) named() bool {
	return n.column() && (n.ahead.kind == tDot || !n.constant(n.tok))
}

// qualified reads the name of a column with its qualifiers, the last of which must be the table or its alias.
func (n *narrower) qualified() (column string, ok bool) {
	qualifier, last := token{}, n.tok
	n.step()
	for n.tok.kind == tDot {
		n.step()
		if !n.column() {
			return "", false
		}
		qualifier, last = last, n.tok
		n.step()
	}
	if qualifier.kind != tEnd {
		if name, ok := n.identifier(qualifier); !ok || name != n.alias {
			return "", false
		}
	}
	return n.identifier(last)
}

func (n *narrower) constant(t token) bool {
	size := int(t.end - t.start)
	return t.kind == tWord && size <= longestWord && constants[string(lower(&n.lower, n.text(t)))]
}

// rest reads what remains of a conjunct. It returns false if the level turns out not to be a list joined by AND.
func (n *narrower) rest() bool {
	sound, between := true, 0
	for !n.no {
		switch n.tok.kind {
		case tEnd, tSemi, tClose:
			return sound
		case tComma:
			sound = false
		case tOp:
			// || is OR in MySQL, and := has the lowest precedence.
			c := n.sql[n.tok.start]
			sound = sound && c != ':' && (c != '|' || n.d != MySQL)
		case tWord:
			if n.tok.kw == kAnd && n.is(n.tok, "and") {
				if between == 0 {
					return sound
				}
				between--
				break
			}
			if n.level == 0 && n.clause() {
				return sound
			}
			if n.is(n.tok, "between") {
				between++
			}
			sound = n.operator() && sound
		}
		n.skip()
	}
	return false
}

// operator reports whether the word may stand in a conjunct, outside of parentheses, without ending it.
func (n *narrower) operator() bool {
	switch n.tok.kw {
	case kNone:
		return !n.is(n.tok, "xor")
	case kAnd, kIn, kIs, kNot, kAll, kDistinct:
		return true
	case kOr, kThen: // of CASE: an AND in it joins other things
		return false
	case kSide, kReplace, kInsert, kValues:
		if n.parenAhead() { // a function
			return true
		}
	case kFrom:
		if n.prev.kw == kDistinct {
			return true
		}
	}
	if n.column() {
		return true
	}
	if n.level == 0 {
		n.refuse()
	}
	return false
}

// pure reports whether the condition gives the same result each time it is evaluated.
func (n *narrower) pure(info *Info) bool {
	switch {
	case n.unstable:
		return false
	case n.out.Where == "", n.verb == Select && info.Volatile == "" && info.Opaque == "" && len(info.Calls) == 0:
		return true
	}
	p := parser{lexer: lexer{sql: n.out.Where, d: n.d, escapes: n.escapes}}
	p.prev = token{kind: tWord, kw: kTail}
	p.tok, p.ahead = p.scan(), p.scan()
	p.clauses(scope{query: true})
	i := &p.info
	return p.tok.kind == tEnd && p.broken == "" && p.lost == "" && i.Volatile == "" && i.Opaque == "" &&
		len(i.Calls) == 0 && len(i.Reads) == 0
}
