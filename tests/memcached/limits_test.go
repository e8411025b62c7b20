package memcached_test

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// command sends a line to a server and reads until a line begins with end.
func command(t *testing.T, server *servers.MemcachedServer, line, end string) string {
	t.Helper()
	conn, err := net.Dial("tcp", server.Addr)
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = conn.Write([]byte(line))
	must(t, err)
	var all strings.Builder
	for in := bufio.NewReader(conn); ; {
		got, err := in.ReadString('\n')
		must(t, err)
		all.WriteString(got)
		if strings.HasPrefix(got, end) {
			return all.String()
		}
	}
}

// TestValuesBeyondTheLimit: the error says what to do, what was there before is not served any more, and other
// values go on being stored.
func TestValuesBeyondTheLimit(t *testing.T) {
	s := open(t, servers.Memcached(t).Addr)
	large := bytes.Repeat([]byte("x"), 1<<20)
	must(t, s.Set(t.Context(), "key", []byte("before"), long))
	err := s.Set(t.Context(), "key", large, long)
	if !errors.Is(err, store.ErrTooLarge) || !strings.Contains(err.Error(), "MaxBytes") {
		t.Errorf("a value of 1 MB gives %v", err)
	}
	if v := get(t, s, "key"); v != nil {
		t.Errorf("the value before it is still there: %q", v)
	}
	must(t, s.Set(t.Context(), "key", []byte("before"), long))
	swap := []store.Swap{{Key: "key", Old: []byte("before"), Value: large}}
	if err := s.Swap(t.Context(), swap); !errors.Is(err, store.ErrTooLarge) || swap[0].Done {
		t.Errorf("a swap to 1 MB gives %v, done: %v", err, swap[0].Done)
	}
	must(t, s.Set(t.Context(), "key", large[:1<<20-1024], long))
	if v := get(t, s, "key"); len(v) != 1<<20-1024 {
		t.Errorf("%d bytes are read", len(v))
	}
	// The remedy that the message names.
	s = open(t, servers.Memcached(t, "-I", "2m").Addr)
	must(t, s.Set(t.Context(), "key", large, long))
	if v := get(t, s, "key"); len(v) != len(large) {
		t.Errorf("with -I 2m %d bytes are read", len(v))
	}
}

// TestNamesThatMemcachedDoesNotTake are hashed: they are kept apart, and from the store's own.
func TestNamesThatMemcachedDoesNotTake(t *testing.T) {
	s := open(t, servers.Memcached(t).Addr)
	names := []string{
		strings.Repeat("k", 251), strings.Repeat("k", 300), strings.Repeat("k", 250) + "l",
		"a b", "a\tb", "a\r\nb", "a\x7fb", "~t:x", "~h:x", "",
	}
	for _, name := range names {
		must(t, s.Set(t.Context(), name, []byte(name), long))
	}
	for _, name := range names {
		if v := get(t, s, name); string(v) != name {
			t.Errorf("%q gives %q", name, v)
		}
	}
}

// TestTimesToLive: memcached takes what is longer than 30 days for a date, counts in seconds, and 0 for never.
func TestTimesToLive(t *testing.T) {
	server := servers.Memcached(t)
	s := open(t, server.Addr)
	const month = 30 * 24 * time.Hour
	ttls := map[string]struct{ asked, atLeast, atMost time.Duration }{
		"never":  {0, -time.Second, -time.Second},
		"year":   {365 * 24 * time.Hour, month - time.Minute, month},
		"month":  {month, month - time.Minute, month},
		"beyond": {month + time.Second, month - time.Minute, month},
		"half":   {1500 * time.Millisecond, 0, 2 * time.Second},
		"little": {time.Nanosecond, 0, time.Second},
	}
	for key, ttl := range ttls {
		must(t, s.Set(t.Context(), key, []byte("v"), ttl.asked))
	}
	for key, ttl := range ttls {
		answer := command(t, server, "mg "+key+" t\r\n", "")
		if key == "little" && strings.HasPrefix(answer, "EN") {
			continue // gone already
		}
		left, err := time.ParseDuration(strings.TrimSpace(strings.TrimPrefix(answer, "HD t")) + "s")
		if err != nil || left < ttl.atLeast || left > ttl.atMost {
			t.Errorf("%s: an entry that lives for %v has %q left: want between %v and %v", key, ttl.asked, answer, ttl.atLeast, ttl.atMost)
		}
	}
	// A tag and the timer of its mark, too, where the mark outlasts a month.
	must(t, s.Mark(t.Context(), []string{"tag"}, store.NewWriter(), 2*month))
	for range 2 {
		states := make([]store.State, 1)
		must(t, s.Tokens(t.Context(), []string{"tag"}, states))
		if !states[0].Marked {
			t.Fatal("a mark of 60 days has run out at once")
		}
	}
}

// TestCheckRefuses what can never serve, and says what to do.
func TestCheckRefuses(t *testing.T) {
	fine := servers.Memcached(t).Addr
	for name, c := range map[string]struct {
		servers []string
		remedy  string
	}{
		"None":    {nil, "localhost:11211"},
		"Twice":   {[]string{fine, fine}, "twice"},
		"NoPort":  {[]string{"localhost"}, "host:port"},
		"Without": {[]string{fine, servers.Memcached(t, "-C").Addr}, "without -C"},
	} {
		s := open(t, c.servers...)
		err := s.Check(t.Context())
		if !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), c.remedy) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Set(t.Context(), "k", nil, 0); !errors.Is(err, store.ErrUnsupported) {
			t.Errorf("%s: Set gives %v", name, err)
		}
	}
	must(t, open(t, fine).Check(t.Context()))
	away := servers.Memcached(t)
	away.Kill()
	if err := open(t, fine, away.Addr).Check(t.Context()); err == nil || errors.Is(err, store.ErrUnsupported) {
		t.Errorf("a server that is down gives %v", err)
	}
}
