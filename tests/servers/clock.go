package servers

import (
	_ "embed"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Programs that know the machine's clock by other ways than the C library's are not moved by it: those
// written in Go.
//
//go:embed clock/shim.c
var clockShim []byte

var compiler = program{name: "cc", debian: "gcc libc6-dev"}

// Clock is the wall clock of one server. Linux with the GNU C library only.
type Clock struct{ file *os.File }

// RedisWithClock is [Redis] with a wall clock of its own, which at first shows the machine's time.
func RedisWithClock(tb testing.TB, args ...string) (*RedisServer, *Clock) {
	tb.Helper()
	redisProgram.find(tb)
	cc := compiler.find(tb)
	as, err := accountFor("redis")
	if err != nil {
		tb.Fatal(err)
	}
	f, err := newFolder("clock", as)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.remove)
	source, shim, offset := f.join("shim.c"), f.join("shim.so"), f.join("offset")
	if err := os.WriteFile(source, clockShim, 0o644); err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.Command(cc, "-O2", "-shared", "-fPIC", "-o", shim, source).CombinedOutput(); err != nil {
		tb.Fatalf("servers: %s: %v\n%s", filepath.Base(cc), err, out)
	}
	file, err := os.Create(offset)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = file.Close() })
	c := &Clock{file}
	c.Set(tb, 0)
	if err := as.give(f.path); err != nil {
		tb.Fatal(err)
	}
	return startRedis(tb, redisProgram, args, []string{"LD_PRELOAD=" + shim, "GORMCACHE_CLOCK=" + offset}), c
}

// Set makes the clock jump: from now on it shows the machine's time plus offset.
func (c *Clock) Set(tb testing.TB, offset time.Duration) {
	tb.Helper()
	value := binary.NativeEndian.AppendUint64(nil, uint64(offset.Microseconds()))
	if _, err := c.file.WriteAt(value, 0); err != nil {
		tb.Fatal(err)
	}
}
