package servers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// patience bounds every wait for a server to start, stop or agree. It is for machines that are slow
// and busy: a test never waits for it unless something is broken.
const patience = time.Minute

// poll is how often a condition that nothing announces is looked at.
const poll = 2 * time.Millisecond

// process is one running server.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when the process has been waited for
	err  error         // how it ended, never nil then; read after done
}

// command is what to run, and as whom.
type command struct {
	path  string
	args  []string
	env   []string // in addition to ours
	dir   string
	as    *account
	death syscall.Signal // what Linux sends when this test binary dies
}

// start runs the command with its output in the file log.
func (c command) start(log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(c.path, c.args...), log: log, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = c.dir, out, out
	p.cmd.Env = append(os.Environ(), c.env...)
	p.cmd.SysProcAttr = sysProcAttr(c.as, c.death)
	started := make(chan error)
	go p.run(started)
	err = <-started
	_ = out.Close()
	if err != nil {
		return nil, fmt.Errorf("servers: start %s: %w", c.path, err)
	}
	return p, nil
}

// run starts the process and waits for it on one and the same thread: the parent-death signal is sent
// when the thread that forked ends, not the process, so that thread must stay as long as the child.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = cmp.Or(p.cmd.Wait(), errors.New("exit status 0"))
	}
}

// ready waits until probe succeeds. It gives up when the process ends, or patience does.
func (p *process) ready(probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("servers: %s ended (%w) before it was ready:\n%s", p.cmd.Path, p.err, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("servers: %s not ready after %v: %w\n%s", p.cmd.Path, patience, err, p.tail())
		case <-time.After(poll):
		}
	}
}

// running reports whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends s, by way of the handle that os keeps, so that it never reaches another process that
// was given the same number.
func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// stop ends the process with s, waits, and kills it when that takes too long.
func (p *process) stop(s syscall.Signal) {
	// A paused process would not see s.
	_ = p.signal(syscall.SIGCONT)
	_ = p.signal(s)
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.signal(syscall.SIGKILL)
		<-p.done
	}
}

// tail returns the last lines of the process's output, for messages.
func (p *process) tail() string {
	out, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// until waits for a condition that a server reaches by itself, and returns the last error otherwise.
func until(check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("servers: gave up after %v: %w", patience, err)
		case <-time.After(poll):
		}
	}
}
