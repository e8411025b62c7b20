package sealed_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store/sealed"
)

var update = flag.Bool("update", false, "write the golden files anew")

const drifted = `%v: the entry of format version %d in %s does not open any more: %q.
Entries sealed by the released library would be refused. If the change is meant: raise
sealed.FormatVersion, run go test ./store/sealed -update, and note in the changelog that all sealed
entries will be loaded anew. If it is not meant, undo it.`

const goldenName, goldenValue = "shop:q:golden", "a golden value"

func goldenKeys(mode sealed.Mode) sealed.Keys {
	return sealed.Keys{Mode: mode, Current: key("2026-03")}
}

func goldenFile(mode sealed.Mode) string { return filepath.Join("testdata", mode.String()+".hex") }

func goldenEntry(t testing.TB, mode sealed.Mode) []byte {
	t.Helper()
	text, err := os.ReadFile(goldenFile(mode))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	golden, err := hex.DecodeString(string(line))
	if err != nil {
		t.Fatal(err)
	}
	return golden
}

// What the released library has sealed must open; what is signed, which takes no random nonce, must also
// be sealed to the same bytes.
func TestGoldenEntries(t *testing.T) {
	for _, mode := range modes {
		now := sealedBytes(t, goldenKeys(mode), goldenName, []byte(goldenValue))
		if *update {
			if err := os.WriteFile(goldenFile(mode), []byte(hex.EncodeToString(now)+"\n\n"+hex.Dump(now)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden := goldenEntry(t, mode)
		below := newMemory(t)
		s := seal(t, below, goldenKeys(mode))
		set(t, below, goldenName, golden)
		if v := get(t, s, goldenName); string(v) != goldenValue {
			t.Errorf(drifted, mode, sealed.FormatVersion, goldenFile(mode), v)
		}
		header := append([]byte{'g', 's', sealed.FormatVersion, byte(mode), 7}, "2026-03"...)
		if !bytes.HasPrefix(golden, header) || !bytes.HasPrefix(now, header) || len(now) != len(golden) {
			t.Errorf("%v: sealed to %x, golden is %x, want both to begin with %x", mode, now, golden, header)
		}
		if mode == sealed.Sign && !bytes.Equal(now, golden) {
			t.Errorf(drifted, mode, sealed.FormatVersion, goldenFile(mode), now)
		}
	}
}
