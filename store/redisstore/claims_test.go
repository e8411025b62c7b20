package redisstore

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// TestGoldenClaims are claims as format version 1 has them in Redis, where those of several releases meet, after the
// server's time. If this test fails, the format has changed: take the change back, or choose lengths that neither
// version's script takes for its own (not 16 + 41n).
func TestGoldenClaims(t *testing.T) {
	const now = "1700000000000"
	one := "wwwwwwwwwwww" + "0000000000000000" + "1700000060000"
	two := "\x00\x01\x02vvvvvvvvv" + "1699999999999999" + "1700000000001"
	for answer, want := range map[string][]store.Claim{
		now: {},
		now + one + two: {
			{Name: "n", Owner: store.Writer([]byte("wwwwwwwwwwww")), TTL: time.Minute},
			{Name: "n", Owner: store.Writer([]byte("\x00\x01\x02vvvvvvvvv")), TTL: time.Millisecond, Fence: 1699999999999999, Fenced: true},
		},
	} {
		if got, err := parseClaims("n", answer); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v, %v", answer, got, err)
		}
	}
	for _, answer := range []string{
		"", now[1:], now + one[1:], now + one + "x", strings.Replace(now+one, "000006", "00x006", 1), "x" + now[1:] + one,
		now + "wwwwwwwwwwww" + "-000000000000000" + now,
	} {
		if got, err := parseClaims("n", answer); err == nil {
			t.Errorf("%q is read as %+v", answer, got)
		}
	}
}
