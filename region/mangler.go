package region

import (
	"crypto/sha256"
	"encoding/base64"
)

// LengthMangler returns a Mangler for [Config] that leaves keys of at most max bytes as they are, for people who look into
// the store, and writes longer ones as '=' and a hash. Two keys never get one name: a key that begins with '=' is hashed
// as well.
//
// The idea is length_conditional_mangler of Python's dogpile.cache.
func LengthMangler(max int) func(key string) string {
	return func(key string) string {
		if len(key) <= max && (key == "" || key[0] != '=') {
			return key
		}
		sum := sha256.Sum256([]byte(key))
		return "=" + base64.RawURLEncoding.EncodeToString(sum[:24])
	}
}
