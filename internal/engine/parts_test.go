package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// children is a table whose answers fall into one part for each parent.
type children struct {
	*fixture
	*engine.Region
	loaded [][]int // the parents of each load
	during func()  // runs while the database answers
	change func(q *engine.Request)
}

func openChildren(t *testing.T, cfg region.Config, change ...func(*engine.Config)) *children {
	f := open(t, cfg, change...)
	return &children{fixture: f, Region: f.region(t)}
}

func partTag(parent int) string { return fmt.Sprintf("test:s:children.parent.%d", parent) }

func (c *children) request(parents ...int) *engine.Request {
	q := &engine.Request{}
	q.Key, q.Kind, q.Tags = fmt.Sprintf("test:e:%v", parents), entry.KindRows, c.Tags("test:b:children")
	for _, p := range parents {
		q.Parts = append(q.Parts, engine.Part{Key: fmt.Sprintf("test:e:%d", p), Tag: partTag(p)})
	}
	q.Load = func(_ context.Context, missing []int) (engine.Loaded, error) {
		var asked []int
		var parts []engine.LoadedPart
		var all []string
		for _, i := range missing {
			asked = append(asked, parents[i])
			all = append(all, fmt.Sprint("of ", parents[i]))
			parts = append(parts, engine.LoadedPart{Payload: []byte(all[len(all)-1]), Empty: parents[i] == 0})
		}
		c.loaded = append(c.loaded, asked)
		if c.during != nil {
			c.during()
		}
		return engine.Loaded{Payload: []byte(strings.Join(all, ",")), Parts: parts}, nil
	}
	if c.change != nil {
		c.change(q)
	}
	return q
}

// read returns what was found, then what was loaded.
func (c *children) read(t *testing.T, parents ...int) string {
	t.Helper()
	res, err := c.Read(t.Context(), c.request(parents...))
	if err != nil {
		t.Fatal(err)
	}
	return show(res)
}

func show(res engine.Result) string {
	var hits []string
	for _, h := range res.Hits {
		if h != nil {
			hits = append(hits, string(h))
		}
	}
	return strings.Join(hits, ",") + "|" + string(res.Payload) + "|" + res.Outcome.String()
}

func (c *children) want(t *testing.T, want string, parents ...int) {
	t.Helper()
	if got := c.read(t, parents...); got != want {
		t.Errorf("parts of %v: got %q, want %q", parents, got, want)
	}
}

func TestOnlyMissingPartsAreLoaded(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.want(t, "|of 1,of 2|miss", 1, 2)
	c.want(t, "of 2,of 1||hit", 2, 1)
	c.want(t, "of 1,of 2|of 3,of 0|miss", 3, 1, 0, 2)
	c.want(t, "of 0||hit", 0)
	if want := [][]int{{1, 2}, {3, 0}}; fmt.Sprint(c.loaded) != fmt.Sprint(want) {
		t.Errorf("loaded %v, want %v", c.loaded, want)
	}
	if s := c.recorder.Snapshot(); s.Hits != 2 || s.Misses != 2 || s.Fills != 4 {
		t.Errorf("%d hits, %d misses, %d fills", s.Hits, s.Misses, s.Fills)
	}
}

// settle does to a tag what a commit does.
func (c *children) settle(t *testing.T, tags ...string) {
	t.Helper()
	if err := store.Failure(c.store.Settle(t.Context(), tags, store.NewWriter(), 0)); err != nil {
		t.Fatal(err)
	}
}

func TestATagOfAPartDropsThatPart(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1, 2)
	c.settle(t, partTag(1))
	c.want(t, "of 2|of 1|miss", 1, 2)
	c.settle(t, "test:b:children")
	c.want(t, "|of 1,of 2|miss", 1, 2)
	c.settle(t, "test:n")
	c.want(t, "|of 1,of 2|miss", 1, 2)
}

func TestPartsDroppedForNothing(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1, 2, 3)
	c.settle(t, partTag(1), partTag(2))
	c.read(t, 1, 3)
	c.change = func(q *engine.Request) {
		load := q.Load
		q.Load = func(ctx context.Context, missing []int) (engine.Loaded, error) {
			l, err := load(ctx, missing)
			l.Parts[0].Payload = []byte("another")
			return l, err
		}
	}
	c.read(t, 2, 3)
	if s := c.recorder.Snapshot(); s.Dropped != 2 || s.Identical != 1 {
		t.Errorf("%d dropped, %d of them identical, want 2 and 1", s.Dropped, s.Identical)
	}
}

// What is loaded while a commit goes on is stored under the tokens of before, which nobody accepts.
func TestPartsLoadedTooEarlyAreNotServed(t *testing.T) {
	for _, tag := range []string{partTag(1), "test:b:children"} {
		c := openChildren(t, region.Config{TTL: time.Hour})
		c.during = func() { c.settle(t, tag) }
		c.read(t, 1)
		c.during = nil
		c.want(t, "|of 1|miss", 1)
		c.want(t, "of 1||hit", 1)
	}
}

// Between the lookup and the load a row moves from parent 1, whose part was found, to parent 2, whose part is
// loaded. Together they would show it twice.
func TestPartsFoundMustOutlastTheLoad(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1)
	for i, tag := range []string{partTag(1), "test:b:children"} {
		c.during = func() { c.settle(t, tag) }
		if _, err := c.Read(t.Context(), c.request(1, 2+i)); !errors.Is(err, engine.ErrParts) {
			t.Errorf("%s changed: %v, want ErrParts", tag, err)
		}
		c.during = nil
		c.read(t, 1)
	}
}

func TestAMarkedPartIsLoadedAndNotStored(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1, 2)
	w := store.NewWriter()
	if err := c.store.Mark(t.Context(), []string{partTag(1), partTag(3)}, w, time.Hour); err != nil {
		t.Fatal(err)
	}
	c.want(t, "of 2|of 1,of 3,of 4|miss", 1, 2, 3, 4)
	if err := c.store.Unmark(t.Context(), []string{partTag(1), partTag(3)}, w); err != nil {
		t.Fatal(err)
	}
	// The entry of 1 is that of before, and its writer has not written. That of 3 was never stored.
	c.want(t, "of 1,of 2,of 4|of 3|miss", 1, 2, 3, 4)
}

// Readers on both sides of a commit see the same token where there is a mark:
//
//	W: mark of part 1                      COMMIT                         settle
//	A:                lookup, asks (old) …                       answered
//	B:                                            must not wait for A
//
// Falls if: who saw a mark on a part shares the load.
func TestLoadsOfMarkedPartsAreNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openChildren(t, region.Config{TTL: time.Hour})
		c.read(t, 1)
		if err := c.store.Mark(t.Context(), []string{partTag(1)}, store.NewWriter(), time.Hour); err != nil {
			t.Fatal(err)
		}
		answered := make(chan struct{})
		read := func() (ended *atomic.Bool) {
			ended = new(atomic.Bool)
			q := c.request(1)
			go func() {
				if _, err := c.Read(t.Context(), q); err != nil {
					t.Error(err)
				}
				ended.Store(true)
			}()
			synctest.Wait()
			return ended
		}
		c.during = func() { <-answered }
		before := read()
		c.during = nil
		if after := read(); before.Load() || !after.Load() {
			t.Errorf("the first has ended: %v, the second: %v", before.Load(), after.Load())
		}
		close(answered)
		synctest.Wait()
	})
}

func TestAMarkOnASharedTagBypasses(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1)
	if err := c.store.Mark(t.Context(), []string{"test:b:children"}, store.NewWriter(), time.Hour); err != nil {
		t.Fatal(err)
	}
	c.want(t, "||bypass", 1, 2)
	c.want(t, "||bypass", 1) // which is there
	if len(c.loaded) != 1 {
		t.Errorf("loaded %v", c.loaded)
	}
}

// tracking is a column's.
type tracking struct {
	enrol func(context.Context) error
	due   bool
	kept  chan struct{}
}

func (t *tracking) Enrol(ctx context.Context) error {
	if t.enrol == nil {
		return nil
	}
	return t.enrol(ctx)
}

func (t *tracking) Due() bool {
	due := t.due
	t.due = false
	return due
}

func (t *tracking) Keep(context.Context) error {
	t.kept <- struct{}{}
	return nil
}

// TestTagsOfEnrolmentAreKept: by hits as well, and in the background.
func TestTagsOfEnrolmentAreKept(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	tags := []string{"test:q:children", "test:q:children.parent"}
	c.settle(t, tags[0])
	c.settle(t, tags[1])
	k := &tracking{kept: make(chan struct{})}
	c.change = func(q *engine.Request) {
		q.Tags, q.Tracks, q.Tracking = append(q.Tags, tags...), tags, k
	}
	c.want(t, "|of 1|miss", 1)
	k.due = true
	c.want(t, "of 1||hit", 1)
	<-k.kept
	c.want(t, "of 1||hit", 1)
}

func TestTagsOfEnrolmentAreMadeByEnrolmentOnly(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	tracks, enrolled := []string{"test:q:children", "test:q:children.parent"}, 0
	c.change = func(q *engine.Request) {
		q.Tags = append(q.Tags, tracks...)
		q.Tracks, q.Tracking = tracks, &tracking{enrol: func(ctx context.Context) error {
			enrolled++
			return store.Failure(c.store.Settle(ctx, tracks, store.NewWriter(), 0))
		}}
	}
	c.want(t, "|of 1|miss", 1)
	c.want(t, "of 1|of 2|miss", 1, 2)
	if enrolled != 1 {
		t.Errorf("enrolled %d times", enrolled)
	}
	c.settle(t, tracks[0]) // evicted and made again
	c.want(t, "|of 1|miss", 1)
	c.change = func(q *engine.Request) {
		q.Tags = append(q.Tags, "test:q:x", "test:q:y")
		q.Tracks, q.Tracking = []string{"test:q:x", "test:q:y"}, &tracking{}
	}
	c.want(t, "||bypass", 7) // an enrolment that waits for a writer: nothing is concluded
}

func TestPartsByMode(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1)
	c.change = func(q *engine.Request) { q.Mode = engine.OnlyIfCached }
	c.want(t, "of 1||hit", 1)
	if _, err := c.Read(t.Context(), c.request(1, 2)); !errors.Is(err, engine.ErrCacheMiss) {
		t.Errorf("%v, want ErrCacheMiss", err)
	}
	c.change = func(q *engine.Request) { q.Mode = engine.Refresh }
	c.want(t, "|of 1|miss", 1)
	c.change = func(q *engine.Request) { q.NoFill = true }
	c.want(t, "of 1|of 5|miss", 1, 5)
	c.want(t, "of 1|of 5|miss", 1, 5)
}

func TestPartsKeepTheirTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openChildren(t, region.Config{TTL: time.Hour, NegativeTTL: time.Minute, StaleWhileRevalidate: time.Hour})
		c.read(t, 0, 1)
		time.Sleep(2 * time.Minute)
		c.want(t, "of 1|of 0|miss", 0, 1)
		time.Sleep(time.Hour)
		c.want(t, "|of 0,of 1|miss", 0, 1)
	})
}

func TestPartsThatDoNotComeApart(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	failure := errors.New("no such table")
	for _, err := range []error{engine.ErrParts, failure} {
		c.change = func(q *engine.Request) {
			q.Load = func(context.Context, []int) (engine.Loaded, error) {
				return engine.Loaded{}, err
			}
		}
		if _, got := c.Read(t.Context(), c.request(1)); !errors.Is(got, err) {
			t.Errorf("%v, want %v", got, err)
		}
	}
	if s := c.recorder.Snapshot(); s.Misses != 1 || s.Fills != 0 {
		t.Errorf("%d misses, %d fills: what does not come apart is counted when it is read whole", s.Misses, s.Fills)
	}
}

func TestPartsOfAStoreThatFails(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1)
	c.store.lookup = errors.New("down")
	c.want(t, "||bypass", 1)
	c.store.lookup, c.store.set = nil, errors.New("down")
	c.want(t, "of 1|of 2|miss", 1, 2)
	c.want(t, "of 1|of 2|miss", 1, 2)
	blocked := openChildren(t, region.Config{TTL: time.Hour}, func(cfg *engine.Config) {
		cfg.Blocked = func(tags []string) bool { return slices.Contains(tags, partTag(1)) }
	})
	blocked.want(t, "||bypass", 2, 1)
	blocked.want(t, "|of 2|miss", 2)
}

func TestPartsOfADamagedEntry(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1, 2)
	if err := c.store.Set(t.Context(), "test:e:1", []byte("gc\x02damaged, and long enough for an envelope"), 0); err != nil {
		t.Fatal(err)
	}
	c.want(t, "of 2|of 1|miss", 1, 2)
	if n := c.recorder.Snapshot().Rejected; n != 1 {
		t.Errorf("%d rejected", n)
	}
}

// Of many who miss the same, one asks the database.
func TestLoadsOfPartsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openChildren(t, region.Config{TTL: time.Hour})
		c.read(t, 1)
		var loads, outcomes atomic.Int64
		request := c.request(1, 2)
		request.Load = func(context.Context, []int) (engine.Loaded, error) {
			loads.Add(1)
			time.Sleep(time.Second)
			return engine.Loaded{Payload: []byte("of 2"), Parts: []engine.LoadedPart{{Payload: []byte("of 2")}}}, nil
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				res, err := c.Read(t.Context(), request)
				if err != nil || show(res) != "of 1|of 2|miss" {
					t.Errorf("%q, %v", show(res), err)
				}
				outcomes.Add(1)
			})
		}
		wg.Wait()
		if loads.Load() != 1 || outcomes.Load() != 20 {
			t.Errorf("%d loads for %d callers", loads.Load(), outcomes.Load())
		}
		c.want(t, "of 1,of 2||hit", 1, 2)
	})
}

func TestPartsOfAnotherSchema(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour}, func(cfg *engine.Config) {
		cfg.Schema = func(store.Token) uint64 { return 2 }
	})
	c.change = func(q *engine.Request) { q.Schema, q.OfSchema = 1, true }
	if _, err := c.Read(t.Context(), c.request(1)); !errors.Is(err, engine.ErrSchema) {
		t.Errorf("%v, want ErrSchema", err)
	}
	c.change = func(q *engine.Request) { q.Schema, q.OfSchema = 2, true }
	c.want(t, "|of 1|miss", 1)
	c.Close()
	if res, err := c.Read(t.Context(), c.request(1)); err != nil || res.Reason != observe.Closed || res.Outcome != observe.Bypass {
		t.Errorf("after Close: %v (%s), %v", res.Outcome, res.Reason, err)
	}
	if s := c.recorder.Snapshot(); s.Bypassed[observe.Marked] != 0 {
		t.Error("marked")
	}
}

// Readings are used again. What one of them has given to its caller stays as it was, whatever others read meanwhile.
//
// Falls if: a reading keeps the slice of hits that its caller got, or brings hits of another request along.
func TestReadingsDoNotMix(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour})
	c.read(t, 1, 2, 3)
	first, err := c.Read(t.Context(), c.request(1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if res, err := c.one(t.Context()); err != nil || string(res.Payload) != "one" || res.Hits != nil {
					t.Errorf("a whole answer: %q with %d parts, %v", res.Payload, len(res.Hits), err)
				}
				if res, err := c.Read(t.Context(), c.request(2, 3)); err != nil || show(res) != "of 2,of 3||hit" {
					t.Errorf("two parts: %q, %v", show(res), err)
				}
			}
		})
	}
	wg.Wait()
	if got := show(first); got != "of 1,of 2,of 3||hit" {
		t.Errorf("what the first read gave has become %q", got)
	}
}
