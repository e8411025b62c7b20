// Command users is a small web service: users in a database, read through a cache, each of them updated by one request
// at a time.
//
//	go run ./examples/users                                      # the store inside the process
//	go run ./examples/users -redis localhost:6379 -db users.db   # several instances share a Redis and a database
//
// It prints what to try with curl, and serves a page to try it with at /docs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-4f7f0efa/gormcache/lock"
)

// patience is how long a shutdown waits for the requests that are under way.
const patience = 20 * time.Second

// options are what the flags set.
type options struct {
	addr       string
	redis      string
	db         string
	readDelay  time.Duration
	writeDelay time.Duration
	lockTTL    time.Duration
	tables     bool
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("users", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "localhost:8080", "where to listen, `host:port`")
	flags.StringVar(&o.redis, "redis", "", "`host:port` of a Redis; without it the cache is in this process, and right for one instance only")
	flags.StringVar(&o.db, "db", "", "`file` of the SQLite database, which instances share; without it a new one that goes with the process")
	flags.DurationVar(&o.readDelay, "read-delay", time.Second, "how slow to be where the database is read, so that a hit shows; 0 turns it off")
	flags.DurationVar(&o.writeDelay, "write-delay", 3*time.Second, "how slow an update is to be, so that a second one meets it; 0 turns it off")
	flags.DurationVar(&o.lockTTL, "lock-ttl", 10*time.Second, "how long the lock of an update outlives a process that was killed")
	flags.BoolVar(&o.tables, "tables", false, "name the table that a cached user is read from, instead of resetting the user after each update")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("argument %q: there are flags only, see -help", flags.Arg(0))
	}
	if o.lockTTL < lock.MinTTL {
		return o, fmt.Errorf("-lock-ttl is %s: it must be at least %s", o.lockTTL, lock.MinTTL)
	}
	return o, nil
}

func main() {
	opts, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "users:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	err = run(ctx, opts, os.Stdout, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "users:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then until the requests under way are answered.
func run(ctx context.Context, opts options, out io.Writer, log *slog.Logger) (err error) {
	var app app
	defer func() { err = errors.Join(err, app.close()) }()
	if err := app.open(ctx, opts, log); err != nil {
		return err
	}

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", opts.addr)
	if err != nil {
		return fmt.Errorf("%w: -addr sets another address", err)
	}
	server := &http.Server{Handler: handler(app.users, log), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	help(out, "http://"+listener.Addr().String(), opts)

	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down")
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return server.Shutdown(ending)
}

// help prints what to try.
func help(out io.Writer, url string, opts options) {
	fmt.Fprintf(out, `Serving %[1]s, and a page to try it with: %[1]s/docs

Create a user, and read it twice: the first read takes %[2]s, the second is a hit.

  curl -i %[1]s/users/ -H 'Content-Type: application/json' -d '{"name": "Ada", "email": "ada@example.com"}'
  curl -i %[1]s/users/1
  curl -i %[1]s/users/1

Update it twice at once: one update takes %[3]s, the other one gets 226. Then read it again.

  for name in Bo Cy; do
    curl -i -X PUT %[1]s/users/1 -H 'Content-Type: application/json' \
      -d '{"name": "'$name'", "email": "ada@example.com"}' &
  done; wait
  curl -i %[1]s/users/1

`, url, opts.readDelay, opts.writeDelay)
}
