package differential_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

var (
	manyOperations = flag.Int("differential.ops", 0, "how many operations to compare; 0: 100 000, with the race detector 5 000")
	brokenBy       = flag.String("differential.tooth", "", "a name from TestTeeth: TestDifferential then shows the shortest program that finds it")
)

func TestMain(m *testing.M) {
	// rapid is called again and again until there are enough operations.
	for name, value := range map[string]string{"rapid.checks": "5", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(servers.Main(m), servers.IgnoreLeaks())
}

// operations is how many are to be compared in all.
func operations() int {
	switch {
	case *manyOperations > 0:
		return *manyOperations
	case raceEnabled:
		return 5_000
	case testing.Short():
		return 2_000
	}
	return 100_000
}

// property runs programs of a dialect and adds to the tally.
func property(w *world, c *tally, open stores) func(t *rapid.T) {
	return func(t *rapid.T) {
		p := programs(w.dialect).Draw(t, "program")
		c.programs++
		(&machine{program: p, t: t, world: w, tally: c}).run(open)
	}
}

func TestDifferential(t *testing.T) {
	for _, part := range []struct {
		name, dialect string
		percent       int
		stores        func(t *testing.T) stores
	}{
		{"sqlite", lite, 60, memoryStores},
		{"sqlite and redis", lite, 10, redisStores},
		{"postgres", pg, 15, memoryStores},
		{"mariadb", my, 15, memoryStores},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			compare(t, part.dialect, operations()*part.percent/100, part.stores(t))
		})
	}
}

// compare runs programs until there are enough operations.
func compare(t *testing.T, dialect string, enough int, open stores) {
	seeded := flag.Lookup("rapid.seed").Value.String() != "0"
	w, c := newWorld(t, dialect), newTally()
	for c.operations() < enough {
		rapid.Check(discreet{t}, property(w, c, open))
		if seeded {
			break
		}
	}
	t.Log(c)
	if testing.Verbose() {
		t.Logf("why writes were refused, most frequent first:%s", frequent(c.refused, 8))
	}
	if c.share() < 0.4 {
		t.Errorf("%.1f %% of the reads were hits: a cache that is not asked proves nothing", 100*c.share())
	}
	if c.unstable > c.reads/100 {
		t.Errorf("the database gave two answers to %d of %d reads", c.unstable, c.reads)
	}
}

// memoryStores is one store in memory that both handles share.
func memoryStores(*testing.T) stores {
	for _, tooth := range teeth {
		if tooth.name == *brokenBy {
			return tooth.stores
		}
	}
	return inMemory
}

func inMemory() (two [2]store.Store, close func()) {
	s := memory.New()
	return [2]store.Store{s, s}, func() { _ = s.Close() }
}

// redisStores are two stores of one Redis, with a client each.
func redisStores(t *testing.T) stores {
	server := servers.Redis(t)
	a, b := redisstore.New(server.Client(t)), redisstore.New(server.Client(t))
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return func() ([2]store.Store, func()) { return [2]store.Store{a, b}, func() {} }
}

// discreet leaves out what rapid logs of each round that went well.
type discreet struct{ *testing.T }

// Logf logs failures only.
func (d discreet) Logf(format string, args ...any) {
	d.Helper()
	if d.Failed() {
		d.T.Logf(format, args...)
	}
}
