package storetest

import (
	"sync"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var tokenTests = []test{
	{"ANewTagIsUnknown", func(s *suite) {
		tag := s.name()
		for range 2 { // a Lookup makes no tag
			if state := s.state(tag); state != (store.State{}) {
				s.Fatalf("a tag never made is %s", show(state))
			}
		}
	}},
	{"TokensMakesTagsOnce", func(s *suite) {
		tags := s.names(3)
		first := s.tokens(tags...)
		seen := map[store.Token]bool{}
		for i, state := range first {
			if !state.Clean() {
				s.Fatalf("tag %d is %s after Tokens", i, show(state))
			}
			if seen[state.Token] || state.Token == (store.Token{}) {
				s.Errorf("token %s is not random", state.Token)
			}
			seen[state.Token] = true
		}
		for i, state := range s.tokens(tags...) {
			if state != first[i] {
				s.Errorf("tag %d changed from %s to %s by being asked for", i, show(first[i]), show(state))
			}
		}
		for i, state := range s.states(tags...) {
			if state != first[i] {
				s.Errorf("tag %d: Tokens gave %s, Lookup gives %s", i, show(first[i]), show(state))
			}
		}
	}},
	{"TokensOverwritesItsStates", func(s *suite) {
		states := []store.State{{Token: store.NewToken(), Known: true, Marked: true}}
		tag := s.name()
		s.ok("Tokens", s.store.Tokens(s.ctx, []string{tag}, states))
		if states[0] != s.state(tag) {
			s.Errorf("Tokens left %s", show(states[0]))
		}
	}},
	{"OldAndNewTagsTogether", func(s *suite) {
		old, marked := s.name(), s.name()
		token, w := s.token(old), store.NewWriter()
		before := s.token(marked)
		s.mark(w, long, marked)
		states := s.tokens(s.name(), old, marked, s.name())
		if !states[0].Clean() || !states[3].Clean() {
			s.Errorf("new tags are %s and %s", show(states[0]), show(states[3]))
		}
		if states[1] != (store.State{Token: token, Known: true}) {
			s.Errorf("an old tag turned into %s", show(states[1]))
		}
		states[2].Writer, states[2].Left = store.Writer{}, 0 // a store need not say
		if states[2] != (store.State{Token: before, Known: true, Marked: true}) {
			s.Errorf("a marked tag turned into %s", show(states[2]))
		}
	}},
	{"NoTags", func(s *suite) {
		w := store.NewWriter()
		s.tokens()
		s.mark(w, long)
		s.settle(w, 0)
		s.unmark(w)
	}},
	{"RacersSeeOneWinner", racersSeeOneWinner},
}

// racersSeeOneWinner makes the same tags from many goroutines: all are to get the same tokens. Were
// there two winners, the entry of the one that lost would be dead, or worse: valid later.
func racersSeeOneWinner(s *suite) {
	const racers, rounds = 8, 20
	other := s.open()
	for range rounds {
		tags := s.names(3)
		results := make([][]store.State, racers)
		var wg sync.WaitGroup
		for i := range racers {
			results[i] = make([]store.State, len(tags))
			st := s.store
			if sharesContent(s, other) && i%2 == 1 {
				st = other
			}
			wg.Go(func() {
				if err := st.Tokens(s.ctx, tags, results[i]); err != nil {
					s.Errorf("Tokens: %v", err)
				}
			})
		}
		wg.Wait()
		for i, states := range results {
			for j := range states {
				if states[j] != results[0][j] || !states[j].Clean() {
					s.Fatalf("racer %d sees %s, racer 0 %s", i, show(states[j]), show(results[0][j]))
				}
			}
		}
	}
}

// sharesContent reports whether what one store sets, the other sees.
func sharesContent(s *suite, other store.Store) bool {
	tag := s.name()
	token := s.token(tag)
	l := store.Lookup{Tags: []string{tag}}
	s.ok("Lookup", other.Lookup(s.ctx, &l))
	return l.States[0].Token == token
}
