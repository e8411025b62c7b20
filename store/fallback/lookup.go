package fallback

import (
	"context"
	"errors"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Lookup implements [store.Store]: one trip to the home, and another to each old store for what the home does not have.
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	if err := s.home.Lookup(ctx, l); err != nil {
		return err
	}
	found := 0
	for _, o := range s.from {
		missing := s.missing(l)
		if len(missing) == 0 {
			break
		}
		found += s.fall(ctx, o, l, missing)
	}
	// The entries of old stores were read after the tags of the home. One of them alone was true at that later moment. But
	// beside others it could be from after a commit that they are from before, so the tags are read once more.
	if found > 0 && len(l.Keys) > 1 && len(l.Tags) > 0 {
		again := store.Lookup{Tags: l.Tags}
		if err := s.home.Lookup(ctx, &again); err != nil {
			l.Reset()
			return err
		}
		copy(l.States, again.States)
	}
	s.tracked(ctx, l.Tags, l.States, false)
	return nil
}

// missing returns the places of the entries that the home does not have. A value whose tokens are not those of the home
// was copied from another store, which may have it with its own.
func (s *Store) missing(l *store.Lookup) (places []int) {
	for i, value := range l.Values {
		if value == nil || store.IsValue(l.Keys[i]) && len(l.Tags) > 0 && foreign(l.Keys[i], value, l.States) {
			places = append(places, i)
		}
	}
	return places
}

// foreign reports whether an entry has a token that none of the tags has.
func foreign(key string, value []byte, states []store.State) bool {
	var e entry.Envelope
	if e.Decode(key, value) != nil {
		return true
	}
	for rest := e.Tokens; len(rest) > 0; rest = rest[store.TokenSize:] {
		if find(states, store.Token(rest[:store.TokenSize])) < 0 {
			return true
		}
	}
	return false
}

// fall looks up in an old store what the home does not have, puts what is valid there into l, and promotes it. It returns
// how many it found.
func (s *Store) fall(ctx context.Context, o *other, l *store.Lookup, missing []int) (found int) {
	old := store.Lookup{Tags: l.Tags}
	for _, i := range missing {
		old.Keys = append(old.Keys, l.Keys[i])
	}
	if o.lookup(ctx, &old) != nil {
		return 0
	}
	var entries []store.Entry
	for j, i := range missing {
		value := old.Values[j]
		if value == nil {
			continue
		}
		ttl := s.promoteFor
		if len(l.Tags) > 0 {
			var valid bool
			if value, valid = relabel(l.Keys[i], value, old.States, l.States); !valid {
				continue
			}
		}
		if left := timeLeft(l.Keys[i], value); left > 0 {
			ttl = left
		}
		e := store.Entry{Key: l.Keys[i], Value: value, TTL: ttl}
		if !store.IsValue(e.Key) {
			entries = append(entries, e)
		} else if !s.promoteValue(ctx, e, l.Values[i]) {
			continue
		}
		l.Values[i] = value
		found++
	}
	if len(entries) > 0 {
		_ = store.SetAll(ctx, s.home, entries) // otherwise it is promoted the next time
	}
	return found
}

// promoteValue puts a value into the home unless somebody has stored or deleted it there since it was looked up:
//
//	reader   finds nothing in the home, and the value in the old store
//	another  deletes the value, which leaves a tombstone in both
//	reader   promotes the value over the tombstone
func (s *Store) promoteValue(ctx context.Context, e store.Entry, seen []byte) bool {
	swapper := store.SwapperOf(s.home)
	if swapper == nil {
		return true // it is served from the old store each time
	}
	swap := []store.Swap{{Key: e.Key, Old: seen, Value: e.Value, TTL: e.TTL}}
	return swapper.Swap(ctx, swap) == nil && swap[0].Done
}

// relabel returns an entry with the tokens that its tags have in the home, now, in the place of those that they have in
// the old store. It reports false if the entry is not valid there, or one of its tags is not clean in the home.
//
// Why that is true: every writer marks both stores before its COMMIT, and settles both after it. The home's tokens were
// read before the old store's. A commit that the entry does not show has marked the old store after its tags were read,
// since they were clean then; so it committed later, and at the moment when the home's token was read it had either
// not marked the home, or the tag was not clean. So its settling is still to come, and ends what is labeled with that token.
func relabel(key string, value []byte, old, home []store.State) ([]byte, bool) {
	var e entry.Envelope
	if e.Decode(key, value) != nil {
		return nil, false
	}
	tokens := make([]byte, 0, len(e.Tokens))
	for rest := e.Tokens; len(rest) > 0; rest = rest[store.TokenSize:] {
		at := find(old, store.Token(rest[:store.TokenSize]))
		if at < 0 || !home[at].Clean() {
			return nil, false
		}
		tokens = append(tokens, home[at].Token[:]...)
	}
	e.Tokens = tokens
	value, err := entry.Append(nil, key, &e)
	return value, err == nil
}

// find returns which clean tag has a token; tokens are random, so that no two have the same.
func find(states []store.State, token store.Token) int {
	for i, st := range states {
		if st.Clean() && st.Token == token {
			return i
		}
	}
	return -1
}

// timeLeft returns how long an entry is still fresh, if it says so itself.
func timeLeft(key string, value []byte) time.Duration {
	var e entry.Envelope
	if e.Decode(key, value) != nil || e.Fresh <= 0 {
		return 0
	}
	return time.Until(time.UnixMilli(e.Created).Add(e.Fresh))
}

// errRests is the error of an old store that is not asked.
var errRests = errors.New("gormcache: fallback: the old store has failed and is not asked for a while")

// lookup asks an old store, within half of the time that the caller has left: if it hangs, the caller is still to get what
// the home said.
func (o *other) lookup(ctx context.Context, l *store.Lookup) error {
	if time.Now().UnixNano() < o.restsUntil.Load() {
		return errRests
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	began := time.Now()
	err := o.Lookup(ctx, l)
	inAHurry := ctx.Err() != nil && time.Since(began) < patience // says nothing about the store
	if err != nil && !inAHurry && !errors.Is(err, context.Canceled) {
		o.restsUntil.Store(time.Now().Add(restFor).UnixNano())
	}
	return err
}

// tracked makes sure that a tag by which writers learn that a column is tracked exists in all stores before readers rely on
// it: those of another deploy look for it elsewhere. Where the home has it and another store does not, it is made there
// with a mark, since a writer may have looked there before and not have ended yet:
//
//	writer of the next deploy   marks; finds in its home that nothing is tracked
//	reader                      finds in its home that the column is tracked, loads, fills
//	writer                      commits; settles no tag of a set; the reader's entry is served
//
// So the tag counts as marked here until the mark there has run out, as if it had been enrolled just now. Writers see
// that it exists. With sweep, marks that have run out there are removed.
func (s *Store) tracked(ctx context.Context, tags []string, states []store.State, sweep bool) {
	var places []int
	for i, tag := range tags {
		if store.IsTracking(tag) && states[i].Known {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return
	}
	names := make([]string, len(places))
	for j, i := range places {
		names[j] = tags[i]
	}
	for _, o := range s.others {
		there := o.enrolled(ctx, names, s.grace, sweep)
		for j, i := range places {
			states[i].Marked = states[i].Marked || !there[j].Clean()
		}
	}
}

// enrolled returns the states of tags in a store, and marks those that do not exist there. A store that fails knows none.
func (o *other) enrolled(ctx context.Context, tags []string, grace time.Duration, sweep bool) []store.State {
	l := store.Lookup{Tags: tags}
	if o.lookup(ctx, &l) != nil {
		return make([]store.State, len(tags))
	}
	var unknown []string
	for i, st := range l.States {
		switch {
		case !st.Known:
			unknown = append(unknown, tags[i])
		case st.Marked && sweep:
			if o.Tokens(ctx, tags[i:i+1], l.States[i:i+1]) != nil {
				l.States[i] = store.State{}
			}
		}
	}
	if len(unknown) > 0 {
		_ = o.Mark(ctx, unknown, store.NewWriter(), grace) // they count as marked in any case
	}
	return l.States
}
