package bench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

// BenchmarkMulti reads 100 values of which 90 are cached on Redis, and makes the other 10 in one call: GetOrCreateMulti,
// by default and without a claim, and MGET with a loop, msgpack and a pipeline of SETs. The claim keeps other processes
// from making the ten meanwhile; the loop keeps nobody from that, nor from storing what a write has made old.
func BenchmarkMulti(b *testing.B) {
	rdb, ctx := client(b), b.Context()
	s := redisstore.New(rdb)
	claimed, unclaimed := values(b, s), values(b, s, func(c *region.Config) { c.Claim.TTL = -1 })
	keys, turn := make([]string, 100), 0
	prepare := func() { // ten keys that nobody has asked for
		turn++
		for n := range keys {
			keys[n] = fmt.Sprint("profile ", n)
			if n%10 == 0 {
				keys[n] = fmt.Sprint("profile ", n, " turn ", turn)
			}
		}
	}
	loads := 0
	load := func(missing []string) map[string]Profile {
		loads += len(missing)
		made := make(map[string]Profile, len(missing))
		for _, key := range missing {
			made[key] = profile(5)
		}
		return made
	}
	read := func(name string, read func(prefix string) (map[string]Profile, error)) contender {
		return contender{name: name, run: func() {
			before := loads
			got, err := read(name + " ")
			if err != nil || len(got) != len(keys) || turn > 2 && loads-before != 10 {
				b.Fatal(len(got), loads-before, err)
			}
		}}
	}
	prefixed := func(prefix string) []string {
		all := make([]string, len(keys))
		for n, key := range keys {
			all[n] = prefix + key
		}
		return all
	}
	multi := func(r *region.Region) func(prefix string) (map[string]Profile, error) {
		return func(prefix string) (map[string]Profile, error) {
			return region.GetOrCreateMulti(ctx, r, prefixed(prefix), func(_ context.Context, missing []string) (map[string]Profile, error) {
				return load(missing), nil
			})
		}
	}
	compare(b, 1, prepare, read("GetOrCreateMulti", multi(claimed)), read("unclaimed", multi(unclaimed)),
		read("MGET", func(prefix string) (map[string]Profile, error) { return byHand(ctx, rdb, prefixed(prefix), load) }))
}

// byHand is what a program without a library does.
func byHand(ctx context.Context, rdb *redis.Client, keys []string, load func([]string) map[string]Profile) (map[string]Profile, error) {
	found, err := rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, err
	}
	values, missing := make(map[string]Profile, len(keys)), []string(nil)
	for n, key := range keys {
		s, ok := found[n].(string)
		if !ok {
			missing = append(missing, key)
			continue
		}
		var p Profile
		if err := msgpack.Unmarshal([]byte(s), &p); err != nil {
			return nil, err
		}
		values[key] = p
	}
	_, err = rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for key, p := range load(missing) {
			values[key] = p
			bytes, err := msgpack.Marshal(p)
			if err != nil {
				return err
			}
			pipe.Set(ctx, key, bytes, time.Hour)
		}
		return nil
	})
	return values, err
}
