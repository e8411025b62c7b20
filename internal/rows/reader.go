package rows

import "encoding/binary"

// reader reads msgpack. After malformed input bad is set, and all further results are zero.
type reader struct {
	b   []byte
	bad bool
}

// take returns the next n bytes, nil if there are fewer.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// uint reads a big-endian number of 1, 2, 4 or 8 bytes.
func (r *reader) uint(size int) uint64 {
	b := r.take(size)
	if b == nil {
		return 0
	}
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	}
	return binary.BigEndian.Uint64(b)
}

func (r *reader) code() byte { return byte(r.uint(1)) }

// ReadInt reads what [AppendInt] wrote, and returns the bytes after it.
func ReadInt(b []byte) (v int64, rest []byte, ok bool) {
	r := reader{b: b}
	v = r.int()
	return v, r.b, !r.bad
}

// int reads an int64 as AppendInt writes it.
func (r *reader) int() int64 {
	switch c := r.code(); {
	case c <= 0x7f || c >= 0xe0:
		return int64(int8(c))
	case c == codeInt8:
		return int64(int8(r.uint(1)))
	case c == codeInt16:
		return int64(int16(r.uint(2)))
	case c == codeInt32:
		return int64(int32(r.uint(4)))
	case c == codeInt64:
		return int64(r.uint(8))
	}
	r.bad = true
	return 0
}

// text reads a string. It aliases the input.
func (r *reader) text() string {
	switch c := r.code(); {
	case c&0xe0 == 0xa0:
		return alias(r.take(int(c & 0x1f)))
	case c >= codeStr8 && c <= codeStr32:
		return alias(r.take(int(r.uint(1 << (c - codeStr8)))))
	}
	r.bad = true
	return ""
}

// bin reads a binary. It aliases the input.
func (r *reader) bin() []byte {
	if c := r.code(); c >= codeBin8 && c <= codeBin32 {
		return r.take(int(r.uint(1 << (c - codeBin8))))
	}
	r.bad = true
	return nil
}

// array reads the header of an array whose elements take at least size bytes each. An array that
// could not fit into the rest of the input is refused, so callers can trust the length.
func (r *reader) array(size int) int {
	var n uint64
	switch c := r.code(); {
	case c&0xf0 == 0x90:
		n = uint64(c & 0x0f)
	case c == codeArray16 || c == codeArray32:
		n = r.uint(2 << (c - codeArray16))
	default:
		r.bad = true
	}
	if n > uint64(len(r.b)/size) {
		r.bad = true
		return 0
	}
	return int(n)
}
