package servers

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// RequireEnv is the environment variable that turns a missing server from a skip into a failure.
const RequireEnv = "GORMCACHE_REQUIRE_SERVERS"

// NoneEnv is the environment variable that, set to 1, skips all tests that need a server: what is left needs
// SQLite and the in-process store only.
const NoneEnv = "GORMCACHE_NO_SERVERS"

// program is an executable of a server and where it comes from.
type program struct {
	name   string
	debian string   // the Debian package, for the message
	places []string // folders (globs) outside PATH where Debian puts it
}

// find returns the program's path, or ends the test: skipped, or failed where servers are required.
func (p program) find(tb testing.TB) string {
	tb.Helper()
	if os.Getenv(NoneEnv) == "1" {
		tb.Skipf("servers: %s is left out, as %s=1 asks", p.name, NoneEnv)
	}
	if path, ok := p.look(); ok {
		return path
	}
	const format = "servers: %s not found in PATH: install Debian's package %s"
	if os.Getenv(RequireEnv) == "1" {
		tb.Fatalf(format, p.name, p.debian)
	}
	tb.Skipf(format, p.name, p.debian)
	return ""
}

func (p program) look() (string, bool) {
	if path, err := exec.LookPath(p.name); err == nil {
		return path, true
	}
	for _, place := range p.places {
		found, err := filepath.Glob(filepath.Join(place, p.name))
		if err != nil {
			continue
		}
		// The newest version sorts last: /usr/lib/postgresql/15/bin, …/16/bin.
		for _, path := range slices.Backward(found) {
			if path, err := exec.LookPath(path); err == nil {
				return path, true
			}
		}
	}
	return "", false
}
