//go:build linux

package locks_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// process is one that runs, seen by the coordinator.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
	ended  chan struct{}
	err    error // how it ended; read after ended
}

// start starts a process, whose events go to heard until it has ended.
func start(t *testing.T, p plan, heard func(event)) *process {
	t.Helper()
	encoded, err := json.Marshal(p)
	must(t, err)
	exe, err := os.Executable()
	must(t, err)
	c := &process{cmd: exec.Command(exe), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), planEnv+"="+string(encoded))
	c.cmd.Stderr = &c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.stdin, err = c.cmd.StdinPipe()
	must(t, err)
	out, err := c.cmd.StdoutPipe()
	must(t, err)
	started := make(chan error)
	go func() {
		// The kernel kills a child with the thread that made it, so this thread must last as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(c.ended)
		err := c.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) == nil { // the last line of one that was killed may be torn
				heard(e)
			}
		}
		c.err = c.cmd.Wait()
	}()
	must(t, <-started)
	t.Cleanup(c.kill)
	return c
}

func (c *process) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }

// kill ends the process at once.
func (c *process) kill() {
	c.signal(syscall.SIGKILL)
	<-c.ended
}

// stop ends the process in order, and returns what went wrong with it.
func (c *process) stop() (err error, stderr string) {
	c.signal(syscall.SIGCONT)
	_ = c.stdin.Close()
	<-c.ended
	return c.err, c.stderr.String()
}
