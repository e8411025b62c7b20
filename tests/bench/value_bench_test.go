package bench_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/go-redis/cache/v9"
	"github.com/maypok86/otter/v2"
	"github.com/redis/go-redis/v9"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Profile is a value as an application keeps it.
type Profile struct {
	ID      int64
	Name    string
	Email   string
	Groups  []string
	Score   float64
	Active  bool
	Created time.Time
}

func profile(id int64) Profile {
	return Profile{
		ID: id, Name: fmt.Sprint("user number ", id), Email: fmt.Sprintf("user-%d@example.org", id), Groups: []string{"staff", "editors"},
		Score: float64(id) / 3, Active: id%2 == 0, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

// values is a region without GORM.
func values(b *testing.B, s store.Store, change ...func(*region.Config)) *region.Region {
	b.Helper()
	cfg := region.Config{TTL: time.Hour}
	for _, fn := range change {
		fn(&cfg)
	}
	r, err := region.New(s, "bench", cfg, region.Timeouts(time.Second, time.Second))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	return r
}

// client heeds contexts, as gormcache asks for; those that it is compared with use the same.
func client(b *testing.B) *redis.Client {
	return servers.Redis(b).Client(b, func(o *redis.Options) { o.ContextTimeoutEnabled = true })
}

func must[T any](b *testing.B, want T) func(T, error) {
	return func(got T, err error) {
		if err != nil || !reflect.DeepEqual(got, want) {
			b.Fatal(got, err)
		}
	}
}

// same checks the values that a contender returns before it is timed, and later only the error.
func same(b *testing.B, name string, read func() (Profile, error)) contender {
	must(b, profile(5))(read())
	must(b, profile(5))(read())
	return contender{name: name, run: func() {
		if p, err := read(); err != nil || p.ID != 5 {
			b.Fatal(p, err)
		}
	}}
}

// ours are the two ways to a value of a region: with a key written by hand, and by a template.
func ours(b *testing.B, r *region.Region) []contender {
	ctx := b.Context()
	load := func(context.Context) (Profile, error) { return profile(5), nil }
	read := region.Cached(r, "profile-{user_id}", func(_ context.Context, id int64) (Profile, error) { return profile(id), nil })
	return []contender{
		same(b, "GetOrCreate", func() (Profile, error) { return region.GetOrCreate(ctx, r, "profile 5", load) }),
		same(b, "Cached", func() (Profile, error) { return read.Call(ctx, 5) }),
	}
}

// BenchmarkValue is the hit of one value on Redis: GetOrCreate and a cached function, Once of go-redis/cache, and a bare GET
// of the msgpack of the value. Each returns a copy of its own. The others know of no tables, tags or tokens: ours asks for
// the tokens of the region and its namespace in the same round trip.
func BenchmarkValue(b *testing.B) {
	rdb, ctx := client(b), b.Context()
	theirs := cache.New(&cache.Options{Redis: rdb})
	bytes, err := msgpack.Marshal(profile(5))
	if err == nil {
		err = rdb.Set(ctx, "bare", bytes, time.Hour).Err()
	}
	if err != nil {
		b.Fatal(err)
	}
	all := append(ours(b, values(b, redisstore.New(rdb))),
		same(b, "Once", func() (p Profile, err error) {
			err = theirs.Once(&cache.Item{Ctx: ctx, Key: "once", Value: &p, TTL: time.Hour, Do: func(*cache.Item) (any, error) {
				return profile(5), nil
			}})
			p.Created = p.Created.UTC() // msgpack keeps no time zones
			return p, err
		}),
		same(b, "GET", func() (p Profile, err error) {
			bytes, err := rdb.Get(ctx, "bare").Bytes()
			if err == nil {
				err = msgpack.Unmarshal(bytes, &p)
			}
			p.Created = p.Created.UTC()
			return p, err
		}))
	compare(b, 1, nil, all...)
}

// BenchmarkMemoryValue is the same in the process, against otter, on which store/memory is built. Ours decodes a copy for
// each caller, who may change it; otter hands the same value to all. So there is also an otter that keeps bytes and
// decodes them.
func BenchmarkMemoryValue(b *testing.B) {
	ctx := b.Context()
	shared, err := otter.New(&otter.Options[string, Profile]{MaximumSize: 1000})
	if err != nil {
		b.Fatal(err)
	}
	copied, err := otter.New(&otter.Options[string, []byte]{MaximumSize: 1000})
	if err != nil {
		b.Fatal(err)
	}
	load := otter.LoaderFunc[string, Profile](func(context.Context, string) (Profile, error) { return profile(5), nil })
	encode := otter.LoaderFunc[string, []byte](func(context.Context, string) ([]byte, error) { return serializer.Marshal(profile(5)) })
	all := append(ours(b, values(b, memory.New())),
		same(b, "otter", func() (Profile, error) { return shared.Get(ctx, "profile 5", load) }),
		same(b, "otter+decode", func() (p Profile, err error) {
			bytes, err := copied.Get(ctx, "profile 5", encode)
			if err == nil {
				err = serializer.Unmarshal(bytes, &p)
			}
			return p, err
		}))
	compare(b, 100, nil, all...)
}
