package catalog

import "encoding/hex"

// uuidForm has an x where a UUID has a hexadecimal digit.
const uuidForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

// isUUID reports whether s is a UUID in the form that every database writes.
func isUUID(s string) bool {
	if len(s) != len(uuidForm) {
		return false
	}
	for i := range len(s) {
		b := s[i]
		digit := b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
		if digit != (uuidForm[i] == 'x') || !digit && b != '-' {
			return false
		}
	}
	return true
}

func hyphenated(u [16]byte) string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
