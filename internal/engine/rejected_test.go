package engine_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// An entry that can't be believed is a miss, and counted; one that is only out of date, or that another
// version has written, is a miss and no more.
func TestEntriesThatCannotBeBelievedAreCounted(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r := f.region(t)
	ctx := t.Context()
	q := &engine.Request{
		Key: "test:q:k", Tags: r.Tags(), Kind: entry.KindRows,
		Load: func(context.Context, []int) (engine.Loaded, error) {
			return engine.Loaded{Payload: []byte("loaded")}, nil
		},
	}
	read := func(what string, want observe.Outcome, rejected uint64) {
		t.Helper()
		before := f.recorder.Snapshot().Rejected
		res, err := r.Read(ctx, q)
		if err != nil || res.Outcome != want || string(res.Payload) != "loaded" {
			t.Errorf("%s: %v %q, %v; want a %v", what, res.Outcome, res.Payload, err, want)
		}
		if n := f.recorder.Snapshot().Rejected - before; n != rejected {
			t.Errorf("%s: %d rejected, want %d", what, n, rejected)
		}
	}
	read("nothing there", observe.Miss, 0)
	read("filled", observe.Hit, 0)

	l := store.Lookup{Keys: []string{q.Key}}
	if err := f.store.Lookup(ctx, &l); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(l.Values[0])
	var env entry.Envelope
	if err := env.Decode(q.Key, whole); err != nil {
		t.Fatal(err)
	}
	env.Kind = entry.KindValue
	otherKind, err := entry.Append(nil, q.Key, &env)
	if err != nil {
		t.Fatal(err)
	}
	damaged, version := bytes.Clone(whole), bytes.Clone(whole)
	damaged[len(damaged)-5] ^= 1
	version[2]++
	for _, c := range []struct {
		what     string
		value    []byte
		rejected uint64
	}{
		{"a flipped bit", damaged, 1},
		{"cut short", whole[:len(whole)-1], 1},
		{"empty", []byte{}, 1},
		{"sealed, read without the seal", []byte("gs\x01\x01\x01a and so on"), 1},
		{"of another kind", otherKind, 1},
		{"of another version", version, 0},
	} {
		if err := f.store.Set(ctx, q.Key, c.value, time.Hour); err != nil {
			t.Fatal(err)
		}
		read(c.what, observe.Miss, c.rejected)
		read(c.what+", filled anew", observe.Hit, 0)
	}
	if err := store.Failure(f.store.Settle(ctx, q.Tags[:1], store.NewWriter(), 0)); err != nil {
		t.Fatal(err)
	}
	read("out of date", observe.Miss, 0)
}
