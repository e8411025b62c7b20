package redis_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestAReplayedSwapIsDone sends a swap again, as a client does whose connection broke before the answer came.
func TestAReplayedSwapIsDone(t *testing.T) {
	server := servers.Redis(t)
	plain := open(t, server.Client(t))
	must(t, plain.Swap(t.Context(), []store.Swap{{Key: "k", Value: []byte("one")}}))
	client := server.Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled = true })
	between := func() {}
	client.AddHook(replay{func() { between() }})
	s := open(t, client)
	swaps := []store.Swap{{Key: "k", Old: []byte("one"), Value: []byte("two")}, {Key: "new", Value: []byte("v")}}
	if must(t, s.Swap(t.Context(), swaps)); !swaps[0].Done || !swaps[1].Done {
		t.Errorf("swaps that were sent twice: %+v", swaps)
	}
	// What another one has stored in between stays.
	between = func() { must(t, plain.Set(t.Context(), "k", []byte("other"), 0)) }
	swaps = []store.Swap{{Key: "k", Old: []byte("two"), Value: []byte("three")}}
	must(t, s.Swap(t.Context(), swaps))
	if v := server.Client(t).Get(t.Context(), "k").Val(); v != "other" {
		t.Errorf("the entry is %q", v)
	}
}

// TestALargeOldIsNotSent counts the bytes that the server receives.
func TestALargeOldIsNotSent(t *testing.T) {
	server := servers.Redis(t)
	client := server.Client(t)
	s := open(t, client)
	received := func() int {
		_, after, _ := strings.Cut(client.Info(t.Context(), "stats").Val(), "total_net_input_bytes:")
		n, err := strconv.Atoi(strings.TrimSpace(after[:strings.IndexByte(after, '\n')]))
		must(t, err)
		return n
	}
	old := bytes.Repeat([]byte("x"), 1<<20)
	must(t, s.Set(t.Context(), "k", old, time.Hour))
	must(t, s.Swap(t.Context(), []store.Swap{{Key: "warm", Value: []byte("v")}}))
	before := received()
	other := bytes.Clone(old)
	other[1<<19] = 'y'
	swaps := []store.Swap{{Key: "k", Old: other, Value: []byte("v")}, {Key: "k", Old: old[1:], Value: []byte("v")}}
	if must(t, s.Swap(t.Context(), swaps)); swaps[0].Done || swaps[1].Done {
		t.Errorf("other bytes than those that are there: %v, %v", swaps[0].Done, swaps[1].Done)
	}
	swaps = []store.Swap{{Key: "k", Old: old, Value: []byte("v")}}
	if must(t, s.Swap(t.Context(), swaps)); !swaps[0].Done {
		t.Error("not done")
	}
	if n := received() - before; n > 4<<10 {
		t.Errorf("the server received %d bytes", n)
	}
}

// TestASwapOverForeignValues: what is no string is no entry, as for readers.
func TestASwapOverForeignValues(t *testing.T) {
	client := servers.Redis(t).Client(t)
	s := open(t, client)
	must(t, client.RPush(t.Context(), "k", "x").Err())
	swaps := []store.Swap{{Key: "k", Old: []byte("x"), Value: []byte("v")}}
	if must(t, s.Swap(t.Context(), swaps)); swaps[0].Done {
		t.Error("a list counts as an entry")
	}
	swaps[0].Old = nil
	if must(t, s.Swap(t.Context(), swaps)); !swaps[0].Done || client.Get(t.Context(), "k").Val() != "v" {
		t.Errorf("a list keeps an entry out: %+v", swaps)
	}
}
