package storetest

import (
	"slices"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// markTests are about one writer.
var markTests = []test{
	{"MarkThenSettle", func(s *suite) {
		tag, w := s.name(), store.NewWriter()
		before := s.token(tag)
		s.mark(w, long, tag)
		if got := s.wantMarked(tag); got != before {
			s.Errorf("Mark changed the token from %s to %s", before, got)
		}
		s.settle(w, 0, tag)
		s.wantClean(tag, before, false)
	}},
	{"MarkThenUnmarkKeepsTheToken", func(s *suite) {
		tag, w := s.name(), store.NewWriter()
		before := s.token(tag)
		s.mark(w, long, tag)
		s.unmark(w, tag)
		s.wantClean(tag, before, true)
	}},
	{"MarkMakesTags", func(s *suite) {
		tag, w := s.name(), store.NewWriter()
		s.mark(w, long, tag)
		token := s.wantMarked(tag)
		s.unmark(w, tag)
		s.wantClean(tag, token, true)
	}},
	{"WhoMarksIsNamed", func(s *suite) {
		tag, first, last, early := s.name(), store.NewWriter(), store.NewWriter(), store.NewWriter()
		s.mark(early, long/2, tag)
		s.mark(last, long, tag)
		s.mark(first, long/2, tag)
		for call, state := range map[string]store.State{"Lookup": s.state(tag), "Tokens": s.tokens(tag)[0]} {
			if state.Writer == (store.Writer{}) && state.Left == 0 {
				continue // a store need not say
			}
			if state.Writer != last || state.Left <= long/2 || state.Left > long+long/2 { // clocks differ
				s.Errorf("%s: the mark that holds longest is %s's for another %s, want %s's for %s", call, state.Writer, state.Left, last, long)
			}
		}
		for _, w := range []store.Writer{first, last, early} {
			s.unmark(w, tag)
		}
		if state := s.state(tag); state.Writer != (store.Writer{}) || state.Left != 0 {
			s.Errorf("without a mark it is %s's for another %s", state.Writer, state.Left)
		}
	}},
	{"SettleMakesTags", func(s *suite) {
		tag := s.name()
		s.settle(store.NewWriter(), 0, tag)
		s.wantClean(tag, store.Token{}, false)
	}},
	{"SettleWithoutAMarkChangesTheToken", func(s *suite) {
		tag := s.name()
		before := s.token(tag)
		s.settle(store.NewWriter(), 0, tag)
		s.wantClean(tag, before, false)
	}},
	{"SettleTellsOfLostMarks", func(s *suite) {
		tags, w := s.names(4), store.NewWriter()
		s.mark(w, long, tags[0], tags[1])
		s.mark(store.NewWriter(), long, tags[2]) // another's
		s.unmark(w, tags[1])
		if lost := store.Lost(s.store.Settle(s.ctx, tags, w, 0)); !slices.Equal(lost, tags[1:]) {
			s.Errorf("Settle says of %q that the mark was gone: want %q", lost, tags[1:])
		}
		s.mark(w, long, tags[0], tags[1])
		if err := s.store.Settle(s.ctx, tags[:2], w, long); err != nil {
			s.Errorf("Settle where the marks are: %v", err)
		}
		if err := s.store.Settle(s.ctx, tags[:2], w, 0); err != nil {
			s.Errorf("Settle where the marks have lingered: %v", err)
		}
	}},
	{"UnmarkMakesNoTags", func(s *suite) {
		tag := s.name()
		s.unmark(store.NewWriter(), tag)
		if state := s.state(tag); state.Known {
			s.Errorf("Unmark made a tag: %s", show(state))
		}
	}},
	{"UnmarkWithoutAMarkKeepsTheToken", func(s *suite) {
		tag := s.name()
		before := s.token(tag)
		s.unmark(store.NewWriter(), tag)
		s.wantClean(tag, before, true)
	}},
	{"ManyTagsAtOnce", func(s *suite) {
		tags, w := s.names(40), store.NewWriter()
		before := s.tokens(tags...)
		s.mark(w, long, tags...)
		for i, state := range s.states(tags...) {
			if !state.Marked || state.Token != before[i].Token {
				s.Fatalf("tag %d is %s after Mark", i, show(state))
			}
		}
		s.settle(w, 0, tags...)
		seen := map[store.Token]bool{}
		for i, state := range s.states(tags...) {
			if !state.Clean() || state.Token == before[i].Token || seen[state.Token] {
				s.Fatalf("tag %d is %s after Settle: want a new token of its own", i, show(state))
			}
			seen[state.Token] = true
		}
	}},
	{"RepeatingDoesNoHarm", func(s *suite) {
		tag, w := s.name(), store.NewWriter()
		before := s.token(tag)
		s.mark(w, long, tag)
		s.mark(w, long, tag)
		if got := s.wantMarked(tag); got != before {
			s.Error("a repeated Mark changed the token")
		}
		s.unmark(w, tag) // one Unmark ends any number of Marks
		s.unmark(w, tag)
		s.wantClean(tag, before, true)
		s.mark(w, long, tag)
		s.settle(w, 0, tag)
		first := s.wantClean(tag, before, false)
		s.settle(w, 0, tag)
		if again := s.state(tag); !again.Clean() || again.Token == before {
			s.Errorf("a repeated Settle leaves %s, the token was %s, then %s", show(again), before, first)
		}
		s.unmark(w, tag)
		s.wantClean(tag, before, false)
	}},
	{"ADeadWritersMarkChangesTheToken", func(s *suite) {
		// Tokens, Settle and Unmark of another writer each remove it.
		for name, meet := range map[string]func(tag string){
			"Tokens": func(tag string) { s.tokens(tag) },
			"Settle": func(tag string) { s.settle(store.NewWriter(), 0, tag) },
			"Unmark": func(tag string) { s.unmark(store.NewWriter(), tag) },
		} {
			tag := s.name()
			before := s.token(tag)
			s.mark(store.NewWriter(), s.Tick, tag)
			s.until(name+" removes a mark past its deadline", func() bool {
				meet(tag)
				state := s.state(tag)
				if state.Clean() && state.Token == before {
					s.Fatalf("%s removed a mark and kept the token: an entry filled under it could be stale", name)
				}
				return state.Clean()
			})
		}
	}},
	{"OnlyRemovalEndsAMark", func(s *suite) {
		// A reader that merely looks must never see the tag clean with the token it had.
		tag, other := s.name(), s.name()
		before := s.token(tag)
		s.mark(store.NewWriter(), s.Tick, tag)
		s.mark(store.NewWriter(), s.Tick, other)
		s.until("a mark set later expires", func() bool {
			if state := s.state(tag); state.Clean() && state.Token == before {
				s.Fatal("the mark went away by itself and the token stayed")
			}
			return s.tokens(other)[0].Clean()
		})
		if state := s.state(tag); state.Clean() && state.Token == before {
			s.Fatal("the mark went away by itself and the token stayed")
		}
	}},
	{"MarkAgainMovesTheDeadline", func(s *suite) {
		tag, other, w := s.name(), s.name(), store.NewWriter()
		s.mark(w, s.Tick, tag)
		s.mark(w, long, tag)
		s.mark(store.NewWriter(), s.Tick, other)
		s.until("a mark with the first deadline expires", func() bool { return s.tokens(other)[0].Clean() })
		if state := s.tokens(tag)[0]; !state.Marked {
			s.Fatalf("tag is %s: the first deadline still counted", show(state))
		}
		s.unmark(w, tag)
		if state := s.state(tag); !state.Clean() {
			s.Fatalf("tag is %s: the second Mark set a second mark", show(state))
		}
	}},
	{"MarkAgainMayShorten", func(s *suite) {
		tag, w := s.name(), store.NewWriter()
		s.mark(w, long, tag)
		s.mark(w, s.Tick, tag)
		s.until("the second deadline counts", func() bool { return s.tokens(tag)[0].Clean() })
	}},
	{"SettleLingers", settleLingers},
}

// settleLingers follows a tag through a settling with linger: a new token at once, marked, and one
// more new token when the mark is gone. What was filled from a lagging replica between, under the
// second token, must not be valid after.
func settleLingers(s *suite) {
	tag, w := s.name(), store.NewWriter()
	first := s.token(tag)
	s.mark(w, long, tag)
	s.settle(w, long, tag)
	second := s.wantMarked(tag)
	if second == first {
		s.Error("Settle with linger kept the token")
	}
	if state := s.tokens(tag)[0]; !state.Marked {
		s.Fatalf("tag is %s while the mark lingers", show(state))
	}
	s.settle(w, s.Tick, tag) // and again, shorter
	third := s.state(tag).Token
	s.until("the lingering mark expires", func() bool {
		state := s.tokens(tag)[0]
		if state.Clean() && (state.Token == third || state.Token == second || state.Token == first) {
			s.Fatal("the lingering mark went and the token stayed")
		}
		return state.Clean()
	})

	unmarked := s.name()
	s.settle(store.NewWriter(), long, unmarked) // without a Mark before
	s.wantMarked(unmarked)
}
