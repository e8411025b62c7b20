package docs

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestQuickStart runs the quick start as the README tells to. It checks itself, and exits with an
// error if an outcome is not what it should be.
func TestQuickStart(t *testing.T) {
	quickStart(t)
}

// TestQuickStartOnRedis runs it with two instances of the plugin on one Redis.
func TestQuickStartOnRedis(t *testing.T) {
	out := quickStart(t, "-redis", servers.Redis(t).Addr)
	if !bytes.Contains(out, []byte("Instance B")) {
		t.Errorf("no second instance:\n%s", out)
	}
}

func quickStart(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "./examples/quickstart"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as on a machine without a C compiler
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}
