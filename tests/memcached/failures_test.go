package memcached_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

var must, eventually = lab.Must, lab.Eventually

const (
	budget = 100 * time.Millisecond
	slack  = 2 * time.Second // for a busy machine
	long   = time.Hour
)

func open(t testing.TB, addrs ...string) *memcachestore.Store {
	s := memcachestore.New(addrs)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func token(t testing.TB, s store.Store, tag string) store.Token {
	t.Helper()
	states := make([]store.State, 1)
	must(t, s.Tokens(t.Context(), []string{tag}, states))
	if !states[0].Clean() {
		t.Fatalf("tag %s is %v", tag, states[0])
	}
	return states[0].Token
}

func state(t testing.TB, s store.Store, tag string) store.State {
	t.Helper()
	l := store.Lookup{Tags: []string{tag}}
	must(t, s.Lookup(t.Context(), &l))
	return l.States[0]
}

func get(t testing.TB, s store.Store, key string) []byte {
	t.Helper()
	l := store.Lookup{Keys: []string{key}}
	must(t, s.Lookup(t.Context(), &l))
	return l.Values[0]
}

// calls are all methods that ask a server.
func calls(s *memcachestore.Store, name string) map[string]func(ctx context.Context) error {
	w, tags := store.NewWriter(), []string{name}
	return map[string]func(ctx context.Context) error{
		"Lookup": func(ctx context.Context) error { return s.Lookup(ctx, &store.Lookup{Tags: tags}) },
		"Set":    func(ctx context.Context) error { return s.Set(ctx, name, []byte("v"), long) },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, name) },
		"Tokens": func(ctx context.Context) error { return s.Tokens(ctx, tags, make([]store.State, 1)) },
		"Mark":   func(ctx context.Context) error { return s.Mark(ctx, tags, w, time.Minute) },
		"Settle": func(ctx context.Context) error { return store.Failure(s.Settle(ctx, tags, w, 0)) },
		"Unmark": func(ctx context.Context) error { return s.Unmark(ctx, tags, w) },
		"Swap":   func(ctx context.Context) error { return s.Swap(ctx, []store.Swap{{Key: name, Value: []byte("v")}}) },
		"Claim": func(ctx context.Context) error {
			_, err := s.Claim(ctx, &store.Claim{Name: name, Owner: w, TTL: long})
			return err
		},
		"Check": s.Check,
	}
}

// TestHungServer stops a server in the middle: every method returns by its context's deadline, on old connections and on
// new ones, and when its context is canceled.
func TestHungServer(t *testing.T) {
	for state, warm := range map[string]bool{"OldConnections": true, "NewConnections": false} {
		t.Run(state, func(t *testing.T) {
			server := servers.Memcached(t)
			s := open(t, server.Addr)
			if warm {
				token(t, s, "tag")
			}
			pause(t, server)
			defer server.Resume(t)
			for end, within := range map[error]func() (context.Context, context.CancelFunc){
				context.DeadlineExceeded: func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), budget) },
				context.Canceled: func() (context.Context, context.CancelFunc) {
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(budget, cancel)
					return ctx, cancel
				},
			} {
				for name, call := range calls(s, "tag") {
					ctx, cancel := within()
					began := time.Now()
					err := call(ctx)
					took := time.Since(began)
					cancel()
					if !errors.Is(err, end) && !errors.Is(err, memcachestore.ErrAway) || errors.Is(err, store.ErrUnsupported) {
						t.Errorf("%s of a hung server gives %v, want one that wraps %v", name, err, end)
					}
					if took > budget+slack {
						t.Errorf("%s of a hung server takes %v with %v to go", name, took, budget)
					}
				}
			}
			server.Resume(t)
			eventually(t, "the server is asked again", func() bool {
				return s.Lookup(t.Context(), &store.Lookup{Tags: []string{"tag"}}) == nil
			})
		})
	}
}

// pause stops a server, and returns when all its threads have stopped.
func pause(t *testing.T, server *servers.MemcachedServer) {
	t.Helper()
	client := raw(t, server)
	client.Timeout = 50 * time.Millisecond
	server.Pause(t)
	for range 8 { // one connection for each thread
		eventually(t, "the server stops", func() bool { return client.Ping() != nil })
	}
}

// TestNobodyWaitsForAHungServerForLong: beside a server that answers, each reader of one that hangs would wait for its
// whole budget, since the breaker before the store counts failures in a row.
func TestNobodyWaitsForAHungServerForLong(t *testing.T) {
	hung, fine := servers.Memcached(t), servers.Memcached(t)
	s := open(t, hung.Addr, fine.Addr)
	away, here := nameOn(t, hung, s), nameOn(t, fine, s)
	pause(t, hung)
	defer hung.Resume(t)
	waited := 0
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), budget)
		if err := s.Lookup(ctx, &store.Lookup{Tags: []string{away}}); !errors.Is(err, memcachestore.ErrAway) {
			waited++
		}
		cancel()
		token(t, s, here)
	}
	if waited > 6 {
		t.Errorf("%d of 20 readers have waited for the server that hangs", waited)
	}
}

// TestCallersInAHurryPutNoServerToRest: those with a millisecond left say nothing about the server.
func TestCallersInAHurryPutNoServerToRest(t *testing.T) {
	server := servers.Memcached(t)
	s := open(t, server.Addr)
	pause(t, server)
	defer server.Resume(t)
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		err := s.Lookup(ctx, &store.Lookup{Tags: []string{"tag"}})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	}
}

// nameOn returns a name that a server has, by looking where an item of that name lands.
func nameOn(t *testing.T, server *servers.MemcachedServer, s *memcachestore.Store) string {
	t.Helper()
	client := raw(t, server)
	for i := range 1000 {
		name := fmt.Sprintf("name:%d", i)
		must(t, s.Set(t.Context(), name, []byte("v"), time.Minute))
		_, err := client.Get(name)
		must(t, s.Delete(t.Context(), name))
		if err == nil {
			return name
		}
	}
	t.Fatal("the server has none of 1000 names")
	return ""
}

func raw(t *testing.T, server *servers.MemcachedServer) *memcache.Client {
	client := memcache.New(server.Addr)
	client.Timeout = 10 * time.Second
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// TestAKilledServerIsNotReplaced: its names are unknown, those of the others are served, and none moves.
func TestAKilledServerIsNotReplaced(t *testing.T) {
	dead, fine := servers.Memcached(t), servers.Memcached(t)
	s := open(t, dead.Addr, fine.Addr)
	away, here := nameOn(t, dead, s), nameOn(t, fine, s)
	old := token(t, s, away)
	kept := token(t, s, here)
	must(t, s.Set(t.Context(), here+"e", []byte("v"), long))
	dead.Kill()
	for name, call := range calls(s, away) {
		if err := call(t.Context()); err == nil || errors.Is(err, store.ErrUnsupported) {
			t.Errorf("%s of a dead server gives %v", name, err)
		}
	}
	if got := token(t, s, here); got != kept {
		t.Error("the other server's tag has changed")
	}
	if _, err := raw(t, fine).Get(away); !errors.Is(err, memcache.ErrCacheMiss) {
		t.Errorf("the dead server's name is on the other one: %v", err)
	}
	dead.Start(t)
	eventually(t, "the server is asked again", func() bool {
		return s.Lookup(t.Context(), &store.Lookup{Tags: []string{away}}) == nil
	})
	if state(t, s, away).Known {
		t.Error("a tag is known to a server that has just begun")
	}
	if token(t, s, away) == old {
		t.Error("a token has come back")
	}
}

// TestRestartsAreNotErrors: all idle connections are broken then, and each call finds out by itself.
func TestRestartsAreNotErrors(t *testing.T) {
	server := servers.Memcached(t)
	s := open(t, server.Addr)
	for name := range calls(s, "tag") {
		state(t, s, "tag")
		server.Kill()
		server.Start(t)
		must(t, calls(s, "tag")[name](t.Context()))
	}
}

// TestAMarkThatARestartTookIsTold: the writer must know that readers may have got past it.
func TestAMarkThatARestartTookIsTold(t *testing.T) {
	server := servers.Memcached(t)
	for name, lose := range map[string]func(){
		"Restart":  func() { server.Kill(); server.Start(t) },
		"FlushAll": func() { must(t, raw(t, server).FlushAll()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, server.Addr)
			w, tags := store.NewWriter(), []string{"tag"}
			must(t, s.Mark(t.Context(), tags, w, long))
			if err := s.Settle(t.Context(), tags, w, long); err != nil {
				t.Fatalf("a mark that is there is lost: %v", err)
			}
			before := state(t, s, "tag").Token
			lose()
			if state(t, s, "tag").Known {
				t.Fatal("the tag has outlived it")
			}
			if lost := store.Lost(s.Settle(t.Context(), tags, w, 0)); len(lost) != 1 {
				t.Errorf("lost marks: %q", lost)
			}
			if token(t, s, "tag") == before {
				t.Error("the token has come back")
			}
		})
	}
}

// TestATimerThatIsGoneCostsABypassNoStaleRead: what is evicted alone is the small item whose expiry is the mark's
// deadline. The tag still lists the mark, so who only looks is kept off; who cleans up changes the token, and the writer
// is told that its mark was lost.
func TestATimerThatIsGoneCostsABypassNoStaleRead(t *testing.T) {
	server := servers.Memcached(t)
	s := open(t, server.Addr)
	w, tags := store.NewWriter(), []string{"tag"}
	before := token(t, s, "tag")
	must(t, s.Mark(t.Context(), tags, w, long))
	for _, key := range timers(t, server) {
		must(t, raw(t, server).Delete(key))
	}
	if st := state(t, s, "tag"); !st.Marked || st.Token != before {
		t.Fatalf("who looks sees %v", st)
	}
	if after := token(t, s, "tag"); after == before {
		t.Error("the mark went and the token stayed")
	}
	if lost := store.Lost(s.Settle(t.Context(), tags, w, 0)); len(lost) != 1 {
		t.Errorf("lost marks: %q", lost)
	}
}

// timers are the names of all timers on a server.
func timers(t *testing.T, server *servers.MemcachedServer) (keys []string) {
	t.Helper()
	for _, line := range strings.Split(command(t, server, "lru_crawler metadump all\r\n", "END"), "\n") {
		if name, ok := strings.CutPrefix(line, "key=~t%3A"); ok {
			keys = append(keys, "~t:"+name[:strings.IndexByte(name, ' ')])
		} else if name, ok := strings.CutPrefix(line, "key=~t:"); ok {
			keys = append(keys, "~t:"+name[:strings.IndexByte(name, ' ')])
		}
	}
	if len(keys) == 0 {
		t.Fatal("there are no timers")
	}
	return keys
}

// TestEvictions fills a small server until it evicts: tags and entries that go are unknown, and no token comes back.
func TestEvictions(t *testing.T) {
	server := servers.Memcached(t, "-m", "2", "-I", "512k")
	s := open(t, server.Addr)
	dead := map[store.Token]bool{}
	junk := bytes.Repeat([]byte("x"), 40)
	w := store.NewWriter()
	unknown := 0
	for i := range 400 {
		tags := []string{"tag"}
		if st := state(t, s, "tag"); !st.Known {
			unknown++
		} else if dead[st.Token] {
			t.Fatal("a token has come back")
		}
		dead[token(t, s, "tag")] = true
		must(t, s.Mark(t.Context(), tags, w, long))
		must(t, store.Failure(s.Settle(t.Context(), tags, w, 0)))
		var entries []store.Entry
		for j := range 100 { // of the tag's own slab class: another class has its own pages
			entries = append(entries, store.Entry{Key: fmt.Sprintf("junk:%d:%d", i, j), Value: junk})
		}
		must(t, s.SetAll(t.Context(), entries))
	}
	if !strings.Contains(command(t, server, "stats\r\n", "END"), "STAT evictions ") ||
		strings.Contains(command(t, server, "stats\r\n", "END"), "STAT evictions 0\r") {
		t.Error("nothing was evicted")
	}
	must(t, s.Set(t.Context(), "last", []byte("v"), long))
	if get(t, s, "last") == nil {
		t.Error("a full server takes no entry")
	}
}

// TestAFullServerThatRefuses: with -M nothing is evicted. Marks are refused, and a commit is then what the policy says;
// a mark that has landed keeps readers off.
func TestAFullServerThatRefuses(t *testing.T) {
	server := servers.Memcached(t, "-m", "2", "-M", "-I", "512k")
	s := open(t, server.Addr)
	w, tags := store.NewWriter(), []string{"tag"}
	before := token(t, s, "tag")
	must(t, s.Mark(t.Context(), tags, w, long))
	var refused error
	for i := 0; refused == nil && i < 100_000; i++ {
		refused = s.Set(t.Context(), fmt.Sprintf("junk:%d", i), bytes.Repeat([]byte("x"), 60), 0)
	}
	if refused == nil {
		t.Fatal("the server is never full")
	}
	if err := s.Settle(t.Context(), tags, w, 0); err == nil {
		if st := state(t, s, "tag"); !st.Clean() || st.Token == before {
			t.Errorf("settled, the tag is %v", st)
		}
	} else if st := state(t, s, "tag"); st.Known && (!st.Marked || st.Token != before) {
		t.Errorf("what could not be settled is %v: %v", st, err)
	}
}
