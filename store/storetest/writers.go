package storetest

import (
	"github.com/seed-4f7f0efa/gormcache/store"
)

// writerTests are about several writers on one tag.
var writerTests = []test{
	{"MarksStandSideBySide", func(s *suite) {
		tag := s.name()
		before := s.token(tag)
		writers := make([]store.Writer, 5)
		for i := range writers {
			writers[i] = store.NewWriter()
			s.mark(writers[i], long, tag)
		}
		for _, w := range writers {
			if got := s.wantMarked(tag); got != before {
				s.Fatal("Unmark of one writer changed the token under the others")
			}
			s.unmark(w, tag)
		}
		s.wantClean(tag, before, true)
	}},
	{"SettleLeavesOthersMarks", func(s *suite) {
		tag, a, b := s.name(), store.NewWriter(), store.NewWriter()
		before := s.token(tag)
		s.mark(a, long, tag)
		s.mark(b, long, tag)
		s.settle(a, 0, tag)
		after := s.wantMarked(tag)
		if after == before {
			s.Error("Settle kept the token because another writer's mark stands")
		}
		s.unmark(b, tag)
		s.wantClean(tag, after, true)
	}},
	{"UnmarkLeavesOthersMarks", func(s *suite) {
		tag, a, b := s.name(), store.NewWriter(), store.NewWriter()
		before := s.token(tag)
		s.mark(a, long, tag)
		s.mark(b, long, tag)
		s.unmark(a, tag)
		if got := s.wantMarked(tag); got != before {
			s.Error("Unmark changed the token")
		}
		s.settle(b, 0, tag)
		s.wantClean(tag, before, false)
	}},
	{"StrangersRemoveNothing", func(s *suite) {
		tag, w := s.name(), store.NewWriter()
		s.mark(w, long, tag)
		s.unmark(store.NewWriter(), tag)
		s.wantMarked(tag)
		s.settle(store.NewWriter(), 0, tag)
		s.wantMarked(tag)
		s.tokens(tag)
		s.wantMarked(tag)
	}},
	{"LingeringMarksStandSideBySide", func(s *suite) {
		tag, a, b := s.name(), store.NewWriter(), store.NewWriter()
		s.mark(a, long, tag)
		s.settle(a, long, tag)
		s.mark(b, long, tag)
		s.settle(b, 0, tag)
		s.wantMarked(tag) // a's
		s.unmark(a, tag)
		if state := s.state(tag); !state.Clean() {
			s.Errorf("tag is %s after the last mark went", show(state))
		}
	}},
	{"ADeadMarkAmongLiveOnes", func(s *suite) {
		// The dead one goes and changes the token; the live one stays.
		tag, live := s.name(), store.NewWriter()
		before := s.token(tag)
		s.mark(live, long, tag)
		s.mark(store.NewWriter(), s.Tick, tag)
		s.until("the token changes when the dead mark goes", func() bool {
			state := s.tokens(tag)[0]
			if !state.Marked {
				s.Fatalf("tag is %s: the live mark went too", show(state))
			}
			return state.Token != before
		})
		token := s.wantMarked(tag)
		s.unmark(live, tag)
		s.wantClean(tag, token, true)
	}},
	{"MarkIsPerTag", func(s *suite) {
		tags, w := s.names(2), store.NewWriter()
		before := s.tokens(tags...)
		s.mark(w, long, tags[0])
		s.wantMarked(tags[0])
		s.wantClean(tags[1], before[1].Token, true)
		s.settle(w, 0, tags[0])
		s.wantClean(tags[0], before[0].Token, false)
		s.wantClean(tags[1], before[1].Token, true)
	}},
}
