package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestWaitForReplicas: what a writer was told to be done is on the replica, and nothing is told to be
// done while the replica hangs.
func TestWaitForReplicas(t *testing.T) {
	master, replica := servers.Redis(t), servers.Redis(t)
	follow(t, replica, master)
	reader := replica.Client(t)
	s := redisstore.New(master.Client(t), redisstore.Wait(1, time.Second))
	must(t, s.Check(t.Context()))

	w, tags := store.NewWriter(), []string{"a", "b"}
	onReplica := func() string { return reader.Get(t.Context(), "b").Val() }
	for range 20 {
		must(t, s.Mark(t.Context(), tags, w, time.Minute))
		marked := onReplica()
		if !strings.HasPrefix(marked[12:], string(w[:])) {
			t.Fatalf("after Mark the replica has %q", marked)
		}
		must(t, store.Failure(s.Settle(t.Context(), tags, w, 0)))
		if settled := onReplica(); len(settled) != 12 || settled == marked[:12] {
			t.Fatalf("after Settle the replica has %q, before %q", settled, marked)
		}
	}

	replica.Pause(t)
	defer replica.Resume(t)
	impatient := redisstore.New(master.Client(t), redisstore.Wait(1, 50*time.Millisecond))
	for call, err := range map[string]error{
		"Mark":   impatient.Mark(t.Context(), tags, w, time.Minute),
		"Settle": store.Failure(impatient.Settle(t.Context(), tags, w, 0)),
	} {
		if !errors.Is(err, redisstore.ErrUnacknowledged) || errors.Is(err, store.ErrUnsupported) {
			t.Errorf("%s while the replica hangs gives %v", call, err)
		}
	}
	// Whoever only reads, or takes back a mark, does not wait.
	must(t, impatient.Tokens(t.Context(), []string{"c"}, make([]store.State, 1)))
	must(t, impatient.Unmark(t.Context(), tags, w))

	replica.Resume(t)
	must(t, store.Failure(s.Settle(t.Context(), tags, w, 0)))
}

// TestWaitAfterScriptsWereFlushed: the second pipeline, with the source, waits too. The first changes
// nothing, and a replica that hangs has acknowledged all that its connection wrote: nothing.
func TestWaitAfterScriptsWereFlushed(t *testing.T) {
	master, replica := servers.Redis(t), servers.Redis(t)
	follow(t, replica, master)
	must(t, master.Client(t).ScriptFlush(t.Context()).Err())
	must(t, master.Client(t).Wait(t.Context(), 1, 0).Err())
	replica.Pause(t)
	defer replica.Resume(t)
	s := redisstore.New(master.Client(t), redisstore.Wait(1, 50*time.Millisecond))
	if err := store.Failure(s.Settle(t.Context(), []string{"a"}, store.NewWriter(), 0)); !errors.Is(err, redisstore.ErrUnacknowledged) {
		t.Errorf("got %v", err)
	}
}

func TestWaitIsRefused(t *testing.T) {
	server := servers.Redis(t)
	for name, c := range map[string]struct {
		client  redis.UniversalClient
		timeout time.Duration
		says    string
	}{
		"Ring":    {ring(t, server), time.Second, "needs a *redis.Client"},
		"Wrapped": {wrapped{server.Client(t)}, time.Second, "needs a *redis.Client"},
		"Cluster": {cluster(t, server.Addr), time.Second, "needs a *redis.Client"},
		"None":    {server.Client(t), 0, "at least a millisecond"},
		"TooLong": {server.Client(t), time.Minute, "ReadTimeout of 5s"},
	} {
		t.Run(name, func(t *testing.T) {
			s := redisstore.New(c.client, redisstore.Wait(1, c.timeout))
			for _, err := range []error{s.Check(t.Context()), s.Delete(t.Context(), "k")} {
				if !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v: want an ErrUnsupported that says %q", err, c.says)
				}
			}
		})
	}
}

func cluster(t *testing.T, addr string) *redis.ClusterClient {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
