package memcachestore

import (
	"context"
	"errors"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// noWriter is all zeros, which a random writer never is: no mark is its own.
var noWriter store.Writer

// Tokens implements [store.Store].
func (s *Store) Tokens(ctx context.Context, tags []string, states []store.State) error {
	return s.change(ctx, "tokens", tags, change{apply: func(i int, t *tag, known bool, alive func(store.Token) bool, _ *timer) verdict {
		died, _ := t.drop(noWriter, alive)
		v := keep
		if died || !known {
			t.token, v = store.NewToken(), write
		}
		states[i] = t.state()
		return v
	}})
}

// Mark implements [store.Store]. A grace beyond 30 days counts as 30 days.
func (s *Store) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	return s.change(ctx, "mark", tags, change{
		writer: writer,
		span:   max(grace, 1), // without grace the mark holds for the shortest time there is
		apply: func(_ int, t *tag, known bool, alive func(store.Token) bool, own *timer) verdict {
			if died, _ := t.drop(writer, alive); died || !known {
				t.token = store.NewToken()
			}
			t.add(writer, own)
			return write
		},
	})
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	gone := make([]bool, len(tags))
	err := s.change(ctx, "settle", tags, change{
		writer: writer,
		span:   max(linger, 0),
		apply: func(i int, t *tag, _ bool, alive func(store.Token) bool, own *timer) verdict {
			_, had := t.drop(writer, alive)
			gone[i] = !had
			t.token = store.NewToken()
			t.add(writer, own)
			return write
		},
	})
	if err != nil {
		return err
	}
	var lost store.LostMarks
	for i, tag := range tags {
		if gone[i] {
			lost.Tags = append(lost.Tags, tag)
		}
	}
	if len(lost.Tags) > 0 {
		return &lost
	}
	return nil
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	return s.change(ctx, "unmark", tags, change{writer: writer, apply: func(_ int, t *tag, known bool, alive func(store.Token) bool, _ *timer) verdict {
		if !known {
			return keep
		}
		died, own := t.drop(writer, alive)
		if died {
			t.token = store.NewToken()
		}
		if died || own {
			return write
		}
		return prolong
	}})
}

// add lists writer's mark, if there is a timer for it.
func (t *tag) add(writer store.Writer, own *timer) {
	if own != nil {
		t.marks = append(t.marks, mark{writer, own.item, own.span, own.ends})
	}
}

// verdict is what becomes of a tag's item.
type verdict int

const (
	keep    verdict = iota // nothing changes
	write                  // it gets the new value
	prolong                // it lives longer
)

// change is one kind of change of tags.
type change struct {
	// writer is the one whose own mark is dropped, whether or not its timer has run out.
	writer store.Writer
	// span is how long the mark holds that apply sets; 0: it sets none.
	span time.Duration
	// apply changes t, which is zero if the tag is not known. It may run several times for one tag: the last one counts.
	apply func(i int, t *tag, known bool, alive func(store.Token) bool, own *timer) verdict
}

// change changes tags, each on its server, all servers at once.
func (s *Store) change(ctx context.Context, call string, tags []string, ch change) error {
	if err := s.ready(ctx); err != nil || len(tags) == 0 {
		return err
	}
	return fail(call, together(s.groups(tags), func(g group) error {
		return g.server.do(ctx, func(c *session) error { return c.change(tags, g.places, ch, s.tagTTL) })
	}))
}

// change changes the tags of one server: a multi-get, another for the timers of the marks that are listed, and a cas or
// add for each tag. Those that others changed in between are read again.
//
// The timer of the own mark is stored first, over the same connection as all that follows: a reader who finds the mark
// without a timer takes its writer for dead. After a restart of the server in between the timer would be lost.
func (c *session) change(tags []string, places []int, ch change, ttl time.Duration) error {
	own, err := c.start(ch.span)
	if err != nil {
		return err
	}
	return c.until(places, func(places []int) (again []int, err error) {
		items, err := c.gets(tags, places)
		if err != nil {
			return nil, err
		}
		alive, err := c.alive(listed(items, ch.writer))
		if err != nil {
			return nil, err
		}
		for _, i := range places {
			item := items[wire(tags[i])]
			done, err := c.changeOne(item, i, tags[i], ch, alive, own, ttl)
			if err != nil {
				return nil, err
			}
			if !done {
				again = append(again, i)
			}
		}
		return again, nil
	})
}

func (c *session) changeOne(
	item *memcache.Item, i int, name string, ch change, alive func(store.Token) bool, own *timer, ttl time.Duration,
) (done bool, err error) {
	var (
		t     tag
		known bool
	)
	if item != nil {
		t, known = parseTag(item.Value)
	}
	switch ch.apply(i, &t, known, alive, own) {
	case write:
		return c.put(item, name, t.bytes(), t.lifetime(ttl))
	case prolong:
		err := c.client.Touch(wire(name), expiration(t.lifetime(ttl)))
		if errors.Is(err, memcache.ErrCacheMiss) {
			err = nil
		}
		return true, err
	case keep:
	}
	return true, nil
}

// start stores a timer; nil if it is for no time.
func (c *session) start(span time.Duration) (*timer, error) {
	if span <= 0 {
		return nil, nil //nolint:nilnil // no timer, no error
	}
	t := newTimer(span)
	return &t, c.client.Set(&memcache.Item{Key: timerName(t.item), Expiration: int32(t.span)})
}

// listed returns the timers of all marks of some tags, without those of one writer.
func listed(items map[string]*memcache.Item, but store.Writer) (timers []string) {
	for _, item := range items {
		if t, ok := parseTag(item.Value); ok {
			for _, m := range t.marks {
				if m.writer != but {
					timers = append(timers, timerName(m.item))
				}
			}
		}
	}
	return timers
}

// alive returns a function that reports whether a timer has not run out. The timers are asked for after the tags that
// list them have been read, and each was stored before it was listed: one that is missing has run out, or was evicted.
func (c *session) alive(timers []string) (func(store.Token) bool, error) {
	if len(timers) == 0 {
		return func(store.Token) bool { return false }, nil
	}
	items, err := c.client.GetMulti(timers)
	return func(item store.Token) bool { return items[timerName(item)] != nil }, err
}

// Inspect implements [store.Inspector]. Whether a mark holds is what its server says; how long, the clocks of the writer's
// machine and of this one.
func (s *Store) Inspect(ctx context.Context, tags []string) ([]store.TagInfo, error) {
	infos := make([]store.TagInfo, len(tags))
	err := s.change(ctx, "inspect", tags, change{apply: func(i int, t *tag, known bool, alive func(store.Token) bool, _ *timer) verdict {
		infos[i] = store.TagInfo{Tag: tags[i]}
		if known {
			infos[i].State = t.state()
		}
		for _, m := range t.marks {
			left := min(m.left(), 0)
			if alive(m.item) {
				left = max(m.left(), time.Millisecond)
			}
			infos[i].Marks = append(infos[i].Marks, store.MarkInfo{Writer: m.writer, Left: left})
		}
		return keep
	}})
	if err != nil {
		return nil, err
	}
	return infos, nil
}
