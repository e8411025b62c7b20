package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var lifeTests = []test{
	{"ACancelledContextIsHonoured", func(s *suite) {
		tag := s.name()
		before := s.token(tag)
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		for name, call := range calls(ctx, s.store, tag) {
			began := time.Now()
			if err := call(); !errors.Is(err, context.Canceled) {
				s.Errorf("%s with a canceled context gives %v: want one that wraps context.Canceled", name, err)
			}
			if took := time.Since(began); took > s.Patience {
				s.Errorf("%s with a canceled context took %v", name, took)
			}
		}
		s.wantClean(tag, before, true)
	}},
	{"APassedDeadlineIsHonoured", func(s *suite) {
		ctx, cancel := context.WithDeadline(s.ctx, time.Now().Add(-time.Second))
		defer cancel()
		for name, call := range calls(ctx, s.store, s.name()) {
			if err := call(); !errors.Is(err, context.DeadlineExceeded) {
				s.Errorf("%s after its deadline gives %v: want one that wraps context.DeadlineExceeded", name, err)
			}
		}
	}},
	{"AFailedLookupShowsNothing", func(s *suite) {
		key, tag := s.name(), s.name()
		s.set(key, []byte("v"), long)
		s.token(tag)
		l := store.Lookup{Keys: []string{key}, Tags: []string{tag}}
		s.ok("Lookup", s.store.Lookup(s.ctx, &l))
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		if err := s.store.Lookup(ctx, &l); err == nil {
			s.Fatal("Lookup with a canceled context succeeds")
		}
		if l.Values[0] != nil || l.States[0] != (store.State{}) {
			s.Errorf("a failed Lookup leaves %q and %s of an earlier one", l.Values[0], show(l.States[0]))
		}
	}},
	{"AClosedStoreSaysSo", func(s *suite) {
		closed := s.open()
		if err := closed.Close(); err != nil {
			s.Fatalf("Close: %v", err)
		}
		for name, call := range calls(s.ctx, closed, s.name()) {
			if err := call(); !errors.Is(err, store.ErrClosed) {
				s.Errorf("%s after Close gives %v: want one that wraps store.ErrClosed", name, err)
			}
		}
		if err := closed.Close(); err != nil {
			s.Errorf("a second Close gives %v", err)
		}
	}},
	{"CloseLeavesOthersAlone", func(s *suite) {
		closed := s.open()
		if err := closed.Close(); err != nil {
			s.Fatalf("Close: %v", err)
		}
		s.token(s.name()) // over the same client, if there is one
	}},
	{"CheckApproves", func(s *suite) {
		c, ok := s.store.(store.Checker)
		if ok { // the capability is optional
			s.ok("Check", c.Check(s.ctx))
		}
	}},
}

// calls are all methods that take a context.
func calls(ctx context.Context, st store.Store, name string) map[string]func() error {
	w := store.NewWriter()
	tags := []string{name}
	all := map[string]func() error{
		"Lookup": func() error { return st.Lookup(ctx, &store.Lookup{Keys: tags, Tags: tags}) },
		"Set":    func() error { return st.Set(ctx, name+"e", []byte("v"), long) },
		"Delete": func() error { return st.Delete(ctx, name+"e") },
		"Tokens": func() error { return st.Tokens(ctx, tags, make([]store.State, 1)) },
		"Mark":   func() error { return st.Mark(ctx, tags, w, long) },
		"Settle": func() error { return store.Failure(st.Settle(ctx, tags, w, 0)) },
		"Unmark": func() error { return st.Unmark(ctx, tags, w) },
		"Inspect": func() error {
			_, err := store.Inspect(ctx, st, tags)
			return err
		},
	}
	if swapper := store.SwapperOf(st); swapper != nil {
		all["Swap"] = func() error { return swapper.Swap(ctx, []store.Swap{{Key: name + "s", Value: []byte("v"), TTL: long}}) }
	}
	if claimer := store.ClaimerOf(st); claimer != nil {
		c := store.Claim{Name: name + "c", Owner: w, TTL: long}
		all["Claim"] = func() error { return told(claimer.Claim(ctx, &c)) }
		all["Renew"] = func() error { return told(claimer.Renew(ctx, &c)) }
		all["Release"] = func() error { return told(claimer.Release(ctx, c.Name, w)) }
		all["Claims"] = func() error {
			_, err := claimer.Claims(ctx, c.Name)
			return err
		}
	}
	return all
}

// told returns the error of a call that reports success and an error: with an error it must not report success.
func told(success bool, err error) error {
	if success && err != nil {
		return errors.New("the call reports success beside its error")
	}
	return err
}
