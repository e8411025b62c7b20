package plugin_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// child is this test binary, run once more, as a process that writes when it is told to.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func spawn(t testing.TB, kind, dsn, redisAddr string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0], "-test.run=^TestChildProcess$")}
	c.cmd.Env = append(os.Environ(), "CHILD_KIND="+kind, "CHILD_DSN="+dsn, "CHILD_REDIS="+redisAddr)
	c.cmd.Stderr = os.Stderr
	var err error
	c.in, err = c.cmd.StdinPipe()
	must(t, err)
	out, err := c.cmd.StdoutPipe()
	must(t, err)
	c.out = bufio.NewScanner(out)
	must(t, c.cmd.Start())
	t.Cleanup(func() { _ = c.in.Close(); _ = c.cmd.Wait() })
	c.expect("ready")
	return c
}

// tell sends an order.
func (c *child) tell(order string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, order); err != nil {
		c.t.Fatal(err)
	}
}

// expect waits for an answer. What the testing package prints of its own is passed over.
func (c *child) expect(answer string) {
	c.t.Helper()
	for c.out.Scan() {
		if line, ok := strings.CutPrefix(c.out.Text(), "child: "); ok {
			if line != answer {
				c.t.Fatalf("the other process says %q, not %q", line, answer)
			}
			return
		}
	}
	c.t.Fatalf("the other process has ended without saying %q", answer)
}

// TestChildProcess is the other process. Its orders: "name x" renames the first user; "read x" reads
// through the cache and checks the name; "stop x" renames and stays between COMMIT and settling.
func TestChildProcess(t *testing.T) {
	kind := os.Getenv("CHILD_KIND")
	if kind == "" {
		return // it runs as part of other tests
	}
	db := (&servers.Database{Kind: kind, DSN: os.Getenv("CHILD_DSN")}).Open(t)
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("CHILD_REDIS"), ContextTimeoutEnabled: true})
	defer func() { _ = client.Close() }()
	g := &gate{Store: redisstore.New(client)}
	defer func() { _ = g.Close() }()
	use(t, db, g, briefGrace)
	fmt.Println("child: ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		order, name, _ := strings.Cut(in.Text(), " ")
		answer := "done"
		switch order {
		case "name":
			must(t, rename(db, 1, name))
		case "read":
			got, seen := cached(t, db, "users")
			if got[0]["name"] != name {
				answer = fmt.Sprintf("%v %s: %v", seen.Outcome, seen.Reason, got)
			}
		case "stop":
			g.once("settle", func() {
				fmt.Println("child: between")
				select {} // until it is killed
			})
			must(t, rename(db, 1, name))
		}
		fmt.Println("child: " + answer)
	}
}

// briefGrace makes the marks of a killed process end soon, and leaves a live one time enough.
func briefGrace(c *gormcache.Config) { c.WriteTimeout, c.WriteGrace = time.Second, time.Second }

// Two processes over one Redis and one database take turns: what one has written, the other's next read
// sees; in between it is served from the cache.
func TestTwoProcesses(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			d, server := newDatabase(t, kind), servers.Redis(t)
			db := d.Open(t)
			use(t, db, server.Store(t), briefGrace)
			c := spawn(t, kind, d.DSN, server.Addr)
			hits := 0
			for i := range 150 {
				name := fmt.Sprintf("theirs%d", i)
				c.tell("name " + name)
				c.expect("done")
				for range 2 {
					got, seen := cached(t, db, "users")
					if got[0]["name"] != name {
						t.Fatalf("round %d: %s is read from the cache, %s was committed: %+v", i, got[0]["name"], name, seen)
					}
					if seen.Outcome == hit {
						hits++
					}
				}
				name = fmt.Sprintf("ours%d", i)
				must(t, rename(db, 1, name))
				c.tell("read " + name)
				c.expect("done")
			}
			if hits < 100 {
				t.Errorf("only %d of 150 second reads were hits", hits)
			}
		})
	}
}

// A process is killed between COMMIT and settling: others bypass until its mark has run out, then reload;
// nobody ever reads the old row.
func TestKilledBetweenCommitAndSettle(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			d, server := newDatabase(t, kind), servers.Redis(t)
			db := d.Open(t)
			use(t, db, server.Store(t), briefGrace)
			warm(t, db, "users")
			c := spawn(t, kind, d.DSN, server.Addr)
			c.tell("stop dead")
			c.expect("between")
			must(t, c.cmd.Process.Kill())
			bypasses := 0
			eventually(t, "the mark to run out", func() bool {
				got, seen := cached(t, db, "users")
				if got[0]["name"] != "dead" {
					t.Fatalf("an old row after COMMIT: %v, %+v", got, seen)
				}
				if seen.Outcome == bypass {
					bypasses++
				}
				return seen.Outcome == miss
			})
			if bypasses == 0 {
				t.Error("no read was bypassed")
			}
			reading(t, db, "users", direct(t, d.plain, "users"), hit)
		})
	}
}
