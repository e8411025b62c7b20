package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

var memcachedProgram = program{name: "memcached", debian: "memcached"}

// MemcachedServer is a memcached process of one test. Its address stays the same when it is started
// again.
type MemcachedServer struct {
	// Addr is host:port.
	Addr string

	path   string
	args   []string
	port   int
	as     *account
	folder *folder
	proc   *process
}

// Memcached starts a memcached and stops it when tb ends. Args are passed to the program.
func Memcached(tb testing.TB, args ...string) *MemcachedServer {
	tb.Helper()
	path := memcachedProgram.find(tb)
	as, err := accountFor("memcache")
	if err != nil {
		tb.Fatal(err)
	}
	var errs []error
	for range 3 {
		s, err := newMemcached(path, as, args)
		if err == nil {
			tb.Cleanup(s.close)
			return s
		}
		errs = append(errs, err)
	}
	tb.Fatal(errors.Join(errs...))
	return nil
}

func newMemcached(path string, as *account, args []string) (*MemcachedServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	f, err := newFolder("memcached", as)
	if err != nil {
		return nil, err
	}
	s := &MemcachedServer{Addr: loopback(port), path: path, args: args, port: port, as: as, folder: f}
	if err := s.start(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *MemcachedServer) start() error {
	args := []string{"-l", "127.0.0.1", "-p", fmt.Sprint(s.port), "-U", "0", "-m", "64", "-t", "2"}
	cmd := command{path: s.path, args: append(args, s.args...), dir: s.folder.path, as: s.as, death: syscall.SIGKILL}
	p, err := cmd.start(s.folder.join("log"))
	if err != nil {
		return err
	}
	s.proc = p
	return p.ready(s.answers)
}

// answers checks that it is our process that listens on the port.
func (s *MemcachedServer) answers(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("stats\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n') // "STAT pid 123"
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("STAT pid %d", s.proc.cmd.Process.Pid); strings.TrimSpace(line) != want {
		return fmt.Errorf("servers: %s is served by another process", s.Addr)
	}
	return nil
}

// Kill ends the server at once.
func (s *MemcachedServer) Kill() { s.proc.stop(syscall.SIGKILL) }

// Start starts the server again after Kill. It is empty.
func (s *MemcachedServer) Start(tb testing.TB) {
	tb.Helper()
	if s.proc.running() {
		tb.Fatal("servers: Start of a memcached that is running")
	}
	if err := s.start(); err != nil {
		tb.Fatal(err)
	}
}

// Pause stops the server's process as a hang does: connections stay open, nothing is answered.
func (s *MemcachedServer) Pause(tb testing.TB) {
	tb.Helper()
	if err := s.proc.signal(syscall.SIGSTOP); err != nil {
		tb.Fatal(err)
	}
}

// Resume ends a Pause.
func (s *MemcachedServer) Resume(tb testing.TB) {
	tb.Helper()
	if err := s.proc.signal(syscall.SIGCONT); err != nil {
		tb.Fatal(err)
	}
}

func (s *MemcachedServer) close() {
	if s.proc != nil {
		s.proc.stop(syscall.SIGKILL)
	}
	s.folder.remove()
}
