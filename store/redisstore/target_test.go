package redisstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nowhere is an address that no test connects to.
const nowhere = "127.0.0.1:1"

func TestClientsThatReadOldDataAreRefused(t *testing.T) {
	cluster := func(o redis.ClusterOptions) redis.UniversalClient {
		o.Addrs = []string{nowhere}
		return redis.NewClusterClient(&o)
	}
	var noClient *redis.Client
	for _, c := range []struct {
		says   string
		client redis.UniversalClient
	}{
		{"ClusterOptions.ReadOnly", cluster(redis.ClusterOptions{ReadOnly: true})},
		{"ClusterOptions.RouteByLatency", cluster(redis.ClusterOptions{RouteByLatency: true})},
		{"ClusterOptions.RouteRandomly", cluster(redis.ClusterOptions{RouteRandomly: true})},
		{"ClusterOptions.ReadOnly", redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{nowhere, nowhere}, ReadOnly: true})},
		{"ClientSideCache", redis.NewClient(&redis.Options{Addr: nowhere, ClientSideCacheConfig: &redis.ClientSideCacheConfig{}})},
		{"client is nil", nil},
		{"client is nil", noClient},
	} {
		s := New(c.client, nil)
		for call, err := range map[string]error{
			"Check":  s.Check(t.Context()),
			"Lookup": s.Lookup(t.Context(), &store.Lookup{Tags: []string{"t"}}),
			"Set":    s.Set(t.Context(), "k", nil, 0),
			"Delete": s.Delete(t.Context(), "k"),
			"Tokens": s.Tokens(t.Context(), []string{"t"}, make([]store.State, 1)),
			"Mark":   s.Mark(t.Context(), []string{"t"}, store.NewWriter(), time.Second),
			"Settle": store.Failure(s.Settle(t.Context(), []string{"t"}, store.NewWriter(), 0)),
			"Unmark": s.Unmark(t.Context(), []string{"t"}, store.NewWriter()),
		} {
			if !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s gives %v: want an ErrUnsupported that names %s", call, err, c.says)
			}
		}
		if c.client != nil && c.client != redis.UniversalClient(noClient) {
			_ = c.client.Close()
		}
	}
}

func TestOtherClientsAreTaken(t *testing.T) {
	for _, client := range []redis.UniversalClient{
		redis.NewClient(&redis.Options{Addr: nowhere}),
		redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nowhere}}),
		redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": nowhere}}),
	} {
		if _, err := inspect(client); err != nil {
			t.Errorf("%T: %v", client, err)
		}
		_ = client.Close()
	}
}

func TestMillisecondsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0: 0, 1: time.Millisecond, time.Millisecond: time.Millisecond,
		time.Millisecond + 1: 2 * time.Millisecond, time.Hour: time.Hour,
	} {
		if got := wholeMillis(d); got != want {
			t.Errorf("%v becomes %v, not %v", d, got, want)
		}
	}
}
