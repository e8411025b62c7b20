package memcached_test

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// held is a store whose next command that begins with a verb waits until it is let go.
type held struct {
	*memcachestore.Store
	verb          []byte
	armed         atomic.Bool
	waits, letGo  chan struct{}
	notInterested net.Dialer
}

func holding(t *testing.T, server *servers.MemcachedServer, verb string) *held {
	h := &held{verb: []byte(verb), waits: make(chan struct{}), letGo: make(chan struct{})}
	h.Store = memcachestore.New([]string{server.Addr}, memcachestore.DialWith(
		func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := h.notInterested.DialContext(ctx, network, addr)
			return heldConn{conn, h}, err
		}))
	t.Cleanup(func() { must(t, h.Close()) })
	return h
}

type heldConn struct {
	net.Conn
	h *held
}

func (c heldConn) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, c.h.verb) && c.h.armed.CompareAndSwap(true, false) {
		c.h.waits <- struct{}{}
		<-c.h.letGo
	}
	return c.Conn.Write(b)
}

// meanwhile runs call until it is about to send the verb, then between, and then the rest of call.
func (h *held) meanwhile(t *testing.T, call func() error, between func()) {
	t.Helper()
	h.armed.Store(true)
	done := make(chan error, 1)
	go func() { done <- call() }()
	<-h.waits
	between()
	h.letGo <- struct{}{}
	must(t, <-done)
}

// TestAMarkThatIsRenewedIsNotTakenForDead: its timer has run out, a reader has seen that, and is about to take the mark
// off when the writer renews it.
func TestAMarkThatIsRenewedIsNotTakenForDead(t *testing.T) {
	server := servers.Memcached(t)
	s, reader := open(t, server.Addr), holding(t, server, "cas ")
	w, tags := store.NewWriter(), []string{"tag"}
	must(t, s.Mark(t.Context(), tags, w, long))
	for _, key := range timers(t, server) {
		must(t, raw(t, server).Delete(key))
	}
	states := make([]store.State, 1)
	reader.meanwhile(t, func() error { return reader.Tokens(t.Context(), tags, states) }, func() {
		must(t, s.Mark(t.Context(), tags, w, long))
	})
	if st := state(t, s, "tag"); !st.Marked || !states[0].Marked {
		t.Errorf("the tag is %v, the reader saw %v: the renewed mark is gone", st, states[0])
	}
	if err := s.Settle(t.Context(), tags, w, 0); err != nil {
		t.Errorf("Settle: %v", err)
	}
}

// TestAMarkIsNeverListedWithoutItsTimer: the server restarts between the two.
func TestAMarkIsNeverListedWithoutItsTimer(t *testing.T) {
	for verb, create := range map[string]bool{"add ": true, "cas ": false} {
		server := servers.Memcached(t)
		writer := holding(t, server, verb)
		w, tags := store.NewWriter(), []string{"tag"}
		state(t, writer, "tag") // over a connection that is kept: one that was never used is no reason to try again
		if !create {
			token(t, writer, "tag")
		}
		writer.meanwhile(t, func() error { return writer.Mark(t.Context(), tags, w, long) }, func() {
			server.Kill()
			server.Start(t)
			if !create { // as many items as before, so that numbers are the same
				token(t, open(t, server.Addr), "tag")
			}
		})
		states := make([]store.State, 1)
		must(t, open(t, server.Addr).Tokens(t.Context(), tags, states))
		if !states[0].Marked {
			t.Errorf("%s: the mark that Mark has set is taken for dead", verb)
		}
	}
}

// TestTwoWhoMakeATagSeeOne: one is about to add the tag when the other does.
func TestTwoWhoMakeATagSeeOne(t *testing.T) {
	server := servers.Memcached(t)
	s, late := open(t, server.Addr), holding(t, server, "add ")
	states, first := make([]store.State, 1), store.Token{}
	late.meanwhile(t, func() error { return late.Tokens(t.Context(), []string{"tag"}, states) }, func() {
		first = token(t, s, "tag")
	})
	if states[0].Token != first {
		t.Error("the later one has another token")
	}
}

// TestASettleInBetweenWins: a reader's Tokens that has seen a dead mark must not bring anything back.
func TestASettleInBetweenWins(t *testing.T) {
	server := servers.Memcached(t)
	s, reader := open(t, server.Addr), holding(t, server, "cas ")
	w, tags := store.NewWriter(), []string{"tag"}
	must(t, s.Mark(t.Context(), tags, w, long))
	for _, key := range timers(t, server) {
		must(t, raw(t, server).Delete(key))
	}
	states, settled := make([]store.State, 1), store.State{}
	reader.meanwhile(t, func() error { return reader.Tokens(t.Context(), tags, states) }, func() {
		must(t, store.Failure(s.Settle(t.Context(), tags, w, 0)))
		settled = state(t, s, "tag")
	})
	if states[0].Token != settled.Token || !states[0].Clean() {
		t.Errorf("the reader has %v, settled was %v", states[0], settled)
	}
}

// TestATagOutlivesItsMarks, whatever its own time to live: if it expired first, a reader would make it anew, without mark.
func TestATagOutlivesItsMarks(t *testing.T) {
	server := servers.Memcached(t)
	s := memcachestore.New([]string{server.Addr}, memcachestore.TagTTL(time.Second))
	t.Cleanup(func() { must(t, s.Close()) })
	other := memcachestore.New([]string{server.Addr}, memcachestore.TagTTL(time.Second))
	t.Cleanup(func() { must(t, other.Close()) })
	must(t, s.Mark(t.Context(), []string{"tag"}, store.NewWriter(), long))
	w := store.NewWriter()
	must(t, other.Mark(t.Context(), []string{"tag"}, w, time.Second))
	must(t, other.Unmark(t.Context(), []string{"tag"}, w))
	must(t, other.Unmark(t.Context(), []string{"tag"}, w)) // prolongs
	must(t, other.Set(t.Context(), "entry", []byte("v"), time.Second))
	eventually(t, "what lives for a second expires", func() bool { return get(t, other, "entry") == nil })
	if st := state(t, s, "tag"); !st.Marked {
		t.Errorf("the tag is %v", st)
	}
}
