package sqltext

import (
	"strconv"
	"strings"
)

// Folded is a text in which every list `IN (?, ?, …)` has one placeholder, so that lists of any length give the same text.
// It is immutable.
type Folded struct {
	// SQL is the folded text. It reads the same rows as the original would with lists of one value.
	SQL string
	// Places are its placeholders, in order.
	Places []Place
	// Params is how many arguments the original takes.
	Params int

	d Dialect
}

// Place is a placeholder of a folded text.
type Place struct {
	// First is the ordinal of the first argument that the placeholder stands for, counted from zero, and Params the number
	// of these arguments.
	First, Params int
	// Start and End are where the placeholder stands in the folded text, with the `=` or IN before it, and
	// the brackets around it.
	Start, End int
	// Compared is set if `=` or IN precedes the placeholder.
	Compared bool

	at, until int // the placeholder alone
}

// Fold folds a text. ok is false if the lexer cannot read the text, or reads it in two ways, and if the placeholders
// are not in the order of their arguments.
func Fold(d Dialect, sql string) (f *Folded, ok bool) {
	if d == Unknown || len(sql) > maxText {
		return nil, false
	}
	o := folder{lexer: lexer{sql: sql, d: d, escapes: d == MySQL}, out: Folded{d: d}}
	o.text.Grow(len(sql))
	if !o.run() || o.doubtful || o.lost != "" || o.broken != "" {
		return nil, false
	}
	o.text.WriteString(sql[o.copied:])
	o.out.SQL, o.out.Params = o.text.String(), o.params
	return &o.out, true
}

// Dialect returns the text's dialect.
func (f *Folded) Dialect() Dialect { return f.d }

// folder reads a text token by token.
type folder struct {
	lexer
	out         Folded
	text        strings.Builder
	copied      int // up to where the original has been copied or left out
	prev, prev2 token
	params      int
}

func (o *folder) run() bool {
	for t := o.scan(); t.kind != tEnd; t = o.scan() {
		switch {
		case t.kind == tOpen && o.prev.kw == kIn:
			first := o.scan()
			if first.kind != tParam { // a query, or literals
				o.prev2, o.prev = t, first
				if first.kind == tEnd {
					return true
				}
				continue
			}
			end, ok := o.list(t, first)
			if !ok {
				return false
			}
			t = end
		case t.kind == tParam:
			if !o.param(t) {
				return false
			}
			place := Place{First: o.params - 1, Params: 1}
			if o.equals() {
				place.Compared, place.Start = true, o.written(o.prev)
			}
			o.place(place, t)
		}
		o.prev2, o.prev = o.prev, t
	}
	return true
}

// equals reports whether `=` precedes the current token, and is not a part of another operator.
func (o *folder) equals() bool {
	p := o.prev
	return p.kind == tOp && o.sql[p.start] == '=' && (o.prev2.kind == tWord || o.prev2.kind == tQuoted)
}

// written is where a token of the original that was not copied yet will stand in the folded text.
func (o *folder) written(t token) int { return o.text.Len() + int(t.start) - o.copied }

// param checks that a placeholder is the next one.
func (o *folder) param(t token) bool {
	text := o.sql[t.start:t.end]
	if o.d == Postgres {
		n, ok := numbered(text)
		if !ok || n != o.params {
			return false
		}
	} else if text != "?" {
		return false
	}
	o.params++
	return true
}

// list reads the rest of a list, up to its closing bracket.
func (o *folder) list(open, first token) (end token, ok bool) {
	place := Place{First: o.params, Compared: true, Start: o.written(o.prev)}
	for t := first; ; t = o.scan() {
		if t.kind != tParam || !o.param(t) {
			return t, false
		}
		place.Params++
		if t = o.scan(); t.kind == tClose {
			o.place(place, token{start: open.end, end: t.start})
			o.out.Places[len(o.out.Places)-1].End++ // the bracket
			return t, true
		} else if t.kind != tComma {
			return t, false
		}
	}
}

// place writes a placeholder in place of a piece of the original.
func (o *folder) place(p Place, piece token) {
	o.text.WriteString(o.sql[o.copied:piece.start])
	p.at = o.text.Len()
	o.placeholder(&o.text, len(o.out.Places))
	p.until = o.text.Len()
	o.copied = int(piece.end)
	p.End = p.until
	if !p.Compared {
		p.Start = p.at
	}
	o.out.Places = append(o.out.Places, p)
}

func (o *folder) placeholder(b *strings.Builder, ordinal int) { o.out.placeholder(b, ordinal) }

func (f *Folded) placeholder(b *strings.Builder, ordinal int) {
	if f.d != Postgres {
		b.WriteByte('?')
		return
	}
	b.WriteByte('$')
	b.WriteString(strconv.Itoa(ordinal + 1))
}

// Expand returns the original text with n values, at least one, in the comparison at a place, whose
// Compared must be set.
func (f *Folded) Expand(place, n int) string {
	var b strings.Builder
	b.Grow(len(f.SQL) + 6*n)
	copied, ordinal := 0, 0
	list := func(n int) {
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			f.placeholder(&b, ordinal)
			ordinal++
		}
	}
	for i, p := range f.Places {
		switch {
		case i != place:
			b.WriteString(f.SQL[copied:p.at])
			list(p.Params)
			copied = p.until
		case n == 1:
			b.WriteString(f.SQL[copied:p.Start])
			b.WriteString("= ")
			list(1)
			copied = p.End
		default:
			b.WriteString(f.SQL[copied:p.Start])
			if class[f.SQL[max(p.Start-1, 0)]] != cSpace { // a=?
				b.WriteByte(' ')
			}
			b.WriteString("IN (")
			list(n)
			b.WriteByte(')')
			copied = p.End
		}
	}
	b.WriteString(f.SQL[copied:])
	return b.String()
}
