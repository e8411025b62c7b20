package rows

import (
	"encoding/binary"
	"math"
	"time"
)

// Cursor returns a cursor before the first value of column i.
func (v *Set) Cursor(i int) Cursor {
	return Cursor{b: v.blocks[i], locs: v.locs}
}

// Cursor walks down the values of one column. It is not safe for concurrent use; copy it to
// remember a place.
type Cursor struct {
	b    []byte // checked by checkBlock.
	pos  int    // and not a shorter b: moving it needs no write barrier.
	locs []*time.Location
}

// Next returns the next value. Beyond the last row it returns [Null].
func (c *Cursor) Next() Value {
	if c.pos >= len(c.b) {
		return Value{}
	}
	code := c.b[c.pos]
	size := int(sizes[code])
	if size == long {
		return c.long(code)
	}
	// checkBlock has seen that all size bytes are there, so the bounds checks below never fail.
	b := c.b[c.pos : c.pos+size]
	c.pos += size
	switch {
	case code <= 0x7f || code >= 0xe0:
		return Value{Kind: Int64, bits: uint64(int64(int8(code)))}
	case code < codeNil: // fixstr: checkBlock lets no map or array pass.
		return Value{Kind: String, text: alias(b[1:])}
	}
	switch code {
	case codeTime:
		return Value{Kind: Time, bits: binary.BigEndian.Uint64(b[2:]), nsec: binary.BigEndian.Uint32(b[10:]),
			loc: c.locs[binary.BigEndian.Uint32(b[14:])]}
	case codeFalse:
		return Value{Kind: Bool}
	case codeTrue:
		return Value{Kind: Bool, bits: 1}
	case codeInt8:
		return Value{Kind: Int64, bits: uint64(int64(int8(b[1])))}
	case codeInt16:
		return Value{Kind: Int64, bits: uint64(int64(int16(binary.BigEndian.Uint16(b[1:]))))}
	case codeInt32:
		return Value{Kind: Int64, bits: uint64(int64(int32(binary.BigEndian.Uint32(b[1:]))))}
	case codeInt64:
		return Value{Kind: Int64, bits: binary.BigEndian.Uint64(b[1:])}
	case codeUint8:
		return Value{Kind: Uint64, bits: uint64(b[1])}
	case codeUint16:
		return Value{Kind: Uint64, bits: uint64(binary.BigEndian.Uint16(b[1:]))}
	case codeUint32:
		return Value{Kind: Uint64, bits: uint64(binary.BigEndian.Uint32(b[1:]))}
	case codeUint64:
		return Value{Kind: Uint64, bits: binary.BigEndian.Uint64(b[1:])}
	case codeFloat32:
		return Value{Kind: Float32, bits: uint64(binary.BigEndian.Uint32(b[1:]))}
	case codeFloat64:
		return Value{Kind: Float64, bits: binary.BigEndian.Uint64(b[1:])}
	case codeFixExt1:
		return Value{Kind: NilBytes}
	}
	return Value{}
}

// The methods below return the next value if it is of their kind; otherwise the cursor does not move. Most columns have
// values of one kind, and these methods take a third of the time of Next.

// Null reports whether the next value is [Null], and if so moves past it.
func (c *Cursor) Null() bool {
	if c.pos >= len(c.b) || c.b[c.pos] != codeNil {
		return false
	}
	c.pos++
	return true
}

// Int64 returns the next value if it is an [Int64].
func (c *Cursor) Int64() (v int64, ok bool) {
	if c.pos >= len(c.b) {
		return 0, false
	}
	b, size := c.b[c.pos:], 1
	switch code := b[0]; {
	case code <= 0x7f || code >= 0xe0:
		v = int64(int8(code))
	case code == codeInt16:
		v, size = int64(int16(binary.BigEndian.Uint16(b[1:]))), 3
	case code == codeInt32:
		v, size = int64(int32(binary.BigEndian.Uint32(b[1:]))), 5
	case code == codeInt8:
		v, size = int64(int8(b[1])), 2
	case code == codeInt64:
		v, size = int64(binary.BigEndian.Uint64(b[1:])), 9
	default:
		return 0, false
	}
	c.pos += size
	return v, true
}

// Float64 returns the next value if it is a [Float64].
func (c *Cursor) Float64() (v float64, ok bool) {
	if c.pos >= len(c.b) || c.b[c.pos] != codeFloat64 {
		return 0, false
	}
	bits := binary.BigEndian.Uint64(c.b[c.pos+1:])
	c.pos += 9
	return math.Float64frombits(bits), true
}

// Bool returns the next value if it is a [Bool].
func (c *Cursor) Bool() (v, ok bool) {
	if c.pos >= len(c.b) || c.b[c.pos]|1 != codeTrue {
		return false, false
	}
	v = c.b[c.pos] == codeTrue
	c.pos++
	return v, true
}

// Text returns the next value if it is a [String] or [Bytes]. It aliases the bytes that were parsed.
func (c *Cursor) Text() (v string, ok bool) {
	if c.pos >= len(c.b) {
		return "", false
	}
	code := c.b[c.pos]
	switch {
	case code&0xe0 == 0xa0: // fixstr
		start := c.pos + 1
		c.pos = start + int(code&0x1f)
		return alias(c.b[start:c.pos]), true
	case sizes[code] == long:
		return c.long(code).text, true
	}
	return "", false
}

// Time returns the next value if it is a [Time].
func (c *Cursor) Time() (v time.Time, ok bool) {
	if c.pos >= len(c.b) || c.b[c.pos] != codeTime {
		return time.Time{}, false
	}
	b := c.b[c.pos : c.pos+18]
	c.pos += 18
	return timeOf(binary.BigEndian.Uint64(b[2:]), binary.BigEndian.Uint32(b[10:]), c.locs[binary.BigEndian.Uint32(b[14:])]), true
}

// long reads a string or binary whose length follows its code.
func (c *Cursor) long(code byte) Value {
	kind, first := String, byte(codeStr8)
	if code < codeStr8 {
		kind, first = Bytes, codeBin8
	}
	head, n := longSize(c.b[c.pos:], code-first)
	start := c.pos + head
	c.pos = start + n
	return Value{Kind: kind, text: alias(c.b[start:c.pos])}
}

// longSize returns the sizes of the head and the body of a string or binary whose length takes one,
// two or four bytes, for width 0, 1 or 2. head is 0 if the bytes are truncated.
func longSize(b []byte, width byte) (head, n int) {
	head = 1 + 1<<width
	switch {
	case len(b) < head:
		return 0, 0
	case width == 0:
		return head, int(b[1])
	case width == 1:
		return head, int(binary.BigEndian.Uint16(b[1:]))
	}
	return head, int(binary.BigEndian.Uint32(b[1:]))
}

// sizes holds the number of bytes of a value, by its code. Zero: no value of a row has this code.
var sizes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c <= 0x7f || c >= 0xe0 || c == codeNil || c == codeFalse || c == codeTrue:
			t[c] = 1
		case c >= 0xa0 && c <= 0xbf:
			t[c] = uint8(1 + c&0x1f)
		case c >= codeUint8 && c <= codeUint64:
			t[c] = 1 + 1<<(c-codeUint8)
		case c >= codeInt8 && c <= codeInt64:
			t[c] = 1 + 1<<(c-codeInt8)
		case c >= codeBin8 && c <= codeBin32 || c >= codeStr8 && c <= codeStr32:
			t[c] = long
		}
	}
	t[codeFloat32], t[codeFloat64], t[codeFixExt1], t[codeTime] = 5, 9, 3, 18
	return t
}()

// long in sizes means that the value contains its length.
const long = 255
