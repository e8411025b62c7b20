package sealed

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The vectors of https://c2sp.org/XAES-256-GCM: one for each value of the bit that CMAC's subkey carries.
func TestXAESVectors(t *testing.T) {
	for _, c := range []struct{ key, data, sealed string }{
		{"\x01", "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{"\x03", "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x, err := newXAES(bytes.Repeat([]byte(c.key), 32))
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(c.sealed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.open(append([]byte("ABCDEFGHIJKLMNOPQRSTUVWX"), want...), []byte(c.data))
		if err != nil || string(got) != "XAES-256-GCM" {
			t.Errorf("key %q: %q, %v", c.key, got, err)
		}
		sealed, err := x.seal(nil, []byte("XAES-256-GCM"), []byte(c.data))
		if err != nil || len(sealed) != 24+len(want) {
			t.Fatalf("key %q: %x, %v", c.key, sealed, err)
		}
		if got, err := x.open(sealed, []byte(c.data)); err != nil || string(got) != "XAES-256-GCM" {
			t.Errorf("key %q: %q, %v", c.key, got, err)
		}
	}
}
