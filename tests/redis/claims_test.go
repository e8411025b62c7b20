package redis_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// open returns a store that the test closes.
func open(t *testing.T, client redis.UniversalClient, opts ...redisstore.Option) *redisstore.Store {
	s := redisstore.New(client, opts...)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func claim(t *testing.T, s store.Claimer, c *store.Claim) bool {
	t.Helper()
	granted, err := s.Claim(t.Context(), c)
	must(t, err)
	return granted
}

func release(t *testing.T, s store.Claimer, name string, w store.Writer) {
	t.Helper()
	released, err := s.Release(t.Context(), name, w)
	if must(t, err); !released {
		t.Fatalf("%s has no claim on %s", w, name)
	}
}

func isWoken(woken <-chan struct{}) bool {
	select {
	case <-woken:
		return true
	default:
		return false
	}
}

// listening waits until n connections of a server have subscribed to the name.
func listening(t *testing.T, admin *redis.Client, name string, n int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d listen to %s", n, name), func() bool {
		return admin.PubSubNumSub(t.Context(), name).Val()[name] == n
	})
}

// TestClaimInRedis holds the script to the bytes that the golden test of redisstore reads, and a name to its life.
func TestClaimInRedis(t *testing.T) {
	client := servers.Redis(t).Client(t)
	s := open(t, client)
	exists := func(name string) bool { return client.Exists(t.Context(), name).Val() == 1 }

	plain := store.Claim{Name: "plain", Owner: store.NewWriter(), TTL: time.Minute}
	claim(t, s, &plain)
	v := client.Get(t.Context(), "plain").Val()
	if len(v) != 16+41 || v[:16] != strings.Repeat("0", 16) || v[16:28] != string(plain.Owner[:]) || v[28:44] != strings.Repeat("0", 16) {
		t.Errorf("a claim without a fence is %q", v)
	}
	if d := client.PTTL(t.Context(), "plain").Val(); d <= 50*time.Second || d > time.Minute {
		t.Errorf("its name lives for %v", d)
	}
	release(t, s, "plain", plain.Owner)
	if exists("plain") {
		t.Error("a name without a fence is still there after its release")
	}

	fenced := store.Claim{Name: "fenced", Owner: store.NewWriter(), TTL: time.Minute, Fenced: true}
	before := client.Time(t.Context()).Val().UnixMicro()
	claim(t, s, &fenced)
	if v := client.Get(t.Context(), "fenced").Val(); len(v) != 16+41 || v[:16] != fmt.Sprint(fenced.Fence) || v[28:44] != v[:16] {
		t.Errorf("a claim with fence %d is %q", fenced.Fence, v)
	}
	if fenced.Fence < uint64(before) {
		t.Errorf("the fence is %d, and the server's time %d before", fenced.Fence, before)
	}
	release(t, s, "fenced", fenced.Owner)
	if d := client.PTTL(t.Context(), "fenced").Val(); d <= 23*time.Hour || d > 24*time.Hour {
		t.Errorf("the last fence is kept for %v, want a day", d)
	}

	// A clock that was set back does not take the fence back; nor does a server that lost its data.
	ahead := fmt.Sprint(time.Now().Add(time.Hour).UnixMicro())
	must(t, client.Set(t.Context(), "ahead", ahead, time.Hour).Err())
	c := store.Claim{Name: "ahead", Owner: store.NewWriter(), TTL: time.Minute, Fenced: true}
	if claim(t, s, &c); fmt.Sprint(c.Fence-1) != ahead {
		t.Errorf("fence %d follows %s", c.Fence, ahead)
	}
	must(t, client.FlushAll(t.Context()).Err())
	again := store.Claim{Name: "fenced", Owner: store.NewWriter(), TTL: time.Minute, Fenced: true}
	if claim(t, s, &again); again.Fence <= fenced.Fence {
		t.Errorf("after FLUSHALL fence %d follows %d", again.Fence, fenced.Fence)
	}
}

// TestForeignClaims puts under a name what no store of ours wrote: nobody has it.
func TestForeignClaims(t *testing.T) {
	client := servers.Redis(t).Client(t)
	s := open(t, client)
	for what, put := range map[string]func() error{
		"text": func() error { return client.Set(t.Context(), "k", "x", 0).Err() },
		"digits": func() error {
			return client.Set(t.Context(), "k", strings.Repeat("0", 16)+"wwwwwwwwwwww"+strings.Repeat("9", 28)+"x", 0).Err()
		},
		"list": func() error { return client.RPush(t.Context(), "k", "x").Err() },
	} {
		must(t, client.Del(t.Context(), "k").Err())
		must(t, put())
		if claims, err := s.Claims(t.Context(), "k"); err != nil || len(claims) != 0 {
			t.Errorf("%s: %v, %v", what, claims, err)
		}
		c := store.Claim{Name: "k", Owner: store.NewWriter(), TTL: time.Minute}
		if held, err := s.Renew(t.Context(), &c); err != nil || held {
			t.Errorf("%s: Renew reports %v, %v", what, held, err)
		}
		if !claim(t, s, &c) {
			t.Errorf("%s keeps a name from being claimed", what)
		}
	}
}

// TestAReplayedClaimIsHarmless sends each command again, as a client does whose connection broke before the answer came.
func TestAReplayedClaimIsHarmless(t *testing.T) {
	server := servers.Redis(t)
	plain := open(t, server.Client(t))
	warm := store.Claim{Name: "warm", Owner: store.NewWriter(), TTL: time.Minute}
	claim(t, plain, &warm)
	between := func() {}
	client := server.Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled = true })
	client.AddHook(replay{func() { between() }})
	s := open(t, client)

	c := store.Claim{Name: "k", Owner: store.NewWriter(), TTL: time.Minute, Slots: 2, Fenced: true}
	var seen []store.Claim
	between = func() { seen, _ = plain.Claims(t.Context(), "k") }
	if !claim(t, s, &c) || len(seen) != 1 || seen[0].Fence != c.Fence {
		t.Errorf("a claim that was sent twice has fence %d, and had %v before", c.Fence, seen)
	}
	if claims, err := plain.Claims(t.Context(), "k"); err != nil || len(claims) != 1 {
		t.Errorf("it takes %d slots: %v", len(claims), err)
	}
	// Between the two releases another one takes the name.
	other := store.Claim{Name: "k", Owner: store.NewWriter(), TTL: time.Minute, Fenced: true}
	between = func() { claim(t, plain, &other) }
	if _, err := s.Release(t.Context(), "k", c.Owner); err != nil {
		t.Fatal(err)
	}
	if claims, err := plain.Claims(t.Context(), "k"); err != nil || len(claims) != 1 || claims[0].Owner != other.Owner {
		t.Errorf("the second release leaves %v, %v", claims, err)
	}
}

// TestClaimsOfAFullServer: locks go on where no entry is accepted.
func TestClaimsOfAFullServer(t *testing.T) {
	client := servers.Redis(t, "--maxmemory-policy", "noeviction").Client(t)
	s := open(t, client)
	must(t, s.Set(t.Context(), "entry", []byte("v"), time.Hour))
	must(t, client.ConfigSet(t.Context(), "maxmemory", "1000").Err())
	c := store.Claim{Name: "k", Owner: store.NewWriter(), TTL: time.Minute, Fenced: true}
	if !claim(t, s, &c) {
		t.Fatal("not granted")
	}
	if held, err := s.Renew(t.Context(), &c); err != nil || !held {
		t.Errorf("Renew reports %v, %v", held, err)
	}
	release(t, s, "k", c.Owner)
	if err := s.Swap(t.Context(), []store.Swap{{Key: "entry", Old: []byte("v"), Value: []byte("w")}}); !redis.IsOOMError(err) {
		t.Errorf("Swap gives %v: want what Set gives", err)
	}
}

// TestWithoutTheRightToBeWoken: claims work for a user who may neither publish nor subscribe. The store says so once, and
// the rights that it names are enough.
func TestWithoutTheRightToBeWoken(t *testing.T) {
	server := servers.Redis(t)
	admin := server.Client(t)
	enough := []any{"acl", "setuser", "shop", "reset", "on", ">secret",
		"~shop:*", "+get", "+mget", "+set", "+unlink", "+pexpire", "+time", "+eval", "+evalsha", "+info"}
	must(t, admin.Do(t.Context(), enough...).Err())
	as := func() *redis.Client {
		return server.Client(t, func(o *redis.Options) { o.Username, o.Password = "shop", "secret" })
	}
	var lines lab.Lines
	log := redisstore.Logger(lines.Logger(slog.LevelDebug))
	a, b := open(t, as(), log), open(t, as())
	must(t, a.Check(t.Context()))
	c := store.Claim{Name: "shop:l:x", Owner: store.NewWriter(), TTL: time.Minute}
	_, stop := a.Watch(c.Name)
	claim(t, a, &c)
	release(t, a, c.Name, c.Owner)
	claim(t, b, &c)
	eventually(t, "the store says that nobody is woken", func() bool { return len(lines.With("not woken")) > 0 })
	release(t, b, c.Name, c.Owner)
	claim(t, a, &c)
	release(t, a, c.Name, c.Owner)
	stop()
	said := lines.With("not woken", "&shop:* +publish +subscribe +unsubscribe")
	if len(said) != 1 || len(lines.With()) != 1 {
		t.Fatalf("it says:\n%s", lines.String())
	}

	must(t, admin.Do(t.Context(), append(enough, "&shop:*", "+publish", "+subscribe", "+unsubscribe")...).Err())
	lines.Take()
	a, b = open(t, as(), log), open(t, as(), log)
	woken, stop := a.Watch(c.Name)
	defer stop()
	claim(t, b, &c)
	listening(t, admin, c.Name, 1)
	for isWoken(woken) { // by the answer to SUBSCRIBE
	}
	release(t, b, c.Name, c.Owner)
	eventually(t, "the release wakes", func() bool { return isWoken(woken) })
	if len(lines.With()) > 0 {
		t.Errorf("with these rights it says:\n%s", lines.String())
	}
}

// TestALostConnectionWakes: who waits while the connection is lost may have missed a release, and is woken when it is back.
func TestALostConnectionWakes(t *testing.T) {
	server := servers.Redis(t)
	admin := server.Client(t)
	a, b := open(t, server.Client(t)), open(t, server.Client(t))
	c := store.Claim{Name: "k", Owner: store.NewWriter(), TTL: time.Minute}
	claim(t, b, &c)
	woken, stop := a.Watch("k")
	defer stop()
	eventually(t, "the answer to SUBSCRIBE wakes", func() bool { return isWoken(woken) })
	listening(t, admin, "k", 1)
	must(t, admin.ClientKillByFilter(t.Context(), "type", "pubsub").Err())
	eventually(t, "the connection that is back wakes", func() bool { return isWoken(woken) })
	listening(t, admin, "k", 1)
	for isWoken(woken) {
	}
	release(t, b, "k", c.Owner)
	eventually(t, "the release wakes", func() bool { return isWoken(woken) })
}

// TestOneConnectionForAllWhoWatch: it is opened when it is needed, and closed with the store.
func TestOneConnectionForAllWhoWatch(t *testing.T) {
	server := servers.Redis(t)
	admin := server.Client(t)
	s := redisstore.New(server.Client(t))
	listeners := func() int {
		return strings.Count(admin.Do(t.Context(), "client", "list", "type", "pubsub").String(), " fd=")
	}
	token(t, s, "tag")
	if n := listeners(); n != 0 {
		t.Errorf("%d connections before anybody watches", n)
	}
	var stops []func()
	for i := range 20 {
		_, stop := s.Watch(fmt.Sprint("name", i%10))
		stops = append(stops, stop)
	}
	for i := range 10 {
		listening(t, admin, fmt.Sprint("name", i), 1)
	}
	if n := listeners(); n != 1 {
		t.Errorf("%d connections for 20 who watch", n)
	}
	stops[0]()
	stops[1]()
	stops[11]()
	listening(t, admin, "name1", 0)
	listening(t, admin, "name0", 1) // another still watches
	must(t, s.Close())
	eventually(t, "the connection ends", func() bool { return listeners() == 0 })
	woken, stop := s.Watch("late") // harmless
	stop()
	if stops[2](); isWoken(woken) {
		t.Error("a closed store wakes")
	}
}

// TestWatchAsksNoServer: who begins or ends to watch waits for no server, neither one that hangs nor one that is down.
func TestWatchAsksNoServer(t *testing.T) {
	for state, fail := range map[string]func(t *testing.T, s *servers.RedisServer){
		"Hung": func(t *testing.T, s *servers.RedisServer) { s.Pause(t); t.Cleanup(func() { s.Resume(t) }) },
		"Down": func(_ *testing.T, s *servers.RedisServer) { s.Stop() },
	} {
		t.Run(state, func(t *testing.T) {
			server := servers.Redis(t)
			s := redisstore.New(server.Client(t), redisstore.Logger(slog.New(slog.DiscardHandler)))
			fail(t, server)
			began := time.Now()
			for range 10 {
				_, stop := s.Watch("k")
				stop()
			}
			if took := time.Since(began); took > budget {
				t.Errorf("to watch ten times takes %v", took)
			}
			_, stop := s.Watch("k")
			defer stop()
			began = time.Now()
			must(t, s.Close())
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("Close takes %v", took)
			}
		})
	}
}
