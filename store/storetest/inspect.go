package storetest

import (
	"maps"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// inspectTests are about what a store says to people. A store that is no store.Inspector passes.
var inspectTests = []test{
	{"AgreesWithLookup", func(s *suite) {
		tags, w := s.names(3), store.NewWriter()
		s.token(tags[0])
		s.mark(w, long, tags[1])
		infos := s.inspect(tags...)
		for i, state := range s.states(tags...) {
			state.Writer, state.Left, infos[i].State.Writer, infos[i].State.Left = store.Writer{}, 0, store.Writer{}, 0 // Marks says more
			if infos[i].Tag != tags[i] || infos[i].State != state {
				s.Errorf("Inspect says that tag %d is %s: Lookup says %s", i, show(infos[i].State), show(state))
			}
		}
	}},
	{"NamesEachMark", func(s *suite) {
		tag, spans := s.name(), map[store.Writer]time.Duration{store.NewWriter(): long, store.NewWriter(): 2 * long}
		for w, span := range spans {
			s.mark(w, span, tag)
		}
		info := s.inspect(tag)[0]
		if _, can := s.store.(store.Inspector); !can || info.Marks == nil {
			s.Skip("the store does not tell marks apart")
		}
		if len(info.Marks) != len(spans) {
			s.Fatalf("Inspect tells of %d marks, want %d", len(info.Marks), len(spans))
		}
		left := maps.Clone(spans)
		for _, m := range info.Marks {
			if span := left[m.Writer]; m.Left <= 0 || m.Left > span+s.Tick || m.Left < span-s.Patience-s.Tick {
				s.Errorf("the mark of %s has %v left of %v", m.Writer, m.Left, span)
			}
			delete(left, m.Writer)
		}
		if len(left) > 0 {
			s.Errorf("Inspect does not tell of %v", left)
		}
	}},
	{"ShowsMarksPastTheirDeadline", func(s *suite) {
		tag, w := s.name(), store.NewWriter()
		before := s.token(tag)
		s.mark(w, s.Tick, tag)
		if s.inspect(tag)[0].Marks == nil {
			s.Skip("the store does not tell marks apart")
		}
		s.until("Inspect shows that a deadline has passed", func() bool {
			info := s.inspect(tag)[0]
			if !info.State.Marked || info.State.Token != before || len(info.Marks) != 1 || info.Marks[0].Writer != w {
				s.Fatalf("Inspect has changed the tag: %s, %v", show(info.State), info.Marks)
			}
			return info.Marks[0].Left <= 0
		})
	}},
	{"MakesNoTags", func(s *suite) {
		tag := s.name()
		if info := s.inspect(tag)[0]; info.State.Known || len(info.Marks) > 0 || s.state(tag).Known {
			s.Errorf("a tag that does not exist is %s", show(info.State))
		}
	}},
	{"OfNothing", func(s *suite) { s.inspect() }},
}

func (s *suite) inspect(tags ...string) []store.TagInfo {
	s.Helper()
	infos, err := store.Inspect(s.ctx, s.store, tags)
	s.ok("Inspect", err)
	if len(infos) != len(tags) {
		s.Fatalf("Inspect of %d tags gives %d", len(tags), len(infos))
	}
	return infos
}
