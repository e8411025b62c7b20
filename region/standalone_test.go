package region_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A program without a database caches what another service tells it.
func ExampleNew() {
	r, err := region.New(nil, "shop", region.Config{TTL: time.Hour}, region.Named("rates"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	ctx := context.Background()
	rate := func() (float64, error) {
		return region.GetOrCreate(ctx, r, "EUR/USD", func(context.Context) (float64, error) {
			fmt.Println("asked the bank")
			return 1.25, nil
		})
	}
	fmt.Println(rate())
	fmt.Println(rate())
	fmt.Println(r.Invalidate(ctx))
	fmt.Println(rate())
	fmt.Println(r.Stats().Hits, "hit")
	// Output:
	// asked the bank
	// 1.25 <nil>
	// 1.25 <nil>
	// <nil>
	// asked the bank
	// 1.25 <nil>
	// 1 hit
}

// switchable is a store that can be switched off.
type switchable struct {
	store.Store
	off atomic.Bool
}

var errOff = errors.New("switched off")

func (s *switchable) Lookup(ctx context.Context, l *store.Lookup) error {
	if s.off.Load() {
		return errOff
	}
	return s.Store.Lookup(ctx, l)
}

func (s *switchable) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	if s.off.Load() {
		return errOff
	}
	return s.Store.Settle(ctx, tags, w, linger)
}

func (s *switchable) Unmark(ctx context.Context, tags []string, w store.Writer) error {
	if s.off.Load() {
		return errOff
	}
	return s.Store.Unmark(ctx, tags, w)
}

// world is a store that the regions of several programs share.
type world struct {
	*switchable
	t *testing.T
}

func newWorld(t *testing.T) *world {
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
	return &world{&switchable{Store: s}, t}
}

func (w *world) open(cfg region.Config, opts ...region.Setting) *region.Region {
	w.t.Helper()
	r, err := region.New(w, "test", cfg, append([]region.Setting{region.LogTo(slog.New(slog.DiscardHandler))}, opts...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = r.Close() })
	return r
}

// number returns the n-th value, where it is made.
type number struct{ atomic.Int64 }

func (n *number) get(t *testing.T, r *region.Region, opts ...region.Option) int64 {
	t.Helper()
	v, err := region.GetOrCreate(t.Context(), r, "k", func(context.Context) (int64, error) { return n.Add(1), nil }, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRegionsWithoutGORMShareWhatTheyHave(t *testing.T) {
	w := newWorld(t)
	a, b, other := w.open(region.Config{TTL: time.Hour}), w.open(region.Config{TTL: time.Hour}), w.open(region.Config{TTL: time.Hour}, region.Named("other"))
	opts := []region.Option{region.WithTables("users"), region.WithTags("prices")}
	var n, m number
	expect := func(what string, want, ofOther int64) {
		t.Helper()
		if got := n.get(t, b, opts...); got != want {
			t.Errorf("%s: value %d, want %d", what, got, want)
		}
		if got := m.get(t, other, opts...); got != ofOther {
			t.Errorf("%s: value %d of the other region, want %d", what, got, ofOther)
		}
	}
	n.get(t, a, opts...)
	expect("filled by another", 1, 1)
	drop := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	drop(a.Invalidate(t.Context()))
	expect("the region is invalidated", 2, 1)
	drop(a.InvalidateTags(t.Context(), "prices", "sizes"))
	expect("the tag is", 3, 2)
	drop(a.InvalidateTags(t.Context(), "sizes"))
	expect("another tag is", 3, 2)
	drop(a.InvalidateTables(t.Context(), "Users"))
	expect("the table is", 4, 3)
	drop(a.InvalidateTables(t.Context(), "orders"))
	drop(a.InvalidateTables(t.Context()))
	expect("another table is", 4, 3)
	if s := b.Stats(); s.Misses != 3 || s.Hits == 0 || s.Regions["default"].Fills != 3 {
		t.Errorf("%+v", s)
	}
}

// Falls if: what is invalidated softly is dropped, or is not reloaded; if what is invalidated with grace is served without a
// reload, or is lost where that fails; or if another region learns of it.
func TestARegionWithoutGORMIsInvalidatedSoftly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Hour, StaleIfError: time.Hour}
		w := newWorld(t)
		a, b, other := w.open(cfg), w.open(cfg), w.open(cfg, region.Named("other"))
		defer func() { // in the bubble
			for _, r := range []*region.Region{a, b, other} {
				_ = r.Close()
			}
		}()
		var n, m number
		n.get(t, a)
		m.get(t, other)
		expect := func(what string, want ...int64) {
			t.Helper()
			for _, v := range want {
				if got := n.get(t, b); got != v {
					t.Errorf("%s: value %d, want %d", what, got, v)
				}
				synctest.Wait() // for the reload
			}
			if got := m.get(t, other); got != 1 {
				t.Errorf("%s: value %d of the other region", what, got)
			}
		}
		drop := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		drop(a.InvalidateSoft(t.Context()))
		expect("softly", 1, 2, 2)
		drop(a.InvalidateGrace(t.Context()))
		fails := func(context.Context) (int64, error) { return 0, errOff }
		if v, err := region.GetOrCreate(t.Context(), b, "k", fails); v != 2 || err != nil {
			t.Errorf("with grace, where the reload fails: %d, %v", v, err)
		}
		expect("with grace", 3, 3)
		drop(a.Invalidate(t.Context()))
		if v, err := region.GetOrCreate(t.Context(), b, "k", fails); !errors.Is(err, errOff) {
			t.Errorf("invalidated, where the reload fails: %d, %v", v, err)
		}
		expect("invalidated", 4, 4)
	})
}

// A region that serves nothing old says so, and what to do.
func TestSoftInvalidationNeedsItsField(t *testing.T) {
	w := newWorld(t)
	var none *region.Region
	for want, err := range map[string]error{
		"StaleWhileRevalidate":               w.open(region.Config{TTL: time.Hour, StaleIfError: time.Hour}).InvalidateSoft(t.Context()),
		"StaleIfError":                       w.open(region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Hour}).InvalidateGrace(t.Context()),
		"InvalidateSoft: the region is nil":  none.InvalidateSoft(t.Context()),
		"InvalidateGrace: the region is nil": none.InvalidateGrace(t.Context()),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "gormcache: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// An invalidation that the store does not learn of is retried, and nothing old is served meanwhile.
func TestAnInvalidationOutlastsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var queued []bool
		r := w.open(region.Config{TTL: time.Hour}, region.Hooks(&observe.Hooks{Invalidate: func(_ context.Context, i observe.Invalidation) { queued = append(queued, i.Queued) }}))
		elsewhere := w.open(region.Config{TTL: time.Hour})
		var n number
		n.get(t, r)
		w.off.Store(true)
		if err := r.Invalidate(t.Context()); err == nil || !errors.Is(err, errOff) || !strings.Contains(err.Error(), "retried") {
			t.Fatal(err)
		}
		w.off.Store(false) // the store is back, and does not know yet
		if got, s := n.get(t, r), r.Stats(); got != 2 || s.Pending != 1 || s.Bypassed[observe.Pending] != 1 {
			t.Errorf("value %d, %+v", got, s)
		}
		if got := n.get(t, elsewhere); got != 1 {
			t.Errorf("value %d elsewhere: another process can't know", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got, s := n.get(t, r), r.Stats(); got != 3 || s.Pending != 0 {
			t.Errorf("value %d, %d pending", got, s.Pending)
		}
		if got := n.get(t, elsewhere); got != 3 {
			t.Errorf("value %d elsewhere", got)
		}
		if len(queued) != 1 || !queued[0] {
			t.Errorf("the hook saw %v", queued)
		}
	})
}

func TestCloseDeliversWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, elsewhere := w.open(region.Config{TTL: time.Hour}), w.open(region.Config{TTL: time.Hour})
		var n number
		n.get(t, elsewhere)
		w.off.Store(true)
		if r.Invalidate(t.Context()) == nil {
			t.Fatal("no error")
		}
		w.off.Store(false)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if got := n.get(t, elsewhere); got != 2 {
			t.Errorf("value %d", got)
		}
		for range 2 { // closed: made each time
			n.get(t, r)
		}
		if n.Load() != 4 || r.Close() != nil {
			t.Errorf("%d made", n.Load())
		}
		w.off.Store(true)
		if err := r.Invalidate(t.Context()); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	})
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	w := newWorld(t)
	r := w.open(region.Config{TTL: time.Hour})
	w.off.Store(true)
	_ = r.Invalidate(t.Context())
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "1 invalidations") || !errors.Is(err, errOff) {
		t.Error(err)
	}
}

// A store that is away costs making the value, and no error; its breaker says so.
func TestARegionWithoutItsStore(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t)
	r := w.open(region.Config{TTL: time.Hour}, region.LogTo(slog.New(slog.NewTextHandler(&log, nil))))
	w.off.Store(true)
	var n number
	for range 10 {
		n.get(t, r)
	}
	if n.Load() != 10 || !r.Stats().BreakerOpen || !strings.Contains(log.String(), "the store fails for readers") {
		t.Errorf("%d made, %+v, log %s", n.Load(), r.Stats(), log.String())
	}
}

// checked is a store that says what it can do.
type checked struct {
	store.Store
	err error
}

func (c checked) Check(context.Context) error { return c.err }

func TestNewRefuses(t *testing.T) {
	s := memory.New()
	defer s.Close()
	var none *memory.Store
	ok := region.Config{TTL: time.Hour}
	for _, c := range []struct {
		want  string
		store store.Store
		ns    string
		cfg   region.Config
		set   region.Setting
	}{
		{"TTL is 0s", s, "test", region.Config{}, nil},
		{"namespace is empty", s, "", ok, nil},
		{`namespace "a b"`, s, "a b", ok, nil},
		{"*memory.Store that is nil", none, "test", ok, nil},
		{"name is empty", s, "test", ok, region.Named("")},
		{"logger is nil", s, "test", ok, region.LogTo(nil)},
		{"Timeouts are -1ns", s, "test", ok, region.Timeouts(-1, 0)},
		{"the store: ", checked{s, fmt.Errorf("%w: no", store.ErrUnsupported)}, "test", ok, nil},
	} {
		if r, err := region.New(c.store, c.ns, c.cfg, c.set); err == nil || r != nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "gormcache: region.New: ") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	var log bytes.Buffer
	r, err := region.New(checked{s, errOff}, "test", ok, region.LogTo(slog.New(slog.NewTextHandler(&log, nil))))
	if err != nil || !strings.Contains(log.String(), "can't serve yet") {
		t.Fatalf("%v, log %q: a store that is away keeps no program from starting", err, log.String())
	}
	_ = r.Close()
}

func TestARegionOfAPluginIsNotClosed(t *testing.T) {
	if err := open(t).Close(); err == nil || !strings.Contains(err.Error(), "region.New") {
		t.Error(err)
	}
	var none *region.Region
	for name, err := range map[string]error{"Invalidate": none.Invalidate(t.Context()), "InvalidateTags": none.InvalidateTags(t.Context(), "x"), "Close": none.Close()} {
		if err == nil || !strings.Contains(err.Error(), "region.New") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
