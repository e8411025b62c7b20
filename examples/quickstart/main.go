// Command quickstart shows gormcache at work on a small shop of real size: it makes a SQLite database
// with companies, users and orders, runs the same queries again and again, and prints for each how it
// was answered, how many SQL statements reached the database, and how long it took.
//
//	go run ./examples/quickstart                        # the store inside the process
//	go run ./examples/quickstart -redis localhost:6379  # a Redis, and two instances of the plugin
//
// Every answer is compared with the database's own, and every outcome with what it should be: if one
// differs, the program says so and exits with status 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	redisAddr := flag.String("redis", "", "host:port of a Redis to use instead of the store inside the process")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *redisAddr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, redisAddr string) (err error) {
	dir, err := os.MkdirTemp("", "gormcache-quickstart-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stores, err := newStores(ctx, redisAddr)
	if err != nil {
		return err
	}
	defer stores.close()
	a, err := newInstance(dir, "A", stores)
	if err != nil {
		return err
	}
	defer a.close()
	if err := seed(ctx, a.db, os.Stdout); err != nil {
		return err
	}
	t := &tour{instances: []*instance{a}, out: newTable(os.Stdout)}
	if redisAddr != "" {
		b, err := newInstance(dir, "B", stores)
		if err != nil {
			return err
		}
		defer b.close()
		t.instances = append(t.instances, b)
	}
	return t.run(ctx)
}
