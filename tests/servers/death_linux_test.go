package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// actAsVictim is set in the environment of the test binary that is to be killed.
const actAsVictim = "GORMCACHE_TEST_SERVERS_VICTIM"

func TestServersDieWithAKilledTestBinary(t *testing.T) {
	if os.Getenv(actAsVictim) != "" {
		victim(t)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), actAsVictim+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if killErr := cmd.Process.Kill(); killErr != nil {
		t.Fatal(killErr)
	}
	_ = cmd.Wait()
	addrs, isVictim := strings.CutPrefix(strings.TrimSpace(line), "addresses: ")
	if err != nil || !isVictim {
		t.Skipf("the other test binary started no servers (%q, %v)", line, err)
	}
	for addr := range strings.SplitSeq(addrs, " ") {
		if err := until(func(ctx context.Context) error { return refused(ctx, addr) }); err != nil {
			t.Error(err)
		}
	}
}

// victim starts servers, says where, and waits to be killed.
func victim(t *testing.T) {
	fmt.Println("addresses:", Redis(t).Addr, Memcached(t).Addr, Postgres(t).Addr, MariaDB(t).Addr)
	select {}
}

func refused(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil //nolint:nilerr // a refused connection is what is hoped for
	}
	return errors.Join(fmt.Errorf("a server still listens on %s", addr), conn.Close())
}

func TestSweepSparesFoldersInUse(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	used, err := newFolder("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer used.remove()
	left, err := newFolder("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	// What the kernel does when the test binary dies.
	if err := left.lock.Close(); err != nil {
		t.Fatal(err)
	}
	sweep()
	if _, err := os.Stat(used.path); err != nil {
		t.Errorf("a folder in use was swept: %v", err)
	}
	if _, err := os.Stat(left.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder nobody uses was not swept: %v", err)
	}
}
