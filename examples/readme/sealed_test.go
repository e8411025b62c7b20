package readme

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
)

func TestSealed(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	secret, older := []byte("32 random bytes out of your vault"), []byte("and those that were used until now")
	// docs: sealed
	entries, err := sealed.New(redisstore.New(rdb), sealed.Keys{
		Current: sealed.Key{ID: "2026-03", Secret: secret},    // seals; at least 32 random bytes
		Others:  []sealed.Key{{ID: "2025-09", Secret: older}}, // open as well, while keys rotate
	})
	if err != nil {
		t.Fatal(err)
	}
	cache, err := gormcache.New(gormcache.Config{Namespace: "shop", Store: entries})
	// docs: end
	check(t, err)
	check(t, cache.Close())
	check(t, rdb.Close())
}
