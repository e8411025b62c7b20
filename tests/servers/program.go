package servers

import (
	"os"
	"syscall"
	"testing"
)

// Program is a process of a program of ours, such as an example. The methods are for the test's own goroutine.
type Program struct {
	// Dir is a folder of the program's own, where it runs and keeps its temporary files. It goes when the test ends.
	Dir string

	folder *folder
	proc   *process
}

// Run starts the program at path, and kills it when tb ends. On Linux it does not outlive the test binary either.
func Run(tb testing.TB, path string, args ...string) *Program {
	tb.Helper()
	f, err := newFolder("program", nil)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Program{Dir: f.path, folder: f}
	tb.Cleanup(p.close)
	cmd := command{path: path, args: args, env: []string{"TMPDIR=" + f.path}, dir: f.path, death: syscall.SIGKILL}
	if p.proc, err = cmd.start(f.join("log")); err != nil {
		tb.Fatal(err)
	}
	return p
}

// Output returns what the program has printed so far.
func (p *Program) Output(tb testing.TB) string {
	tb.Helper()
	out, err := os.ReadFile(p.proc.log)
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

// Running reports whether the program has not ended.
func (p *Program) Running() bool { return p.proc.running() }

// Terminate asks the program to end, by SIGTERM, and does not wait.
func (p *Program) Terminate(tb testing.TB) {
	tb.Helper()
	if err := p.proc.signal(syscall.SIGTERM); err != nil {
		tb.Fatal(err)
	}
}

// Wait waits until the program has ended, and returns its exit status; -1 if a signal ended it.
func (p *Program) Wait() int {
	<-p.proc.done
	return p.proc.cmd.ProcessState.ExitCode()
}

// Kill ends the program at once.
func (p *Program) Kill() { p.proc.stop(syscall.SIGKILL) }

func (p *Program) close() {
	if p.proc != nil {
		p.proc.stop(syscall.SIGKILL)
	}
	p.folder.remove()
}
