// Command redis is the quick start on a Redis, with two instances of the plugin as two processes would have.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/examples/quickstart/shop"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

func main() {
	addr := flag.String("addr", "localhost:6379", "host:port of a Redis")
	flag.Parse()
	client := redis.NewClient(&redis.Options{Addr: *addr, ContextTimeoutEnabled: true, DialerRetries: 1, MaxRetries: -1})
	if err := client.Ping(context.Background()).Err(); err != nil {
		fmt.Fprintf(os.Stderr, "quickstart: no Redis at %s: %v\n", *addr, err)
		os.Exit(1)
	}
	shop.Main(shop.Stores{
		// A namespace of this run's own: what an earlier run left in the Redis is not of this database.
		Namespace: "quickstart-" + strings.ToLower(rand.Text()[:8]),
		Shared:    func() store.Store { return redisstore.New(client) },
	})
}
