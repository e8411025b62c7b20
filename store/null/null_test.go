package null_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/null"
)

func TestItKeepsNothing(t *testing.T) {
	s, ctx, tags := null.New(), t.Context(), []string{"t"}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(s.Set(ctx, "k", []byte("v"), time.Hour))
	ok(store.SetAll(ctx, s, []store.Entry{{Key: "k", Value: []byte("v")}}))
	swaps := []store.Swap{{Key: "k", Value: []byte("v")}, {Key: "k", Old: []byte("v"), Value: []byte("w"), Done: true}}
	if ok(s.Swap(ctx, swaps)); !swaps[0].Done || swaps[1].Done {
		t.Errorf("swaps of nothing and of something: %+v", swaps)
	}
	a, b := make([]store.State, 1), make([]store.State, 1)
	ok(s.Tokens(ctx, tags, a))
	ok(s.Tokens(ctx, tags, b))
	if !a[0].Clean() || a[0].Token == b[0].Token || a[0].Token == (store.Token{}) {
		t.Errorf("tokens %v and %v: want two that are clean and differ, so that no entry is ever valid", a[0], b[0])
	}
	w := store.NewWriter()
	ok(s.Mark(ctx, tags, w, time.Hour))
	ok(s.Settle(ctx, tags, w, 0)) // without lost marks, which would be logged at each write
	ok(s.Unmark(ctx, tags, w))
	l := store.Lookup{Keys: []string{"k"}, Tags: tags, Values: [][]byte{[]byte("old")}}
	if ok(s.Lookup(ctx, &l)); l.Values[0] != nil || l.States[0] != (store.State{}) {
		t.Errorf("it kept %q, %v", l.Values[0], l.States[0])
	}
	ok(s.Delete(ctx, "k"))
}

func TestItGivesNoLocks(t *testing.T) {
	if store.ClaimerOf(null.New()) != nil {
		t.Error("a store that keeps nothing grants claims")
	}
}

func TestContextsAndClose(t *testing.T) {
	s := null.New()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	calls := func(ctx context.Context) []error {
		return []error{
			s.Lookup(ctx, &store.Lookup{}), s.Set(ctx, "k", nil, 0), s.SetAll(ctx, nil), s.Delete(ctx, "k"),
			s.Swap(ctx, nil), s.Tokens(ctx, nil, nil), s.Mark(ctx, nil, store.Writer{}, 0),
			s.Settle(ctx, nil, store.Writer{}, 0), s.Unmark(ctx, nil, store.Writer{}),
		}
	}
	for i, err := range calls(ended) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d with a context that has ended gives %v", i, err)
		}
	}
	_ = s.Close()
	for i, err := range calls(t.Context()) {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("call %d after Close gives %v", i, err)
		}
	}
}

// TestItKeepsEpochs: without them each read would take the schema for changed.
func TestItKeepsEpochs(t *testing.T) {
	s, tags := null.New(), []string{store.Namespace("shop").Epoch()}
	a, b := make([]store.State, 1), make([]store.State, 1)
	l := store.Lookup{Tags: tags}
	if err := errors.Join(s.Tokens(t.Context(), tags, a), s.Tokens(t.Context(), tags, b), s.Lookup(t.Context(), &l)); err != nil {
		t.Fatal(err)
	}
	if !a[0].Clean() || a[0] != b[0] || l.States[0] != a[0] {
		t.Errorf("the epoch is %v, %v, %v", a[0], b[0], l.States[0])
	}
	if err := store.Failure(s.Settle(t.Context(), tags, store.NewWriter(), 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Lookup(t.Context(), &l); err != nil || l.States[0].Token == a[0].Token {
		t.Errorf("after Settle the epoch is %v, %v", l.States[0], err)
	}
}
