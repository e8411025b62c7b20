package docs

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestQuickStart runs the quick start as the README tells to. It checks itself, and exits with an
// error if an outcome is not what it should be.
func TestQuickStart(t *testing.T) {
	out := quickStart(t, "./examples/quickstart")
	if n := strings.Count(out, "STALE"); n != 5 {
		t.Errorf("%d schedules with stale answers of the cache written by hand, want 5:\n%s", n, out)
	}
	if strings.Contains(out, "Instance B") {
		t.Errorf("two instances share a store inside the process:\n%s", out)
	}
}

// TestQuickStartOnRedis runs it with two instances of the plugin on one Redis.
func TestQuickStartOnRedis(t *testing.T) {
	out := quickStart(t, "./examples/quickstart/redis", "-addr", servers.Redis(t).Addr)
	if !strings.Contains(out, "Instance B") {
		t.Errorf("no second instance:\n%s", out)
	}
}

// quickStart returns what a run prints where nobody watches: whole lines, and no more than fit a screen.
func quickStart(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as on a machine without a C compiler
	printed, err := cmd.CombinedOutput()
	out := string(printed)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(out, "\r") {
		t.Errorf("lines are written over, though nobody watches: %q", out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) > 40 {
		t.Errorf("%d lines do not fit a screen", len(lines))
	}
	for _, line := range lines {
		if len([]rune(line)) > 105 {
			t.Errorf("a line does not fit a screen: %q", line)
		}
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, "all equal") {
		t.Errorf("the last line is %q", last)
	}
	return out
}

// The first command compiles for a while. It must not bring in what it does not use: the client of Redis takes as
// long to compile as the database.
func TestTheFirstCommandNeedsNoRedis(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./examples/quickstart")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "go-redis") {
		t.Error("the quick start imports go-redis")
	}
}
