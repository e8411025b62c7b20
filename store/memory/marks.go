package memory

import (
	"context"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// tag is the state of one tag. Use it only under the lock of its shard.
type tag struct {
	token store.Token
	marks []mark // nil while the tag is clean
}

// mark is the mark of one writer, until its deadline on the store's clock.
type mark struct {
	writer   store.Writer
	deadline time.Duration
}

// state returns what readers see. A mark past its deadline still counts, until a call removes it and changes the token.
func (t *tag) state(now time.Duration) store.State {
	s := store.State{Token: t.token, Known: true, Marked: len(t.marks) > 0}
	for i, m := range t.marks {
		if left := m.deadline - now; i == 0 || left > s.Left {
			s.Writer, s.Left = m.writer, left
		}
	}
	return s
}

// drop removes writer's mark, and every other mark past its deadline. expired reports whether there was such another
// mark: the outcome of its writer is unknown, so the token must change. own reports whether writer's mark was there.
func (t *tag) drop(writer store.Writer, now time.Duration) (expired, own bool) {
	kept := t.marks[:0]
	for _, m := range t.marks {
		switch {
		case m.writer == writer:
			own = true
		case m.deadline <= now:
			expired = true
		default:
			kept = append(kept, m)
		}
	}
	t.marks = kept
	if len(kept) == 0 {
		t.marks = nil
	}
	return expired, own
}

// renew gives the tag a new token.
func (t *tag) renew() { t.token = store.NewToken() }

// live reports whether the tag has a mark whose deadline is after now.
func (t *tag) live(now time.Duration) bool {
	for _, m := range t.marks {
		if m.deadline > now {
			return true
		}
	}
	return false
}

// noWriter is all zeros, which a random writer never is: no mark is its own.
var noWriter store.Writer

// Tokens implements [store.Store].
func (s *Store) Tokens(ctx context.Context, tags []string, states []store.State) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	now := s.now()
	for i, name := range tags {
		s.tags.change(name, now, true, func(t *tag) {
			if expired, _ := t.drop(noWriter, now); expired {
				t.renew()
			}
			states[i] = t.state(now)
		})
	}
	return nil
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	now := s.now()
	for _, name := range tags {
		s.tags.change(name, now, true, func(t *tag) {
			if expired, _ := t.drop(writer, now); expired {
				t.renew()
			}
			t.marks = append(t.marks, mark{writer, after(now, grace)})
		})
	}
	return nil
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	now := s.now()
	var lost store.LostMarks
	for _, name := range tags {
		s.tags.change(name, now, true, func(t *tag) {
			if _, own := t.drop(writer, now); !own {
				lost.Tags = append(lost.Tags, name)
			}
			t.renew()
			if linger > 0 {
				t.marks = append(t.marks, mark{writer, after(now, linger)})
			}
		})
	}
	if len(lost.Tags) > 0 {
		return &lost
	}
	return nil
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	now := s.now()
	for _, name := range tags {
		s.tags.change(name, now, false, func(t *tag) {
			if expired, _ := t.drop(writer, now); expired {
				t.renew()
			}
		})
	}
	return nil
}
