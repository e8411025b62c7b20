package fallback_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/fallback"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
)

const (
	ns   = store.Namespace("test")
	long = time.Hour
)

func TestStore(t *testing.T) {
	for name, make := range map[string]func() store.Store{
		"Alone":  func() store.Store { return fallback.New(memory.New(), nil) },
		"First":  func() store.Store { return fallback.New(memory.New(), fallback.Marks(memory.New())) },
		"Second": func() store.Store { return fallback.New(memory.New(), fallback.From(memory.New(), memory.New())) },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.RunConfig(t, storetest.Config{Open: func(*testing.T) store.Store { return make() }, Around: synctest.Test})
		})
	}
}

// pair are an old store and a new one, and what processes of each deploy make of them.
type pair struct {
	t                                  *testing.T
	old, new                           *hooked
	before, first, second, third, last store.Store
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t, old: &hooked{Store: memory.New()}, new: &hooked{Store: memory.New()}}
	p.before, p.last = p.old, p.new
	p.first = fallback.New(p.old, fallback.Marks(p.new))
	p.second = fallback.New(p.new, fallback.From(p.old))
	p.third = fallback.New(p.new, fallback.Marks(p.old))
	return p
}

// hooked calls a function at the end of each Lookup, or fails.
type hooked struct {
	store.Store
	looked func(*store.Lookup)
	err    error
	hangs  bool
}

// Swapper implements [store.Layer].
func (h *hooked) Swapper() store.Swapper { return store.SwapperOf(h.Store) }

// Claimer implements [store.Layer].
func (h *hooked) Claimer() store.Claimer { return store.ClaimerOf(h.Store) }

func (h *hooked) Lookup(ctx context.Context, l *store.Lookup) error {
	l.Reset()
	if h.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if h.err != nil {
		return h.err
	}
	err := h.Store.Lookup(ctx, l)
	if f := h.looked; f != nil {
		h.looked = nil
		f(l)
	}
	return err
}

func (h *hooked) Mark(ctx context.Context, tags []string, w store.Writer, grace time.Duration) error {
	if h.err != nil {
		return h.err
	}
	return h.Store.Mark(ctx, tags, w, grace)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read is a read of the protocol through s: of entries that all depend on tags. It returns the payloads of those that
// are valid.
func (p *pair) read(s store.Store, tags []string, keys ...string) []string {
	p.t.Helper()
	l := store.Lookup{Keys: keys, Tags: tags}
	must(p.t, s.Lookup(p.t.Context(), &l))
	got := make([]string, len(keys))
	for i, value := range l.Values {
		got[i] = valid(keys[i], value, l.States)
	}
	return got
}

func valid(key string, value []byte, states []store.State) string {
	var e entry.Envelope
	if value == nil || e.Decode(key, value) != nil {
		return ""
	}
	for i, st := range states {
		if at := i * store.TokenSize; !st.Clean() || store.Token(e.Tokens[at:at+store.TokenSize]) != st.Token {
			return ""
		}
	}
	return string(e.Payload)
}

// tokens are those that a load begins with.
func (p *pair) tokens(s store.Store, tags ...string) []byte {
	p.t.Helper()
	states := make([]store.State, len(tags))
	must(p.t, s.Tokens(p.t.Context(), tags, states))
	var all []byte
	for _, st := range states {
		all = append(all, st.Token[:]...)
	}
	return all
}

func encode(t testing.TB, key, payload string, tokens []byte) []byte {
	t.Helper()
	b, err := entry.Append(nil, key, &entry.Envelope{Kind: entry.KindRows, Tokens: tokens, Payload: []byte(payload), Created: 1})
	must(t, err)
	return b
}

func (p *pair) fill(s store.Store, key, payload string, tags ...string) {
	p.t.Helper()
	must(p.t, s.Set(p.t.Context(), key, encode(p.t, key, payload, p.tokens(s, tags...)), long))
}

func (p *pair) write(s store.Store, tags ...string) {
	p.t.Helper()
	w := store.NewWriter()
	must(p.t, s.Mark(p.t.Context(), tags, w, long))
	must(p.t, store.Failure(s.Settle(p.t.Context(), tags, w, 0)))
}

func (p *pair) want(s store.Store, tags []string, key, want string) {
	p.t.Helper()
	if got := p.read(s, tags, key)[0]; got != want {
		p.t.Errorf("%s gives %q, want %q", key, got, want)
	}
}

var (
	key   = ns.Entry([24]byte{1})
	other = ns.Entry([24]byte{2})
	value = ns.Value("default", "v")
	tags  = []string{ns.Epoch(), ns.Table("users")}
)

// TestEntriesFallThrough with the tokens of the home, and stay there: the old store may go.
func TestEntriesFallThrough(t *testing.T) {
	for _, key := range []string{key, value} {
		p := newPair(t)
		p.fill(p.first, key, "rows", tags...)
		p.want(p.second, tags, key, "") // the home has no tokens yet
		p.tokens(p.second, tags...)
		p.want(p.second, tags, key, "rows")
		p.want(p.last, tags, key, "rows") // promoted
		p.write(p.second, tags[1])
		for _, s := range []store.Store{p.first, p.second, p.last} {
			p.want(s, tags, key, "")
		}
	}
}

// TestWritesOfOneDeployReachTheOther, whichever of the two neighbors writes: also where what is old is still valid by the
// tokens of the old store.
func TestWritesOfOneDeployReachTheOther(t *testing.T) {
	for name, of := range map[string]func(p *pair) (a, b store.Store){
		"BeforeFirst": func(p *pair) (a, b store.Store) { return p.before, p.first },
		"FirstSecond": func(p *pair) (a, b store.Store) { return p.first, p.second },
		"FirstThird":  func(p *pair) (a, b store.Store) { return p.first, p.third },
		"SecondThird": func(p *pair) (a, b store.Store) { return p.second, p.third },
		"ThirdLast":   func(p *pair) (a, b store.Store) { return p.third, p.last },
	} {
		for _, turned := range []bool{false, true} {
			p := newPair(t)
			reader, writer := of(p)
			if turned {
				reader, writer = writer, reader
			}
			p.fill(p.old, key, "before", tags...)
			p.fill(p.old, other, "before", tags...)
			p.fill(reader, key, "before", tags...)
			p.want(reader, tags, key, "before")
			w := store.NewWriter()
			must(t, writer.Mark(t.Context(), tags[1:], w, long))
			p.want(reader, tags, key, "") // bypassed
			must(t, store.Failure(writer.Settle(t.Context(), tags[1:], w, 0)))
			p.want(reader, tags, key, "")
			p.want(reader, tags, other, "")
			p.fill(reader, key, "after", tags...)
			p.want(reader, tags, key, "after")
			if t.Failed() {
				t.Fatalf("%s, turned: %v", name, turned)
			}
		}
	}
}

// TestNoDeployMayBeLeftOut shows what is stale where the third is: a writer of the last does not mark the old store.
func TestNoDeployMayBeLeftOut(t *testing.T) {
	p := newPair(t)
	p.fill(p.old, key, "before", tags...)
	p.tokens(p.new, tags...)
	p.write(p.last, tags[1])
	if got := p.read(p.second, tags, key)[0]; got != "before" {
		t.Errorf("got %q: a caveat to strike out", got)
	}
}

// TestACommitBetweenTheTwoLooks: the home's tags are read, another commits, the old store is read. The entry there is of
// after the commit, or not valid; it must not be served beside one of before.
func TestACommitBetweenTheTwoLooks(t *testing.T) {
	p := newPair(t)
	p.fill(p.first, other, "before", tags...)
	p.fill(p.second, key, "before", tags...)
	p.new.looked = func(*store.Lookup) {
		p.write(p.first, tags[1])
		p.fill(p.first, other, "after", tags...)
	}
	if got := p.read(p.second, tags, key, other); got[0] == "before" && got[1] == "after" {
		t.Errorf("one answer is from both sides of a commit: %q", got)
	}
	// One alone is as true as the moment when it was read.
	p = newPair(t)
	p.fill(p.first, key, "before", tags...)
	p.tokens(p.second, tags...)
	p.new.looked = func(*store.Lookup) { p.write(p.first, tags[1]) }
	p.want(p.second, tags, key, "")
}

// TestAMarkInTheOldStoreKeepsOff: a writer of the deploy before has settled in the home already.
func TestAMarkInTheOldStoreKeepsOff(t *testing.T) {
	p := newPair(t)
	p.fill(p.first, key, "before", tags...)
	p.tokens(p.second, tags...)
	w := store.NewWriter()
	must(t, p.first.Mark(t.Context(), tags[1:], w, long))
	must(t, store.Failure(p.new.Settle(t.Context(), tags[1:], w, 0)))
	p.want(p.second, tags, key, "")
}

// TestAMarkInTheHomeKeepsOff: a writer of the deploy before has settled in the old store already, and is about to in the
// home. What was filled in the old store since is of after the commit. With the token that the home is about to drop it would
// be promoted in vain, and a value would be kept from being promoted later.
func TestAMarkInTheHomeKeepsOff(t *testing.T) {
	for _, key := range []string{key, value} {
		p := newPair(t)
		p.tokens(p.second, tags...)
		w := store.NewWriter()
		must(t, p.first.Mark(t.Context(), tags[1:], w, long))
		must(t, store.Failure(p.old.Settle(t.Context(), tags[1:], w, 0)))
		p.fill(p.old, key, "after", tags...)
		l := store.Lookup{Keys: []string{key}, Tags: tags}
		must(t, p.second.Lookup(t.Context(), &l))
		if l.Values[0] != nil || !l.States[1].Marked {
			t.Errorf("an entry is taken under a marked tag of the home: %q, %v", l.Values[0], l.States)
		}
		alone := store.Lookup{Keys: []string{key}}
		must(t, p.new.Lookup(t.Context(), &alone))
		if alone.Values[0] != nil {
			t.Errorf("it is promoted: %q", alone.Values[0])
		}
		// As soon as the home is settled it is taken.
		must(t, store.Failure(p.new.Settle(t.Context(), tags[1:], w, 0)))
		p.want(p.second, tags, key, "after")
	}
}

// TestDeletesReachAll, and keep a load from bringing back what it began before.
func TestDeletesReachAll(t *testing.T) {
	for name, of := range map[string]func(p *pair) (deletes, loads store.Store){
		"First":  func(p *pair) (deletes, loads store.Store) { return p.first, p.second },
		"Second": func(p *pair) (deletes, loads store.Store) { return p.second, p.first },
	} {
		p := newPair(t)
		deletes, loads := of(p)
		p.fill(p.first, key, "rows", tags...)
		must(t, deletes.Delete(t.Context(), key))
		p.tokens(p.second, tags...)
		p.want(loads, tags, key, "")

		begun := p.tokens(loads, tags...) // a load: nothing was there
		tombstone := encode(t, value, "gone", nil)
		must(t, deletes.Set(t.Context(), value, tombstone, long))
		swap := []store.Swap{{Key: value, Value: encode(t, value, "old", begun), TTL: long}}
		must(t, store.SwapperOf(loads).Swap(t.Context(), swap))
		if swap[0].Done {
			t.Errorf("%s: a load that began before a delete was stored after it", name)
		}
	}
}

// TestADeleteBeatsAPromotion that began before it.
func TestADeleteBeatsAPromotion(t *testing.T) {
	p := newPair(t)
	p.fill(p.first, value, "old", tags...)
	p.tokens(p.second, tags...)
	tombstone := encode(t, value, "gone", nil)
	p.old.looked = func(*store.Lookup) { must(t, p.first.Set(t.Context(), value, tombstone, long)) }
	p.want(p.second, tags, value, "")
	l := store.Lookup{Keys: []string{value}}
	must(t, p.new.Lookup(t.Context(), &l))
	if string(l.Values[0]) != string(tombstone) {
		t.Errorf("the tombstone is gone: %q", l.Values[0])
	}
}

// TestAnUpdateOfWhatWasPromoted: what a caller saw is what the home has, so its change goes through.
func TestAnUpdateOfWhatWasPromoted(t *testing.T) {
	p := newPair(t)
	p.fill(p.first, value, "one", tags...)
	p.tokens(p.second, tags...)
	l := store.Lookup{Keys: []string{value}, Tags: tags}
	must(t, p.second.Lookup(t.Context(), &l))
	two := encode(t, value, "two", p.tokens(p.second, tags...))
	swap := []store.Swap{{Key: value, Old: l.Values[0], Value: two, TTL: long}}
	must(t, store.SwapperOf(p.second).Swap(t.Context(), swap))
	if !swap[0].Done {
		t.Fatal("the change is refused")
	}
	p.want(p.second, tags, value, "two")
	p.want(p.first, tags, value, "") // never the value before
	p.fill(p.first, value, "three", tags...)
	p.want(p.second, tags, value, "three")
}

// TestAnOldStoresErrorIsAMiss, and costs at most half of the time that a caller has, once a second.
func TestAnOldStoresErrorIsAMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.fill(p.second, key, "rows", tags...)
		p.old.err = errors.New("down")
		p.want(p.second, tags, key, "rows")
		p.want(p.second, tags, other, "")
		p.old.err, p.old.hangs = nil, true
		time.Sleep(2 * time.Second)
		for _, wait := range []time.Duration{50 * time.Millisecond, 0} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			began := time.Now()
			l := store.Lookup{Keys: []string{other}, Tags: tags}
			must(t, p.second.Lookup(ctx, &l))
			if took := time.Since(began); took != wait || !l.States[0].Clean() {
				t.Errorf("a lookup beside a store that hangs took %v, want %v, and gives %v", took, wait, l.States)
			}
			cancel()
		}
	})
}

// TestAMarkThatDoesNotReachAllFails: somebody may look there.
func TestAMarkThatDoesNotReachAllFails(t *testing.T) {
	p := newPair(t)
	down := errors.New("down")
	p.old.err = down
	if err := p.second.Mark(t.Context(), tags, store.NewWriter(), long); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

// TestLostMarksOfAnyStoreAreTold.
func TestLostMarksOfAnyStoreAreTold(t *testing.T) {
	p := newPair(t)
	w := store.NewWriter()
	must(t, p.second.Mark(t.Context(), tags, w, long))
	must(t, p.old.Unmark(t.Context(), tags[1:], w))
	if lost := store.Lost(p.second.Settle(t.Context(), tags, w, 0)); len(lost) != 1 || lost[0] != tags[1] {
		t.Errorf("lost: %q", lost)
	}
}

// TestAColumnIsTrackedEverywhere before a reader relies on it.
func TestAColumnIsTrackedEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		tracked := []string{ns.Tracked("orders")}
		p.tokens(p.before, tracked...) // by a process that knows the old store only
		state := func(s store.Store) store.State {
			l := store.Lookup{Tags: tracked}
			must(t, s.Lookup(t.Context(), &l))
			return l.States[0]
		}
		if st := state(p.first); !st.Known || !st.Marked {
			t.Fatalf("to a writer the column must be tracked, and a reader must be kept off: %v", st)
		}
		if st := state(p.second); !st.Known {
			t.Fatal("a writer of the next deploy does not learn that the column is tracked")
		}
		time.Sleep(2 * fallback.DefaultGrace)
		for range 2 {
			p.tokens(p.first, tracked...)
		}
		if st := state(p.first); !st.Clean() {
			t.Errorf("it never ends: %v", st)
		}
		p.tokens(p.second, tracked...)
		if st := state(p.second); !st.Clean() {
			t.Errorf("nor there: %v", st)
		}
	})
}

// TestEntriesAloneAreTakenAsTheyAre: the tags of a region with a store of its own lie elsewhere.
func TestEntriesAloneAreTakenAsTheyAre(t *testing.T) {
	p := newPair(t)
	bytes := encode(t, key, "rows", nil)
	must(t, p.old.Set(t.Context(), key, bytes, long))
	for range 2 {
		l := store.Lookup{Keys: []string{key, other}}
		must(t, p.second.Lookup(t.Context(), &l))
		if string(l.Values[0]) != string(bytes) || l.Values[1] != nil {
			t.Errorf("got %q", l.Values)
		}
		must(t, p.old.Store.Delete(t.Context(), key))
	}
}
