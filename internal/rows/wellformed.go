package rows

// MaxDepth is how deep a typed value may be nested. A deeper one is taken for cyclic.
const MaxDepth = 1000

// WellFormed reports whether b is exactly one msgpack value, nested no deeper than [MaxDepth], in which no array, map,
// string or binary claims to be longer than the bytes that follow it.
//
// Bytes from a store must pass it before the msgpack decoder reads them. The decoder allocates an array by its claimed
// length before it reads one element (a few bytes would make it allocate gigabytes), and skips unknown nested values by
// recursion (a megabyte of them would exhaust the stack).
func WellFormed(b []byte) bool {
	r := &reader{b: b}
	left := make([]int, 1, 16) // values still to come, for each level of nesting.
	left[0] = 1
	for len(left) > 0 {
		top := len(left) - 1
		if left[top] == 0 {
			left = left[:top]
			continue
		}
		left[top]--
		n := r.head()
		if r.bad || n > len(r.b) || len(left) > MaxDepth {
			return false
		}
		if n > 0 {
			left = append(left, n)
		}
	}
	return len(r.b) == 0
}

// head reads a scalar whole, or the header of an array or map, and returns the number of values
// that follow as its elements.
func (r *reader) head() int {
	c := r.code()
	switch {
	case c <= 0x7f || c >= 0xe0 || c == codeNil || c == codeFalse || c == codeTrue:
	case c <= 0x8f: // fixmap
		return 2 * int(c&0x0f)
	case c <= 0x9f: // fixarray
		return int(c & 0x0f)
	case c <= 0xbf: // fixstr
		r.take(int(c & 0x1f))
	case c >= codeBin8 && c <= codeBin32:
		r.take(int(r.uint(1 << (c - codeBin8))))
	case c >= codeExt8 && c < codeFloat32:
		r.take(1 + int(r.uint(1<<(c-codeExt8))))
	case c == codeFloat32:
		r.take(4)
	case c == codeFloat64:
		r.take(8)
	case c >= codeUint8 && c <= codeUint64:
		r.take(1 << (c - codeUint8))
	case c >= codeInt8 && c <= codeInt64:
		r.take(1 << (c - codeInt8))
	case c >= codeFixExt1 && c <= codeTime:
		r.take(1 + 1<<(c-codeFixExt1))
	case c >= codeStr8 && c <= codeStr32:
		r.take(int(r.uint(1 << (c - codeStr8))))
	case c == codeArray16 || c == codeArray32:
		return int(r.uint(2 << (c - codeArray16)))
	case c == codeMap16 || c == codeMap32:
		return 2 * int(r.uint(2<<(c-codeMap16)))
	default: // 0xc1 is never used.
		r.bad = true
	}
	return 0
}
