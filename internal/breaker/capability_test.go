package breaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

func TestABreakerHasTheCapabilitiesOfTheStoreBehind(t *testing.T) {
	s := breaker.New(memory.New(), breaker.Config{})
	defer s.Stop()
	if store.SwapperOf(s) == nil || store.ClaimerOf(s) == nil {
		t.Error("it hides them")
	}
	bare := breaker.New(struct{ store.Store }{memory.New()}, breaker.Config{})
	defer bare.Stop()
	if store.SwapperOf(bare) != nil || store.ClaimerOf(bare) != nil {
		t.Error("it pretends to have what the store behind has not")
	}
}

// TestClaimsOfABrokenStore: they count as calls, and cost nothing while the breaker is open.
func TestClaimsOfABrokenStore(t *testing.T) {
	below := memory.New()
	s := breaker.New(below, breaker.Config{Failures: 3, Cooldown: time.Hour})
	defer s.Stop()
	claimer, swapper := store.ClaimerOf(s), store.SwapperOf(s)
	c := store.Claim{Name: "n", Owner: store.NewWriter(), TTL: time.Hour}
	if granted, err := claimer.Claim(t.Context(), &c); err != nil || !granted {
		t.Fatalf("granted %v, %v", granted, err)
	}
	_ = below.Close()
	_, err1 := claimer.Renew(t.Context(), &c)
	_, err2 := claimer.Release(t.Context(), c.Name, c.Owner)
	err3 := swapper.Swap(t.Context(), []store.Swap{{Key: "k"}})
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("the store's error is %v", err)
		}
	}
	if granted, err := claimer.Claim(t.Context(), &c); granted || !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("after three failures: granted %v, %v", granted, err)
	}
	if err := swapper.Swap(t.Context(), []store.Swap{{Key: "k"}}); !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("after three failures a swap gives %v", err)
	}
}
