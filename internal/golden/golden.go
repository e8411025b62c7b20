// Package golden compares encoded bytes with files that a released version wrote. It is for tests.
package golden

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
)

var update = flag.Bool("update", false, "write the golden files anew")

const drifted = `the bytes of %s are no longer those of format version %d.
Entries written by the released library would be misread, or refused as corrupt.
If the change is meant: raise entry.FormatVersion, run go test ./serializer -update, and note in
the changelog that all entries will be loaded anew. If it is not meant, undo it.
got  %x
want %x`

// Check fails the test unless b equals the bytes in testdata/name.hex of the package under test, and returns the bytes of
// the file. With -update it writes the file first.
func Check(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	file := filepath.Join("testdata", name+".hex")
	if *update {
		var out bytes.Buffer
		d := hex.Dumper(&out)
		_, _ = d.Write(b)
		_ = d.Close()
		if err := os.WriteFile(file, []byte(hex.EncodeToString(b)+"\n\n"+out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	want, err := hex.DecodeString(string(line))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf(drifted, name, entry.FormatVersion, b, want)
	}
	return want
}
