// Package users runs examples/users as its users do: as processes that are asked over HTTP, alone with the store in the
// process, and two of them with a Redis and a database in common. Its page is tried in a browser.
package users

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// program is the path of examples/users, built.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gormcache-users-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "users")
	build := exec.Command("go", "build", "-o", program, "./examples/users")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as on a machine without a C compiler
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return servers.Main(m).Run()
}
