package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
)

// asked counts the lookups of a store. after, if set, is called once, after the next one.
type asked struct {
	*memory.Store
	lookups atomic.Int64
	after   atomic.Pointer[func()]
}

func (a *asked) Lookup(ctx context.Context, l *store.Lookup) error {
	a.lookups.Add(1)
	err := a.Store.Lookup(ctx, l)
	if after := a.after.Swap(nil); after != nil {
		(*after)()
	}
	return err
}

// requests is a program that handles requests, and another one that writes to the same database.
type requests struct {
	*testing.T
	s         *asked
	db, other *gorm.DB
	p         *gormcache.Plugin
	r         *region.Region
}

func newRequests(t *testing.T) *requests {
	t.Helper()
	return newRequestsOn(t, "sqlite")
}

func newRequestsOn(t *testing.T, kind string) *requests {
	t.Helper()
	d := newDatabase(t, kind)
	q := &requests{T: t, s: &asked{Store: memory.New()}}
	q.db, q.other = d.Open(t, &gorm.Config{}), d.Open(t, &gorm.Config{})
	q.p = use(t, q.db, q.s)
	use(t, q.other, q.s)
	r, err := q.p.Region("default")
	must(t, err)
	q.r = r
	warm(t, q.db, "users")
	q.name(t.Context()) // the catalog and the entry
	q.name(t.Context())
	return q
}

func (q *requests) request() context.Context {
	ctx, cancel := context.WithCancel(q.Context())
	q.Cleanup(cancel)
	return fromcache.InRequest(ctx)
}

// on reads the name of user 1 through the cache.
func (q *requests) on(db *gorm.DB, opts ...fromcache.Option) string {
	q.Helper()
	var u User
	must(q, db.Clauses(fromcache.Region("default", opts...)).First(&u, 1).Error)
	return u.Name
}

func (q *requests) name(ctx context.Context) string {
	q.Helper()
	return q.on(q.db.WithContext(ctx))
}

func (q *requests) want(what string, got, want string) {
	q.Helper()
	if got != want {
		q.Errorf("%s: %q, want %q", what, got, want)
	}
}

// lookups returns how often read asks the store.
func (q *requests) lookups(read func()) int64 {
	before := q.s.lookups.Load()
	read()
	return q.s.lookups.Load() - before
}

// Equal reads of a request ask the store once, in whatever form; each caller gets an answer of its own. Without a tier each
// asks.
//
// Falls if: Region.Read or Region.Values leaves out the tier.
func TestARequestAsksOnce(t *testing.T) {
	q := newRequests(t)
	value := func(ctx context.Context) string {
		v, err := region.GetOrCreate(ctx, q.r, "value", func(context.Context) ([]string, error) { return []string{"made"}, nil })
		must(t, err)
		defer func() { v[0] = "changed by its caller" }()
		return v[0]
	}
	for name, read := range map[string]func(ctx context.Context) string{
		"First": q.name,
		"Find": func(ctx context.Context) string {
			var u []*User
			must(t, q.db.WithContext(ctx).Clauses(fromcache.Region("default")).Order("id").Find(&u).Error)
			defer func() { u[0].Name = "changed by its caller" }()
			return u[0].Name
		},
		"generics": func(ctx context.Context) string {
			u, err := gorm.G[User](q.db, fromcache.Region("default")).Where("id = ?", 2).First(ctx)
			must(t, err)
			return u.Name
		},
		"Raw": func(ctx context.Context) (name string) {
			must(t, q.db.WithContext(ctx).Clauses(fromcache.Region("default")).Raw("SELECT name FROM users WHERE id = ?", 3).Scan(&name).Error)
			return name
		},
		"Rows": func(ctx context.Context) (name string) {
			rows, err := q.db.WithContext(ctx).Clauses(fromcache.Region("default")).Model(&User{}).Select("name").Order("id DESC").Rows()
			must(t, err)
			defer rows.Close()
			for rows.Next() {
				must(t, rows.Scan(&name))
			}
			must(t, rows.Err())
			return name
		},
		"relation": func(ctx context.Context) string {
			var u []User
			must(t, q.db.WithContext(ctx).Clauses(relation.Cache("Orders", "default"), fromcache.Region("default")).Preload("Orders").Order("id").Find(&u).Error)
			return fmt.Sprint(len(u[0].Orders), u[0].Orders[1].Name, len(u[1].Orders), len(u[2].Orders))
		},
		"GetOrCreate": value,
		"Get": func(ctx context.Context) string {
			v, err := region.Get[[]string](ctx, q.r, "value")
			must(t, err)
			return v[0]
		},
		"GetMulti": func(ctx context.Context) string {
			v, err := region.GetMulti[[]string](ctx, q.r, []string{"value"})
			must(t, err)
			return v["value"][0]
		},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, region.Set(t.Context(), q.r, "value", []string{"made"}))
			ctx, plain := q.request(), t.Context()
			first := read(ctx)
			before := q.p.Stats()
			if n := q.lookups(func() { q.want("again", read(ctx), first); q.want("once more", read(ctx), first) }); n != 0 {
				t.Errorf("the store was asked %d times for what the request has read", n)
			}
			after := q.p.Stats()
			if n := after.InRequest - before.InRequest; n < 2 || after.Hits-before.Hits != n {
				t.Errorf("%d in request, %d hits", n, after.Hits-before.Hits)
			}
			if n := q.lookups(func() { q.want("in the next request", read(q.request()), first) }); n == 0 {
				t.Error("the next request did not ask the store")
			}
			if n := q.lookups(func() { q.want("without a request", read(plain), first) }); n == 0 {
				t.Error("without a tier the store was not asked")
			}
		})
	}
}

// What others commit shows in the next request; what the request itself commits, sets, deletes or invalidates shows at once.
//
// Falls if: a write does not empty the tier.
func TestARequestSeesItsOwnWrites(t *testing.T) {
	n := 0
	for name, write := range map[string]func(q *requests, ctx context.Context, name string){
		"Update": func(q *requests, ctx context.Context, name string) { must(q, rename(q.db.WithContext(ctx), 1, name)) },
		"Exec": func(q *requests, ctx context.Context, name string) {
			must(q, q.db.WithContext(ctx).Exec("UPDATE users SET name = ? WHERE id = 1", name).Error)
		},
		"no default transaction": func(q *requests, ctx context.Context, name string) {
			must(q, rename(q.db.WithContext(ctx).Session(&gorm.Session{SkipDefaultTransaction: true}), 1, name))
		},
		"Raw": func(q *requests, ctx context.Context, name string) {
			var got string
			must(q, q.db.WithContext(ctx).Raw("UPDATE users SET name = ? WHERE id = 1 RETURNING name", name).Scan(&got).Error)
		},
		"transaction": func(q *requests, ctx context.Context, name string) {
			must(q, q.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return rename(tx, 1, name) }))
		},
		"its write in the transaction of another": func(q *requests, ctx context.Context, name string) {
			must(q, q.db.Transaction(func(tx *gorm.DB) error { return rename(tx.WithContext(ctx), 1, name) }))
		},
		"its transaction, written by another": func(q *requests, ctx context.Context, name string) {
			must(q, q.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return rename(tx.WithContext(context.Background()), 1, name) }))
		},
		"invalidate.Tables": func(q *requests, ctx context.Context, name string) {
			must(q, rename(q.other, 1, name))
			must(q, invalidate.Tables(ctx, q.db, "users"))
		},
		"invalidate.Tables by the handle": func(q *requests, ctx context.Context, name string) {
			must(q, rename(q.other, 1, name))
			must(q, invalidate.Tables(context.Background(), q.db.WithContext(ctx), "users"))
		},
		"invalidate.Tags in a transaction": func(q *requests, ctx context.Context, name string) {
			must(q, rename(q.other, 1, name))
			must(q, q.db.Transaction(func(tx *gorm.DB) error { return invalidate.Tags(ctx, tx, "tag") }))
		},
		"Region.Invalidate": func(q *requests, ctx context.Context, name string) {
			must(q, rename(q.other, 1, name))
			must(q, q.r.Invalidate(ctx))
		},
		"Refresh": func(q *requests, ctx context.Context, name string) {
			must(q, rename(q.other, 1, name))
			q.want("refreshed", q.on(q.db.WithContext(ctx), fromcache.Refresh()), name)
		},
	} {
		t.Run(name, func(t *testing.T) {
			q, ctx := newRequests(t), context.Context(nil)
			ctx = q.request()
			q.want("at first", q.name(ctx), "ann")
			must(t, rename(q.other, 1, "theirs"))
			q.want("after another's write", q.name(ctx), "ann")
			q.want("in the next request", q.name(q.request()), "theirs")
			n++
			mine := fmt.Sprint("mine ", n)
			write(q, ctx, mine)
			q.want("after the own write", q.name(ctx), mine)
			q.want("without a request", q.name(t.Context()), mine)
			if asks := q.lookups(func() { q.want("again", q.name(ctx), mine) }); asks != 0 && !strings.Contains(name, "Region.") {
				t.Errorf("nothing is kept after a write: %d lookups", asks)
			}
		})
	}
}

// Values that the request itself writes show at once; Lookup tells of what is in the store.
func TestARequestSeesItsOwnValues(t *testing.T) {
	q := newRequests(t)
	ctx := q.request()
	get := func(ctx context.Context) string { return region.GetOr(ctx, q.r, "k", "none") }
	set := func(ctx context.Context, v string) { must(t, region.Set(ctx, q.r, "k", v)) }
	set(t.Context(), "a")
	q.want("first", get(ctx), "a")
	set(t.Context(), "b")
	q.want("after another's Set", get(ctx), "a")
	e, err := region.Lookup[string](ctx, q.r, "k")
	must(t, err)
	q.want("Lookup", e.Value, "b")
	set(ctx, "c")
	q.want("after its Set", get(ctx), "c")
	_, err = region.Update(ctx, q.r, "k", func(string, bool) (string, error) { return "d", nil })
	must(t, err)
	q.want("after its Update", get(ctx), "d")
	must(t, q.r.Delete(ctx, "k"))
	q.want("after its Delete", get(ctx), "none")
	set(t.Context(), "e")
	q.want("a miss is not kept", get(ctx), "e")
}

// What a request has read before does not become part of a value that others are given: neither by the context that the
// function gets, nor by the one around it.
//
// Falls if: the tier answers while a value is being made, or after Region.Begin.
func TestValuesAreNotMadeOfWhatARequestHasRead(t *testing.T) {
	for _, inner := range []bool{true, false} {
		q := newRequests(t)
		ctx := q.request()
		read := func(given context.Context) (string, error) {
			if inner {
				return q.name(given), nil
			}
			return q.name(ctx), nil
		}
		tables := region.WithTables("users")
		q.want("at first", q.name(ctx), "ann")
		must(t, rename(q.other, 1, "theirs"))
		q.want("the tier", q.name(ctx), "ann")
		v, err := region.GetOrCreate(ctx, q.r, "report", read, tables)
		must(t, err)
		q.want("the value", v, "theirs")
		q.want("the tier afterwards", q.name(ctx), "ann")
		_, err = region.Update(ctx, q.r, "updated", func(string, bool) (string, error) { return read(ctx) }, tables)
		must(t, err)
		q.want("updated", region.GetOr(t.Context(), q.r, "updated", "none"), "theirs")

		ctx = q.request()
		q.want("at first", q.name(ctx), "theirs")
		must(t, rename(q.other, 1, "again"))
		b, err := q.r.Begin(ctx, tables)
		must(t, err)
		v, err = read(ctx)
		must(t, err)
		must(t, region.Set(ctx, q.r, "begun", v, region.From(b)))
		q.want("begun", region.GetOr(t.Context(), q.r, "begun", "none"), "again")
	}
}

// In transactions the request's answers are not used; after a rollback they are as before, and a text that begins a
// transaction ends their use.
//
// Falls if: reads in transactions take what was read outside, or leave what they have read.
func TestARequestInTransactions(t *testing.T) {
	q := newRequests(t)
	ctx := q.request()
	in := fromcache.InTransaction()
	q.want("at first", q.name(ctx), "ann")
	must(t, rename(q.other, 1, "theirs"))
	q.want("the tier", q.name(ctx), "ann")
	failed := errors.New("rolled back")
	err := q.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		q.want("in a transaction", q.on(tx, in), "theirs")
		must(t, rename(tx, 1, "mine"))
		q.want("in one that has written", q.on(tx, in), "mine")
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	q.want("after the rollback", q.name(ctx), "theirs")

	ctx = q.request()
	q.want("at first", q.name(ctx), "theirs")
	must(t, q.db.Connection(func(tx *gorm.DB) error {
		tx = tx.Session(&gorm.Session{SkipDefaultTransaction: true, Context: ctx})
		must(t, tx.Exec("BEGIN").Error)
		must(t, rename(tx, 1, "by text"))
		must(t, tx.Exec("COMMIT").Error)
		return nil
	}))
	q.want("after a transaction by text", q.name(ctx), "by text")
	must(t, rename(q.other, 1, "later"))
	q.want("not used any more", q.name(ctx), "later")
}

// A read that has looked up before the request's own write, and ends after it, leaves nothing behind.
//
// Falls if: Tier.Put does not compare what Seen has returned.
func TestAReadDuringAWriteIsNotKept(t *testing.T) {
	q := newRequests(t)
	ctx := q.request()
	write := func() { must(t, rename(q.db.WithContext(ctx), 1, "mine")) }
	q.s.after.Store(&write)
	q.want("the read", q.name(ctx), "ann")
	q.want("after the write", q.name(ctx), "mine")
}

// A Refresh that is not kept takes what is older with it.
//
// Falls if: a refresh leaves the tier as it is.
func TestARequestDoesNotGoBackBehindARefresh(t *testing.T) {
	q := newRequests(t)
	ctx := q.request()
	q.want("at first", q.name(ctx), "ann")
	must(t, rename(q.other, 1, "theirs"))
	must(t, q.s.Mark(t.Context(), []string{store.Namespace("test").Epoch()}, store.NewWriter(), time.Hour)) // a bypass
	q.want("refreshed", q.on(q.db.WithContext(ctx), fromcache.Refresh()), "theirs")
	q.want("afterwards", q.name(ctx), "theirs")
}

// Caveat 31: a request's answers are as old as the request, also beside what it reads from the database itself.
func TestLimitInRequest(t *testing.T) {
	q := newRequests(t)
	ctx := q.request()
	q.want("at first", q.name(ctx), "ann")
	must(t, rename(q.other, 1, "theirs"))
	var u User
	must(t, q.db.WithContext(ctx).First(&u, 1).Error)
	q.want("the database", u.Name, "theirs")
	q.want("the request", q.name(ctx), "ann")
	must(t, rename(q.db, 1, "without its context"))
	q.want("after a write that the request's context is not with", q.name(ctx), "ann")
	q.want("asked anew", q.on(q.db.WithContext(ctx), fromcache.Refresh()), "without its context")
	q.want("from then on", q.name(ctx), "without its context")
	q.want("in the next request", q.name(q.request()), "without its context")
}

// Several goroutines of one request read and write: none reads what is older than the write that it has seen end.
func TestGoroutinesOfARequest(t *testing.T) {
	q := newRequests(t)
	ctx := q.request()
	var done atomic.Int64
	must(t, q.db.Model(&User{}).Where("id = 1").Update("age", 0).Error)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for done.Load() < 30 {
				least := done.Load()
				var u User
				if err := q.db.WithContext(ctx).Clauses(fromcache.Region("default")).First(&u, 1).Error; err != nil {
					t.Error(err)
					return
				}
				if int64(u.Age) < least {
					t.Errorf("age %d after %d was written", u.Age, least)
				}
			}
		})
	}
	for n := int64(1); n <= 30; n++ {
		must(t, q.db.WithContext(ctx).Model(&User{}).Where("id = 1").Update("age", n).Error)
		done.Store(n)
	}
	wg.Wait()
}

// The answers end with the request, and Explain tells of them.
//
// Falls if: a context that goes on behind the request's end keeps them.
func TestARequestEnds(t *testing.T) {
	q := newRequests(t)
	parent, cancel := context.WithCancel(t.Context())
	ctx := fromcache.InRequest(parent)
	if fromcache.InRequest(ctx) != ctx {
		t.Error("a request within a request")
	}
	q.want("at first", q.name(ctx), "ann")
	must(t, rename(q.other, 1, "theirs"))
	behind := context.WithoutCancel(ctx)
	q.want("during the request", q.name(behind), "ann")
	var seen observe.Read
	_, err := q.p.Region("default")
	must(t, err)
	must(t, q.db.WithContext(lab.Seeing(behind, &seen)).Clauses(fromcache.Region("default")).First(&User{}, 1).Error)
	if seen.Outcome != hit || seen.Reason != observe.InRequest || seen.Detail == "" {
		t.Errorf("the hook sees %v (%s %s)", seen.Outcome, seen.Reason, seen.Detail)
	}
	for ctx, want := range map[context.Context]bool{behind: true, t.Context(): false} {
		e, err := gormcache.Explain(q.db.WithContext(ctx), func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(fromcache.Region("default")).First(&User{}, 1)
		})
		must(t, err)
		if got := e.Statements[0].Query.InRequest; got != want || strings.Contains(e.String(), "in request") != want {
			t.Errorf("explained: %v, want %v:\n%s", got, want, e)
		}
	}
	cancel()
	q.want("after its end", q.name(behind), "theirs")
}

// A request that reads without end holds no more than a tier may.
func TestARequestIsBounded(t *testing.T) {
	q := newRequests(t)
	ctx := q.request()
	for n := range 1100 {
		must(t, region.Set(t.Context(), q.r, fmt.Sprint(n), n, region.WithTTL(time.Hour)))
	}
	read := func(n int) { _, _ = region.Get[int](ctx, q.r, fmt.Sprint(n)) }
	for n := range 1100 {
		read(n)
	}
	if n := q.lookups(func() { read(0) }); n != 1 {
		t.Error("the first of 1100 answers is still there")
	}
	if n := q.lookups(func() { read(1099) }); n != 0 {
		t.Error("the last of 1100 answers is not there")
	}
	big := strings.Repeat("x", 3<<20)
	for n := range 4 {
		must(t, region.Set(t.Context(), q.r, fmt.Sprint("big", n), big))
		region.GetOr(ctx, q.r, fmt.Sprint("big", n), "")
	}
	if n := q.lookups(func() { region.GetOr(ctx, q.r, "big0", "") }); n != 1 {
		t.Error("12 MiB are kept")
	}
}
