// Package shop is what the quick starts show.
package shop

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

// Main runs the tour, and ends the program with status 1 if anything is not as it should be.
func Main(stores Stores) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, stores)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stores Stores) (err error) {
	dir, err := os.MkdirTemp("", "gormcache-quickstart-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	a, err := newInstance(dir, stores)
	if err != nil {
		return err
	}
	defer a.close()
	out := &page{out: os.Stdout}
	if err := seed(ctx, a.db, out, terminal(os.Stdout)); err != nil {
		return err
	}
	t := &tour{a: a, out: out}
	if stores.Shared != nil {
		if t.b, err = newInstance(dir, stores); err != nil {
			return err
		}
		defer t.b.close()
	}
	return t.run(ctx)
}

// terminal reports whether somebody watches: only there a line may be written over.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
