// Package storetest tests that a store.Store fulfills its contract. A store's test is three lines:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return mystore.New() })
//	}
//
// Optional capabilities are tested where the store has them: store.Batch, Checker and Inspector by type, and
// store.Swapper and Claimer as store.SwapperOf and store.ClaimerOf find them. Tests of one that the store has not are
// skipped, so look once at go test -v. A store that others may share is opened twice over the same content by Open: then
// wakes between processes are tested too.
//
// Run it with the race detector.
package storetest

import (
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Config is how to test a store. Only Open is required.
type Config struct {
	// Open returns the store to test; it may be called more than once in a test. It may return
	// several stores over the same content, as long as each can be used and closed independently. Keys
	// and tags are random, so the content need not be empty. The suite closes the stores that it opened; Open itself cleans
	// up what is below them (a client, a server), with t.Cleanup.
	Open func(t *testing.T) store.Store

	// Tick is the shortest time after which the store's deadlines and times to live are still
	// exact. The suite uses it where it waits for one to pass. Defaults to 100 ms; a store that
	// counts in seconds needs 1 s or more.
	Tick time.Duration

	// Patience bounds every wait, beyond the Tick that is waited for. Defaults to 10 s.
	Patience time.Duration

	// MaxValue is the greatest value that the suite stores, in bytes. Defaults to 1 MiB.
	MaxValue int

	// Around runs the body of each test. With synctest.Test here, waiting costs no time, which suits
	// stores without a network. Defaults to calling the body.
	Around func(t *testing.T, body func(t *testing.T))
}

// Run runs the suite on the stores that open returns, with defaults.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	RunConfig(t, Config{Open: open})
}

// RunConfig runs the suite. Each clause of the contract of [store.Store] is one subtest.
func RunConfig(t *testing.T, c Config) {
	t.Helper()
	if c.Open == nil {
		t.Fatal("storetest: Config.Open is nil: set it to a function that returns the store to test")
	}
	if c.Tick <= 0 {
		c.Tick = 100 * time.Millisecond
	}
	if c.Patience <= 0 {
		c.Patience = 10 * time.Second
	}
	if c.MaxValue <= 0 {
		c.MaxValue = 1 << 20
	}
	if c.Around == nil {
		c.Around = func(t *testing.T, body func(t *testing.T)) { body(t) }
	}
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Entries", entryTests},
		{"Tokens", tokenTests},
		{"Marks", markTests},
		{"Writers", writerTests},
		{"Concurrency", concurrencyTests},
		{"Swaps", swapTests},
		{"Claims", claimTests},
		{"Inspect", inspectTests},
		{"Life", lifeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					c.Around(t, func(t *testing.T) { test.run(open(t, c)) })
				})
			}
		})
	}
}

// test tests one clause of the contract.
type test struct {
	name string
	run  func(s *suite)
}
