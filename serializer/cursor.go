package serializer

import (
	"encoding/binary"
	"time"
)

// Cursor returns a cursor before the first value of column i.
func (v *Rows) Cursor(i int) Cursor {
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
	// All of size bytes are there, so that the compiler's bounds checks below never fail.
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

// long reads a string or binary whose length stands after its code.
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
// two or four bytes, for width 0, 1 or 2. The head is 0 if it is cut off.
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

// sizes are the bytes that a value takes, by its code. Zero: no value of a row has this code.
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

// long stands in sizes for a length of its own.
const long = 255

// checkBlock tells that b is exactly n values, and that the zones of its times are known. Cursors
// trust what it let pass.
func checkBlock(b []byte, n, zones int) bool {
	pos := 0
	for range n {
		if pos >= len(b) {
			return false
		}
		code := b[pos]
		size := int(sizes[code])
		if size == long {
			first := byte(codeStr8)
			if code < codeStr8 {
				first = codeBin8
			}
			head, body := longSize(b[pos:], code-first)
			if head == 0 || body < 0 { // negative where an int has 32 bits.
				return false
			}
			size = head + body
		}
		if size == 0 || size > len(b)-pos {
			return false
		}
		if (code == codeTime || code == codeFixExt1) && !checkExt(b[pos:pos+size], zones) {
			return false
		}
		pos += size
	}
	return pos == len(b)
}

func checkExt(b []byte, zones int) bool {
	if b[0] == codeFixExt1 {
		return b[1] == extNilBytes && b[2] == 0
	}
	return b[1] == extTime && binary.BigEndian.Uint32(b[10:]) < 1e9 && uint64(binary.BigEndian.Uint32(b[14:])) < uint64(zones)
}
