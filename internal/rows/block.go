package rows

import "encoding/binary"

// checkBlock reports whether b is exactly n values, and whether the zones of its times are known. Cursors trust a block
// that has passed this check.
func checkBlock(b []byte, n, zones int) bool {
	pos := 0
	for range n {
		if pos >= len(b) {
			return false
		}
		size := int(plain[b[pos]])
		if size == 0 {
			if size = checkValue(b[pos:], zones); size == 0 {
				return false
			}
		}
		pos += size // beyond b if the value is truncated: the next value, or the check below, finds that
	}
	return pos == len(b)
}

// plain holds the sizes, by code, of the values of which only the size needs a check.
var plain = func() (t [256]uint8) {
	t = sizes
	for c := range t {
		if t[c] == long || c == codeTime || c == codeFixExt1 {
			t[c] = 0
		}
	}
	return t
}()

// checkValue returns the size of a value that is not plain, 0 if it is malformed.
func checkValue(b []byte, zones int) (size int) {
	switch code := b[0]; {
	case code == codeTime:
		if len(b) < 18 || b[1] != extTime || binary.BigEndian.Uint32(b[10:]) >= 1e9 ||
			uint64(binary.BigEndian.Uint32(b[14:])) >= uint64(zones) {
			return 0
		}
		return 18
	case code == codeFixExt1:
		if len(b) < 3 || b[1] != extNilBytes || b[2] != 0 {
			return 0
		}
		return 3
	case sizes[code] == long:
		first := byte(codeStr8)
		if code < codeStr8 {
			first = codeBin8
		}
		head, body := longSize(b, code-first)
		if head == 0 || body < 0 || body > len(b)-head { // negative where an int has 32 bits.
			return 0
		}
		return head + body
	}
	return 0
}
