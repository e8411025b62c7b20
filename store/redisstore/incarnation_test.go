package redisstore

import (
	"errors"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store"
)

func TestIdentity(t *testing.T) {
	const master = "# Server\r\nredis_version:7.0.15\r\nrun_id:aaa\r\n\r\n# Replication\r\nrole:master\r\nmaster_replid:bbb\r\n" +
		"master_replid2:000\r\n"
	if id, err := identity(master); id != "aaa bbb" || err != nil {
		t.Errorf("got %q, %v", id, err)
	}
	if _, err := identity("run_id:aaa\r\nrole:slave\r\n"); !errors.Is(err, errReplica) || errors.Is(err, store.ErrUnsupported) {
		t.Errorf("a replica gives %v", err)
	}
	for _, info := range []string{"", "role:master\r\nmaster_replid:bbb\r\n", "run_id:\r\n"} {
		if _, err := identity(info); !errors.Is(err, store.ErrUnsupported) {
			t.Errorf("%q gives %v", info, err)
		}
	}
}

// TestMask: processes of different releases must see the same tokens. If this fails, entries of the
// release before are not found by this one; take the change back, or say so in the changelog.
func TestMask(t *testing.T) {
	const golden = "f67d8cb354add992ca37b759"
	if got := maskOf([]string{"c d", "a b"}); got.String() != golden || got != maskOf([]string{"a b", "c d"}) {
		t.Errorf("got %s, want %s in either order", got, golden)
	}
	if maskOf([]string{"a b"}) == maskOf([]string{"a c"}) {
		t.Error("two identities give one mask")
	}
}

func TestBind(t *testing.T) {
	inc := incarnation{mask: token("\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01")}
	states := []store.State{{Known: true, Marked: true, Token: token("aaaaaaaaaaaa")}, {}}
	inc.bind(states)
	if states[0] != (store.State{Known: true, Marked: true, Token: token("````````````")}) || states[1] != (store.State{}) {
		t.Errorf("got %v", states)
	}
}
