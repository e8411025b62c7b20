package servers

import (
	"sync"

	"go.uber.org/goleak"
)

// Main wraps a [testing.M] so that the servers which a test binary's tests share are stopped after the
// last of them. The value is for os.Exit(servers.Main(m).Run()) or goleak.VerifyTestMain.
func Main(m goleak.TestingM) goleak.TestingM { return sharing{m} }

type sharing struct{ m goleak.TestingM }

// Run runs the tests and stops the shared servers.
func (s sharing) Run() int {
	defer stopShared()
	return s.m.Run()
}

// IgnoreLeaks returns the option for goleak.VerifyNone inside a test whose servers still run: one
// goroutine waits for each server's process.
func IgnoreLeaks() goleak.Option {
	return goleak.IgnoreAnyFunction("github.com/seed-4f7f0efa/gormcache/tests/servers.(*process).run")
}

var (
	sharedMu sync.Mutex
	stops    []func() // one a shared server that runs
)

// stopAtEnd notes how to stop a shared server.
func stopAtEnd(stop func()) {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	stops = append(stops, stop)
}

func stopShared() {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	for _, stop := range stops {
		stop()
	}
	stops = nil
}
