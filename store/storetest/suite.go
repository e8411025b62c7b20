package storetest

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// long is the time of deadlines that no test waits for.
const long = time.Hour

// suite is one test's store, and the calls on it that are not to fail.
type suite struct {
	testing.TB
	Config
	open  func() store.Store
	store store.Store
	ctx   context.Context
}

func open(t *testing.T, c Config) *suite {
	ctx, cancel := context.WithTimeout(context.Background(), c.Patience+10*c.Tick+time.Minute)
	t.Cleanup(cancel)
	s := &suite{TB: t, Config: c, ctx: ctx}
	s.open = func() store.Store {
		t.Helper()
		opened := c.Open(t)
		if opened == nil {
			t.Fatal("storetest: Open returned nil")
		}
		t.Cleanup(func() {
			if err := opened.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		return opened
	}
	s.store = s.open()
	return s
}

// name returns a key or tag that no other test uses.
func (s *suite) name() string {
	w := store.NewWriter()
	return "storetest:x:" + hex.EncodeToString(w[:])
}

func (s *suite) names(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = s.name()
	}
	return names
}

// ok ends the test if a call failed.
func (s *suite) ok(call string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", call, err)
	}
}

func (s *suite) set(key string, value []byte, ttl time.Duration) {
	s.Helper()
	s.ok("Set", s.store.Set(s.ctx, key, value, ttl))
}

// get returns an entry, nil where there is none.
func (s *suite) get(key string) []byte {
	s.Helper()
	l := store.Lookup{Keys: []string{key}}
	s.ok("Lookup", s.store.Lookup(s.ctx, &l))
	if len(l.Values) != 1 {
		s.Fatalf("Lookup of one key gives %d values", len(l.Values))
	}
	return l.Values[0]
}

// states returns what Lookup knows of tags.
func (s *suite) states(tags ...string) []store.State {
	s.Helper()
	l := store.Lookup{Tags: tags}
	s.ok("Lookup", s.store.Lookup(s.ctx, &l))
	if len(l.States) != len(tags) {
		s.Fatalf("Lookup of %d tags gives %d states", len(tags), len(l.States))
	}
	return l.States
}

func (s *suite) state(tag string) store.State {
	s.Helper()
	return s.states(tag)[0]
}

// tokens calls Tokens, and checks that Lookup agrees.
func (s *suite) tokens(tags ...string) []store.State {
	s.Helper()
	states := make([]store.State, len(tags))
	s.ok("Tokens", s.store.Tokens(s.ctx, tags, states))
	return states
}

// token calls Tokens for one tag, which is to be clean afterwards.
func (s *suite) token(tag string) store.Token {
	s.Helper()
	state := s.tokens(tag)[0]
	if !state.Clean() {
		s.Fatalf("Tokens gives %s, not a clean tag", show(state))
	}
	if state.Token == (store.Token{}) {
		s.Fatal("Tokens gives a token of zeros: it is not random")
	}
	return state.Token
}

func (s *suite) mark(w store.Writer, grace time.Duration, tags ...string) {
	s.Helper()
	s.ok("Mark", s.store.Mark(s.ctx, tags, w, grace))
}

func (s *suite) settle(w store.Writer, linger time.Duration, tags ...string) {
	s.Helper()
	s.ok("Settle", store.Failure(s.store.Settle(s.ctx, tags, w, linger)))
}

func (s *suite) unmark(w store.Writer, tags ...string) {
	s.Helper()
	s.ok("Unmark", s.store.Unmark(s.ctx, tags, w))
}

// wantClean checks that a tag is clean and has, or has not, a token.
func (s *suite) wantClean(tag string, token store.Token, same bool) store.Token {
	s.Helper()
	state := s.state(tag)
	switch {
	case !state.Clean():
		s.Fatalf("tag is %s: want it clean", show(state))
	case same && state.Token != token:
		s.Fatalf("token changed from %s to %s: want it kept", token, state.Token)
	case !same && state.Token == token:
		s.Fatalf("token is still %s: want a new one", token)
	}
	return state.Token
}

// wantMarked checks that a tag bears a mark, and returns its token.
func (s *suite) wantMarked(tag string) store.Token {
	s.Helper()
	state := s.state(tag)
	if !state.Known || !state.Marked {
		s.Fatalf("tag is %s: want it known and marked", show(state))
	}
	return state.Token
}

// until polls until cond holds, and fails the test when Patience is over. No test waits otherwise: a
// fixed sleep is too long on one machine and too short on another.
func (s *suite) until(what string, cond func() bool) {
	s.Helper()
	for deadline := time.Now().Add(s.Tick + s.Patience); !cond(); time.Sleep(s.Tick / 20) {
		if time.Now().After(deadline) {
			s.Fatalf("waited %v in vain: %s", s.Tick+s.Patience, what)
		}
	}
}

// show prints a state for people.
func show(st store.State) string {
	switch {
	case !st.Known:
		return "unknown"
	case st.Marked:
		return "marked (" + st.Token.String() + ")"
	}
	return "clean (" + st.Token.String() + ")"
}
