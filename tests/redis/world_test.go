package redis_test

import (
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

var must, eventually = lab.Must, lab.Eventually

func lookup(t testing.TB, s store.Store, tags ...string) []store.State {
	t.Helper()
	l := store.Lookup{Tags: tags}
	must(t, s.Lookup(t.Context(), &l))
	return l.States
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

// follow makes replica one of master, and returns when it has its data.
func follow(t testing.TB, replica, master *servers.RedisServer) {
	t.Helper()
	client := replica.Client(t)
	host, port, _ := strings.Cut(master.Addr, ":")
	must(t, client.ReplicaOf(t.Context(), host, port).Err())
	eventually(t, "the replica follows", func() bool {
		return strings.Contains(client.Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
}

// promote ends a replica's following.
func promote(t testing.TB, replica *servers.RedisServer) {
	t.Helper()
	must(t, replica.Client(t).ReplicaOf(t.Context(), "no", "one").Err())
}
