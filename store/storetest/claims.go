package storetest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// claimTests are about stores with claims. They are skipped for a store without.
var claimTests = []test{
	{"OneHasAName", func(s *suite) {
		name, a, b := s.name(), store.NewWriter(), store.NewWriter()
		s.wantClaim(true, name, a, long)
		s.wantClaim(false, name, b, long)
		s.wantClaim(true, s.name(), b, long) // another name
		s.wantRelease(true, name, a)
		s.wantClaim(true, name, b, long)
		s.wantClaim(false, name, a, long)
	}},
	{"AClaimMayBeRepeated", func(s *suite) {
		name, a, b := s.name(), store.NewWriter(), store.NewWriter()
		first := store.Claim{Name: name, Owner: a, TTL: long, Fenced: true}
		s.claimed(true, &first)
		again := store.Claim{Name: name, Owner: a, TTL: long, Fenced: true, Fence: 7}
		s.claimed(true, &again)
		if again.Fence != first.Fence {
			s.Errorf("asked again, the fence is %d, and was %d", again.Fence, first.Fence)
		}
		s.wantOwners(name, a)
		s.wantRelease(true, name, a) // one call ends it, however often it was asked for
		s.wantClaim(true, name, b, long)
	}},
	{"OthersReleaseNothing", func(s *suite) {
		name, a := s.name(), store.NewWriter()
		s.wantRelease(false, name, a)
		s.wantClaim(true, name, a, long)
		s.wantRelease(false, name, store.NewWriter())
		s.wantOwners(name, a)
		s.wantRelease(true, name, a)
		s.wantRelease(false, name, a)
		s.wantOwners(name)
	}},
	{"ClaimsRunOut", func(s *suite) {
		name, a, b := s.name(), store.NewWriter(), store.NewWriter()
		s.wantClaim(true, name, a, s.Tick)
		s.until("the claim runs out", func() bool { return s.claim(name, b, long) })
		s.wantRenew(false, name, a, long)
		s.wantRelease(false, name, a)
		s.wantOwners(name, b)
	}},
	{"ShortClaimsRunOut", func(s *suite) {
		name := s.name()
		s.wantClaim(true, name, store.NewWriter(), time.Nanosecond)
		s.until("a claim of 1 ns runs out", func() bool { return s.claim(name, store.NewWriter(), long) })
	}},
	{"RenewProlongs", func(s *suite) {
		names, a, b := s.names(3), store.NewWriter(), store.NewWriter()
		for _, name := range names {
			s.wantClaim(true, name, a, s.Tick)
		}
		s.wantRenew(true, names[0], a, long)
		s.wantClaim(true, names[1], a, long) // as a repeated claim does
		s.until("the claim that nobody prolonged runs out", func() bool { return s.claim(names[2], b, long) })
		s.wantClaim(false, names[0], b, long)
		s.wantClaim(false, names[1], b, long)
	}},
	{"RenewShortens", func(s *suite) {
		name, a := s.name(), store.NewWriter()
		s.wantClaim(true, name, a, long)
		s.wantRenew(true, name, a, s.Tick)
		s.until("the claim runs out", func() bool { return s.claim(name, store.NewWriter(), long) })
	}},
	{"RenewTakesNothing", func(s *suite) {
		name, a, b := s.name(), store.NewWriter(), store.NewWriter()
		s.wantRenew(false, name, a, long)
		s.wantOwners(name)
		s.wantClaim(true, name, a, long)
		s.wantRenew(false, name, b, long)
		s.wantRelease(true, name, a)
		s.wantRenew(false, name, a, long)
		s.wantOwners(name)
	}},
	{"AnOwnerOfNothingBreaksAll", func(s *suite) {
		name, a, b := s.name(), store.NewWriter(), store.NewWriter()
		for _, w := range []store.Writer{a, b} {
			s.claimed(true, &store.Claim{Name: name, Owner: w, TTL: long, Slots: 2})
		}
		s.wantRelease(true, name, store.Writer{})
		s.wantRelease(false, name, store.Writer{})
		s.wantOwners(name)
		s.wantRenew(false, name, a, long)
		s.wantClaim(true, name, b, long)
	}},
	{"Slots", func(s *suite) {
		name, owners := s.name(), make([]store.Writer, 3)
		claim := func(w store.Writer) *store.Claim { return &store.Claim{Name: name, Owner: w, TTL: long, Slots: 3} }
		for i := range owners {
			owners[i] = store.NewWriter()
			s.claimed(true, claim(owners[i]))
		}
		fourth := store.NewWriter()
		s.claimed(false, claim(fourth))
		s.claimed(true, claim(owners[1])) // has one already
		s.wantOwners(name, owners...)
		s.wantRelease(true, name, owners[1])
		s.claimed(true, claim(fourth))
		s.claimed(false, claim(owners[1]))
		s.wantOwners(name, owners[0], owners[2], fourth)
		s.wantRenew(true, name, fourth, long)
	}},
	{"ASlotRunsOutByItself", func(s *suite) {
		name, keeps, other := s.name(), store.NewWriter(), store.NewWriter()
		s.claimed(true, &store.Claim{Name: name, Owner: keeps, TTL: long, Slots: 2})
		s.claimed(true, &store.Claim{Name: name, Owner: store.NewWriter(), TTL: s.Tick, Slots: 2})
		s.until("a slot is free", func() bool {
			return s.claimOf(&store.Claim{Name: name, Owner: other, TTL: long, Slots: 2})
		})
		s.wantOwners(name, keeps, other)
	}},
	{"FencesOnlyGrow", fencesOnlyGrow},
	{"WithoutAFenceThereIsNone", func(s *suite) {
		c := store.Claim{Name: s.name(), Owner: store.NewWriter(), TTL: long, Fence: 7}
		s.claimed(true, &c)
		if c.Fence != 0 {
			s.Errorf("the fence is %d without having been asked for", c.Fence)
		}
	}},
	{"ClaimsAreTold", func(s *suite) {
		name, began := s.name(), time.Now()
		c := store.Claim{Name: name, Owner: store.NewWriter(), TTL: long, Fenced: true}
		s.claimed(true, &c)
		claims, err := s.claimer().Claims(s.ctx, name)
		s.ok("Claims", err)
		if len(claims) != 1 || claims[0].Owner != c.Owner || claims[0].Fence != c.Fence || claims[0].Name != name {
			s.Fatalf("Claims gives %+v, want %+v", claims, c)
		}
		if left := claims[0].TTL; left > long+s.Tick || left < long-time.Since(began)-s.Tick {
			s.Errorf("%v left of %v", left, long)
		}
	}},
	{"LongNames", func(s *suite) {
		name, a := s.name(), store.NewWriter()
		for len(name) < store.MaxKeySize {
			name += "n"
		}
		woken, stop := s.claimer().Watch(name)
		defer stop()
		s.wantClaim(true, name, a, long)
		s.wantClaim(false, name, store.NewWriter(), long)
		s.releasedUntil(name, a, woken)
	}},
	{"ReleaseWakes", func(s *suite) { s.wakes(s.store) }},
	{"ReleaseWakesOtherStores", func(s *suite) {
		s.claimer()
		other, key := s.open(), s.name()
		s.set(key, []byte("v"), long)
		l := store.Lookup{Keys: []string{key}}
		s.ok("Lookup", other.Lookup(s.ctx, &l))
		if l.Values[0] == nil {
			s.Log("what Open returns twice does not share its content")
			return
		}
		s.wakes(other)
	}},
	{"WhoStoppedIsNotWoken", func(s *suite) {
		name, a := s.name(), store.NewWriter()
		_, stop := s.claimer().Watch(name)
		woken, stopLater := s.claimer().Watch(name)
		defer stopLater()
		stop()
		s.wantClaim(true, name, a, long)
		s.releasedUntil(name, a, woken) // the other still is
	}},
	{"OneAtATime", oneAtATime},
}

// claimer returns the capability, or skips the test.
func (s *suite) claimer() store.Claimer {
	s.Helper()
	claimer := store.ClaimerOf(s.store)
	if claimer == nil {
		s.Skip("the store is no store.Claimer")
	}
	return claimer
}

func (s *suite) claimOf(c *store.Claim) bool {
	s.Helper()
	granted, err := s.claimer().Claim(s.ctx, c)
	s.ok("Claim", err)
	return granted
}

func (s *suite) claimed(want bool, c *store.Claim) {
	s.Helper()
	if got := s.claimOf(c); got != want {
		s.Fatalf("Claim of %s reports %v, want %v", c.Owner, got, want)
	}
	if want && c.Fenced && c.Fence == 0 {
		s.Fatal("Claim gives no fence")
	}
}

func (s *suite) claim(name string, w store.Writer, ttl time.Duration) bool {
	s.Helper()
	return s.claimOf(&store.Claim{Name: name, Owner: w, TTL: ttl})
}

func (s *suite) wantClaim(want bool, name string, w store.Writer, ttl time.Duration) {
	s.Helper()
	s.claimed(want, &store.Claim{Name: name, Owner: w, TTL: ttl})
}

func (s *suite) wantRenew(want bool, name string, w store.Writer, ttl time.Duration) {
	s.Helper()
	held, err := s.claimer().Renew(s.ctx, &store.Claim{Name: name, Owner: w, TTL: ttl})
	s.ok("Renew", err)
	if held != want {
		s.Fatalf("Renew of %s reports %v, want %v", w, held, want)
	}
}

func (s *suite) wantRelease(want bool, name string, w store.Writer) {
	s.Helper()
	released, err := s.claimer().Release(s.ctx, name, w)
	s.ok("Release", err)
	if released != want {
		s.Fatalf("Release of %s reports %v, want %v", w, released, want)
	}
}

// wantOwners checks who has a name.
func (s *suite) wantOwners(name string, owners ...store.Writer) {
	s.Helper()
	claims, err := s.claimer().Claims(s.ctx, name)
	s.ok("Claims", err)
	has := map[store.Writer]bool{}
	for _, c := range claims {
		has[c.Owner] = true
	}
	for _, w := range owners {
		if !has[w] {
			s.Fatalf("%s has no claim: %+v", w, claims)
		}
	}
	if len(claims) != len(owners) {
		s.Fatalf("%d claims, want %d: %+v", len(claims), len(owners), claims)
	}
}

// fencesOnlyGrow takes a fenced name over and over: after Release, after it was broken, and after it ran out.
func fencesOnlyGrow(s *suite) {
	name, last := s.name(), uint64(0)
	granted := func(ttl time.Duration) store.Writer {
		c := store.Claim{Name: name, Owner: store.NewWriter(), TTL: ttl, Slots: 2, Fenced: true}
		s.until("the name is free", func() bool { return s.claimOf(&c) })
		if c.Fence <= last {
			s.Fatalf("fence %d follows %d", c.Fence, last)
		}
		last = c.Fence
		return c.Owner
	}
	for range 5 {
		s.wantRelease(true, name, granted(long))
	}
	a, b := granted(long), granted(long) // both slots
	s.wantRelease(true, name, a)
	granted(long)
	s.wantRelease(true, name, b)
	granted(long)
	s.wantRelease(true, name, store.Writer{})
	granted(long)
	granted(s.Tick)
	granted(s.Tick) // when the one before has run out
	s.wantRelease(true, name, store.Writer{})
	granted(long)
}

// wakes checks that a release by releaser wakes all who watch, here and there.
func (s *suite) wakes(releaser store.Store) {
	s.Helper()
	for _, owner := range []store.Writer{store.NewWriter(), {}} {
		name, holder := s.name(), store.NewWriter()
		var watching []<-chan struct{}
		for _, st := range []store.Store{s.store, s.store, releaser} {
			c := s.claimer()
			if st == releaser {
				c = store.ClaimerOf(releaser)
			}
			woken, stop := c.Watch(name)
			defer stop()
			watching = append(watching, woken)
		}
		if owner != (store.Writer{}) {
			owner = holder
		}
		// More than once, since a watch may be told for nothing when it begins.
		for range 3 {
			for _, woken := range watching {
				select {
				case <-woken:
				default:
				}
			}
			deadline := time.After(s.Patience)
			for left := watching; len(left) > 0; { // a watch may begin to be told a moment after it was asked for
				s.wantClaim(true, name, holder, long)
				released, err := store.ClaimerOf(releaser).Release(s.ctx, name, owner)
				if s.ok("Release", err); !released {
					s.Fatal("Release reports that there was no claim")
				}
				select {
				case <-left[0]:
					left = left[1:]
				case <-deadline:
					s.Fatalf("%v after Release nobody is woken", s.Patience)
				case <-time.After(s.Tick):
				}
			}
		}
	}
}

// releasedUntil releases a claim, and takes it again, until the watch is told.
func (s *suite) releasedUntil(name string, w store.Writer, woken <-chan struct{}) {
	s.Helper()
	s.until("Release wakes", func() bool {
		s.wantClaim(true, name, w, long)
		s.wantRelease(true, name, w)
		select {
		case <-woken:
			return true
		case <-time.After(s.Tick):
			return false
		}
	})
}

// oneAtATime has a crowd want one name: never two have it at once, and each has a greater fence than the one before.
func oneAtATime(s *suite) {
	s.claimer()
	name := s.name()
	var (
		wg     sync.WaitGroup
		inside atomic.Int64
		last   atomic.Uint64
	)
	for range 2 * crowd {
		wg.Go(func() {
			woken, stop := s.claimer().Watch(name)
			defer stop()
			for range rounds / 6 {
				c := store.Claim{Name: name, Owner: store.NewWriter(), TTL: long, Fenced: true}
				for !s.claimOf(&c) {
					select {
					case <-woken:
					case <-time.After(s.Tick / 10): // no wake is promised
					case <-s.ctx.Done():
						s.Error("waited in vain for a name that is free now and then")
						return
					}
				}
				if n := inside.Add(1); n != 1 {
					s.Errorf("%d have the name at once", n)
				}
				if before := last.Swap(c.Fence); before >= c.Fence {
					s.Errorf("fence %d follows %d", c.Fence, before)
				}
				inside.Add(-1)
				if released, err := s.claimer().Release(s.ctx, name, c.Owner); err != nil || !released {
					s.Errorf("Release reports %v, %v", released, err)
				}
			}
		})
	}
	wg.Wait()
}
