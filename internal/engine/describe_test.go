package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// quoting is what a database's error looks like.
type quoting struct{ what string }

func (q *quoting) Error() string    { return "invalid input syntax for type date: " + q.what }
func (q *quoting) SQLState() string { return "22007" }

// Databases quote arguments in their errors, and applications data in their panics. The log gets neither.
func TestTheLogDoesNotQuoteErrors(t *testing.T) {
	const secret = "s3cret-argument"
	for _, c := range []struct {
		what   string
		load   func() error
		log    string
		panics bool
	}{
		{"an error", func() error { return errors.New(secret) }, "*errors.errorString", false},
		{"a coded error", func() error { return fmt.Errorf("load %s: %w", secret, &quoting{secret}) }, "SQLSTATE 22007", false},
		{"a context's error", func() error { return fmt.Errorf("%s: %w", secret, context.Canceled) }, "context canceled", false},
		{"a panic", func() error { panic(secret) }, "panic=string", true},
		{"an error that panics", func() error { panic(&quoting{secret}) }, "engine_test.quoting", true},
		{"a bug", func() error { return errors.New([]string{secret}[len(secret)]) }, "index out of range", true},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				f := open(t, region.Config{TTL: time.Minute, StaleWhileRevalidate: time.Hour}, func(ec *engine.Config) {
					ec.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				r, n := f.values(t), new(atomic.Int64)
				get := func(fails int64) error {
					_, err := region.GetOrCreate(t.Context(), r, fmt.Sprint(fails), func(context.Context) (string, error) {
						if n.Add(1) == fails {
							return "", c.load()
						}
						return "v", nil
					})
					return err
				}
				if !c.panics {
					if err := get(1); err == nil || !strings.Contains(err.Error(), secret) {
						t.Errorf("the caller got %v", err)
					}
				}
				n.Store(0)
				for range 2 { // the second finds an old entry, and refreshes it in the background
					if err := get(2); err != nil {
						t.Fatal(err)
					}
					time.Sleep(2 * time.Minute)
					synctest.Wait()
				}
				if n.Load() != 2 || !strings.Contains(log.String(), c.log) || strings.Contains(log.String(), secret) {
					t.Errorf("%d loads; the log should say %q, and not the secret:\n%s", n.Load(), c.log, log.String())
				}
			})
		})
	}
}
