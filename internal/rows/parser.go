package rows

import (
	"bytes"
	"sync/atomic"
)

// Parser parses results that mostly have the same columns: the answers to one query. It decodes the columns only if they
// differ from those of the last result; for most answers, which have few rows, decoding columns is most of the work. The zero value is ready; it is safe for concurrent use.
type Parser struct{ last atomic.Pointer[heads] }

// Parse is like the function [Parse].
func (p *Parser) Parse(b []byte) (*Set, error) {
	v, _, err := p.parse(b)
	return v, err
}

// parse also returns the columns of the result in their encoded form.
func (p *Parser) parse(b []byte) (*Set, *heads, error) {
	known := p.last.Load()
	v, err := parse(b, known)
	if err == nil && (known == nil || &v.columns[0] != &known.columns[0]) {
		known = headsOf(v.columns)
		p.last.Store(known)
	}
	return v, known, err
}

// heads are the columns of a result without their values, decoded and encoded. They are immutable.
type heads struct {
	columns []Column
	encoded [][]byte
}

// headsOf returns the heads of columns. They do not alias the entry that the columns come from.
func headsOf(columns []Column) *heads {
	h := &heads{columns: make([]Column, len(columns)), encoded: make([][]byte, len(columns))}
	var r reader
	for i := range columns {
		r.b = columns[i].append(r.b)
	}
	for i := range columns {
		head := r.b
		r.array(1)
		h.columns[i].read(&r)
		h.encoded[i] = head[:len(head)-len(r.b)]
	}
	return h
}

// read finds the binary that holds the values of each column. ok is false if the columns differ from
// these. Columns with equal encodings are equal, since the encoding itself says where a column ends.
func (h *heads) read(r reader, blocks [][]byte) (rest reader, ok bool) {
	if h == nil || len(h.encoded) != len(blocks) {
		return r, false
	}
	for i, head := range h.encoded {
		if !bytes.HasPrefix(r.b, head) {
			return r, false
		}
		r.b = r.b[len(head):]
		blocks[i] = r.bin()
	}
	return r, !r.bad
}
