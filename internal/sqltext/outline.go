package sqltext

import "strings"

// Outline is how a SELECT on one table turns the rows that its WHERE selects into an answer.
type Outline struct {
	// Plain is set if each of these rows gives one row of the answer, independently of the others, and every column of the
	// answer that has the name of a column of the table is that column.
	Plain bool
	// Whole is set if the answer is `*`, so only an index with all columns contains all of it.
	Whole bool
	// Ordered is set if there is an ORDER BY.
	Ordered bool
	// Order is the column of an ORDER BY with only one column, canonical as in Pin, "" for any other. Desc is set if the
	// order is descending.
	Order string
	Desc  bool
}

// OutlineOf reads a text whose Info has a Narrow.
func OutlineOf(d Dialect, sql string) Outline {
	o := outliner{lexer: lexer{sql: sql, d: d, escapes: d == MySQL}}
	o.tok = o.scan()
	if !o.word("select") {
		return Outline{}
	}
	start := o.tok
	plain := o.columns()
	o.out.Whole = start.kind == tOp && start.end == o.last.end
	for ; o.tok.kind != tEnd; o.tok = o.scan() {
		if o.tok.kind != tWord {
			continue
		}
		if o.word("order") && o.word("by") {
			o.out.Ordered = true
			o.order()
		}
		plain = plain && !unplain[o.tok.kw] && !o.unplainWord()
	}
	o.out.Plain = plain && !o.doubtful && o.lost == "" && o.broken == ""
	return o.out
}

// outliner reads a text token by token.
type outliner struct {
	lexer
	tok  token
	last token // of the columns
	out  Outline
}

// word skips the current token if it is the bare word, given in lower case.
func (o *outliner) word(word string) bool {
	if !o.is(word) {
		return false
	}
	o.tok = o.scan()
	return true
}

func (o *outliner) is(word string) bool {
	p := parser{lexer: lexer{sql: o.sql}}
	return p.is(o.tok, word)
}

// unplain are keywords that make an answer depend on several rows at once, or add rows of its own.
var unplain = map[keyword]bool{kDistinct: true, kUnion: true, kExcept: true, kMinus: true, kSelect: true,
	kOver: true, kFilter: true, kPartition: true, kInto: true, kFor: true, kLock: true, kWithin: true, kGrouping: true}

// unplainWord is like unplain, for words that share a keyword with others that are plain.
func (o *outliner) unplainWord() bool {
	if o.tok.kw != kTail {
		return false
	}
	return !o.is("where") && !o.is("order")
}

// columns reads the columns of the answer, up to FROM. It reports false unless each is a column's name,
// perhaps qualified, or a star.
func (o *outliner) columns() bool {
	for {
		if !o.column() {
			return false
		}
		switch {
		case o.tok.kind == tComma:
			o.tok = o.scan()
		case o.tok.kw == kFrom:
			return true
		default:
			return false
		}
	}
}

// column reads a name, or a star.
func (o *outliner) column() bool {
	for {
		t := o.tok
		o.tok, o.last = o.scan(), t
		switch {
		case t.kind == tOp && o.sql[t.start] == '*':
			return true
		case t.kind == tQuoted, t.kind == tWord && t.kw == kNone:
		default:
			return false
		}
		if o.tok.kind != tDot {
			return true
		}
		o.tok = o.scan()
	}
}

// order reads what ORDER BY orders by.
func (o *outliner) order() {
	var last token
	for {
		last = o.tok
		if last.kind != tQuoted && last.kind != tWord || last.kw != kNone {
			return
		}
		if o.tok = o.scan(); o.tok.kind != tDot {
			break
		}
		o.tok = o.scan()
	}
	desc := o.word("desc")
	if !desc {
		o.word("asc")
	}
	if o.tok.kind == tEnd {
		p := parser{lexer: lexer{sql: o.sql}}
		o.out.Order, o.out.Desc = strings.ToLower(p.unquote(last)), desc
	}
}

// Alone reports whether the WHERE consists of one pin, and at most the condition that a column is NULL, as for a soft
// delete.
func (n *Narrow) Alone(d Dialect) bool {
	if len(n.Pins) != 1 {
		return false
	}
	o := outliner{lexer: lexer{sql: n.Where, d: d, escapes: d == MySQL}}
	o.tok = o.scan()
	if !o.column() {
		return false
	}
	if o.is("in") {
		o.tok = o.scan()
	}
	for o.tok.kind == tOp || o.tok.kind == tOpen || o.tok.kind == tParam || o.tok.kind == tComma || o.tok.kind == tClose {
		o.tok = o.scan()
	}
	if o.tok.kind == tEnd {
		return true
	}
	return o.word("and") && o.column() && o.word("is") && o.word("null") && o.tok.kind == tEnd
}
