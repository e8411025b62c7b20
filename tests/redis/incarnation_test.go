package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

const (
	entry = "entry" // depends on tag
	tag   = "tag"
)

// fill does what a reader does who found nothing: the token as seen goes into the entry.
func fill(t testing.TB, s store.Store) {
	t.Helper()
	states := make([]store.State, 1)
	eventually(t, "the store makes a token", func() bool { return s.Tokens(t.Context(), []string{tag}, states) == nil })
	eventually(t, "the store takes an entry", func() bool {
		return s.Set(t.Context(), entry, states[0].Token[:], time.Hour) == nil
	})
}

// commit does what a writer does.
func commit(t testing.TB, s store.Store) {
	t.Helper()
	w := store.NewWriter()
	must(t, s.Mark(t.Context(), []string{tag}, w, time.Minute))
	must(t, store.Failure(s.Settle(t.Context(), []string{tag}, w, 0)))
}

// served does what a reader does, and tells whether it would serve the entry. A lookup that fails says
// nothing: the database answers.
func served(s store.Store, ctx context.Context) (bool, error) {
	l := store.Lookup{Keys: []string{entry}, Tags: []string{tag}}
	if err := s.Lookup(ctx, &l); err != nil {
		return false, err
	}
	return l.Values[0] != nil && l.States[0].Clean() && string(l.Values[0]) == string(l.States[0].Token[:]), nil
}

// valid tells the same, once the store answers.
func valid(t testing.TB, s store.Store) (valid bool) {
	t.Helper()
	eventually(t, "the store answers", func() (answered bool) {
		var err error
		valid, err = served(s, t.Context())
		return err == nil
	})
	return valid
}

// neverAgain asserts that an entry filled before is served by none of the stores, and that a new one is
// by all.
func neverAgain(t *testing.T, stores ...store.Store) {
	t.Helper()
	for _, s := range stores {
		if valid(t, s) {
			t.Error("an entry is served that is older than a commit")
		}
	}
	fill(t, stores[0])
	for _, s := range stores {
		eventually(t, "an entry that was filled just now is served", func() bool { return valid(t, s) })
	}
}

func TestRestartWithOldData(t *testing.T) {
	type client = func(*testing.T, ...*servers.RedisServer) redis.UniversalClient
	single := func(change ...func(*redis.Options)) client {
		return func(t *testing.T, s ...*servers.RedisServer) redis.UniversalClient { return s[0].Client(t, change...) }
	}
	for name, client := range map[string]client{
		"Single":    single(),
		"RESP2":     single(func(o *redis.Options) { o.Protocol = 2 }),
		"NoRetries": single(func(o *redis.Options) { o.MaxRetries = -1 }),
		"Ring":      func(t *testing.T, s ...*servers.RedisServer) redis.UniversalClient { return ring(t, s...) },
	} {
		t.Run(name, func(t *testing.T) {
			// In the ring it does not matter on which server the tag lies.
			server, second := servers.Redis(t), servers.Redis(t)
			s := redisstore.New(client(t, server, second))
			other := redisstore.New(client(t, server, second))
			fill(t, s)
			late := token(t, s, tag)
			if !valid(t, s) || !valid(t, other) {
				t.Fatal("two stores on one server do not share an entry")
			}
			server.Snapshot(t)
			commit(t, s)
			server.Kill()
			server.Start(t)
			neverAgain(t, s, other)
			// The answer of a load that began before the restart, and before the commit.
			must(t, s.Set(t.Context(), entry, late[:], time.Hour))
			neverAgain(t, s, other)
		})
	}
}

func TestRestartEmpty(t *testing.T) {
	server := servers.Redis(t)
	s := redisstore.New(server.Client(t))
	fill(t, s)
	late := token(t, s, tag)
	server.Kill()
	server.Start(t)
	neverAgain(t, s)
	must(t, s.Set(t.Context(), entry, late[:], time.Hour))
	neverAgain(t, s)
}

// after runs f once, when the answer of the next command of that name has come.
type after struct {
	name string
	f    atomic.Pointer[func()]
}

func (*after) DialHook(next redis.DialHook) redis.DialHook { return next }
func (a *after) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		a.ran(cmds[0])
		return err
	}
}
func (a *after) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		a.ran(cmd)
		return err
	}
}

func (a *after) ran(cmd redis.Cmder) {
	if cmd.Name() == a.name {
		if f := a.f.Swap(nil); f != nil {
			(*f)()
		}
	}
}

// restarting is a filled store whose server restarts with old data, behind a commit of the other's, when the answer
// of its next command of that name has come.
func restarting(t *testing.T, name string) (s, other store.Store, done func() bool) {
	t.Helper()
	server := servers.Redis(t)
	// With this option the store uses the client itself; the hooks of commands don't go to a clone.
	client := server.Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled = true })
	hook := &after{name: name}
	client.AddHook(hook)
	s, other = redisstore.New(client), redisstore.New(server.Client(t))
	fill(t, s)
	server.Snapshot(t)
	restart := func() {
		commit(t, other)
		server.Kill()
		server.Start(t)
		// Somebody else dials, and sees the new server before this call ends.
		eventually(t, "a new connection", func() bool { return client.Ping(t.Context()).Err() == nil })
	}
	hook.f.Store(&restart)
	return s, other, func() bool { return hook.f.Load() == nil }
}

// TestRestartWhileALookupIsUnderWay: a token read before the restart must not be taken for one of after
// it: what is loaded from the database now may be older than a commit that the restart made forgotten.
func TestRestartWhileALookupIsUnderWay(t *testing.T) {
	s, other, done := restarting(t, "mget")
	l := store.Lookup{Tags: []string{tag}}
	if err := s.Lookup(t.Context(), &l); err == nil {
		must(t, s.Set(t.Context(), entry, l.States[0].Token[:], time.Hour))
	}
	if !done() {
		t.Fatal("the hook did not run")
	}
	neverAgain(t, other)
}

// TestRestartWhileTokensAreMade: what a server that is no more has said of a tag is no answer, neither of its token
// nor of its marks.
//
// Falls if: it is taken for one. The reader goes on, and stores an entry under a token that nobody accepts.
func TestRestartWhileTokensAreMade(t *testing.T) {
	s, other, done := restarting(t, "evalsha")
	states := make([]store.State, 1)
	if err := s.Tokens(t.Context(), []string{tag}, states); err == nil {
		t.Errorf("a token of before the restart: %v", states[0])
	}
	if !done() {
		t.Fatal("the hook did not run")
	}
	neverAgain(t, s, other)
}

// TestReconnect: connections that break, to a server that stays, cost no entry.
func TestReconnect(t *testing.T) {
	server := servers.Redis(t)
	s, admin := redisstore.New(server.Client(t)), server.Client(t)
	fill(t, s)
	for range 5 {
		must(t, admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err())
		if ok, err := served(s, t.Context()); err != nil || !ok {
			t.Errorf("served: %v, %v", ok, err)
		}
	}
}

// switchable is a client whose next connections go where it is told, as behind a name or a proxy.
func switchable(t *testing.T, server *servers.RedisServer) (*redis.Client, func(*servers.RedisServer)) {
	var to atomic.Pointer[string]
	to.Store(&server.Addr)
	client := server.Client(t, func(o *redis.Options) {
		o.Dialer = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, *to.Load())
		}
	})
	return client, func(server *servers.RedisServer) { to.Store(&server.Addr) }
}

// TestFailoverToAReplicaThatLags promotes a replica that has not got the new token.
func TestFailoverToAReplicaThatLags(t *testing.T) {
	master, replica := servers.Redis(t), servers.Redis(t)
	client, to := switchable(t, master)
	s := redisstore.New(client)
	follow(t, replica, master)
	fill(t, s)
	must(t, master.Client(t).Wait(t.Context(), 1, 0).Err())
	_ = valid(t, s)
	promote(t, replica) // what comes now is lost
	commit(t, s)
	to(replica)
	master.Kill()
	neverAgain(t, s)
}

// TestFailbackWithoutARestart demotes a master and promotes it again: the same run, other data.
func TestFailbackWithoutARestart(t *testing.T) {
	master, replica := servers.Redis(t), servers.Redis(t)
	s, admin := redisstore.New(master.Client(t)), master.Client(t)
	follow(t, replica, master)
	fill(t, s)
	if !valid(t, s) {
		t.Fatal("an entry that was filled just now is not served")
	}
	must(t, admin.Wait(t.Context(), 1, 0).Err())
	promote(t, replica)
	commit(t, s) // lost
	follow(t, master, replica)
	promote(t, master)
	must(t, admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err())
	neverAgain(t, s)
}

// TestRecheckFindsADemotedMaster: nothing breaks the connection.
func TestRecheckFindsADemotedMaster(t *testing.T) {
	master, replica := servers.Redis(t), servers.Redis(t)
	s := redisstore.New(master.Client(t), redisstore.Recheck(time.Millisecond))
	fill(t, s)
	follow(t, master, replica)
	eventually(t, "the store stops", func() bool {
		_, err := served(s, t.Context())
		return err != nil && strings.Contains(err.Error(), "is a replica") && !errors.Is(err, store.ErrUnsupported)
	})
	promote(t, master)
	neverAgain(t, s)
}
