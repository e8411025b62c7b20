package docs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/compress"
	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/null"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// The new calls of docs/from-dogpile.md.

func TestFromDogpileRegions(t *testing.T) {
	ctx := t.Context()
	values := map[string]string{"cache.namespace": "shop", "cache.regions.reports.ttl": "1h"}
	cfg, err := gormcache.ConfigFromMap(values, "cache")
	check(t, err)
	t.Setenv("CACHE_NAMESPACE", "shop")
	t.Setenv("CACHE_REGIONS_REPORTS_TTL", "1h")
	_, err = gormcache.ConfigFromEnv("CACHE")
	check(t, err)

	calls := new(atomic.Int64)
	log := func(ctx context.Context, _ store.Call, next func(context.Context) error) error {
		calls.Add(1)
		return next(ctx)
	}
	s := memory.New()
	defer s.Close()
	cfg.Store = store.Wrap(s, log)
	cfg.Regions["forever"] = region.Config{TTL: region.NoExpiration}
	cfg.Regions["json"] = region.Config{TTL: time.Hour, Codec: jsonCodec{}}
	cfg.Regions["own"] = region.Config{TTL: time.Hour, Mangler: region.LengthMangler(100)}
	p, err := gormcache.New(cfg)
	check(t, err)
	defer p.Close()

	r, err := p.Region("reports")
	check(t, err)
	is(t, r.Name(), "reports", nil)
	if _, err := p.Region("nowhere"); !errors.Is(err, region.ErrUnknownRegion) {
		t.Error(err)
	}
	if store.Unwrap(cfg.Store) != store.Store(s) {
		t.Error("the store is another")
	}
	check(t, region.Set(ctx, r, "k", "v"))
	if calls.Load() == 0 {
		t.Error("the layer was not called")
	}

	alone, err := region.New(s, "alone", region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Minute})
	check(t, err)
	defer alone.Close()
	check(t, region.Set(ctx, alone, "k", "v"))
	check(t, alone.InvalidateSoft(ctx))
	v, err := region.Get[string](ctx, alone, "k", region.WithStale())
	is(t, v, "v", err)
	check(t, alone.Invalidate(ctx))
	if _, err := region.Get[string](ctx, alone, "k"); !errors.Is(err, region.ErrCacheMiss) {
		t.Error(err)
	}
}

func TestFromDogpileValues(t *testing.T) {
	ctx := t.Context()
	db, p := people(t)
	r, err := p.Region("default")
	check(t, err)

	if _, err = region.Get[string](ctx, r, "k"); !errors.Is(err, region.ErrCacheMiss) {
		t.Fatal(err)
	}
	err = region.Set(ctx, r, "k", "v", region.WithTTL(time.Minute))
	check(t, err)
	v, err := region.Get[string](ctx, r, "k", region.WithMaxAge(time.Minute))
	is(t, v, "v", err)
	v, err = region.Get[string](ctx, r, "k", region.WithStale())
	is(t, v, "v", err)
	err = region.SetMulti(ctx, r, map[string]string{"a": "1", "b": "2"})
	check(t, err)
	m, err := region.GetMulti[string](ctx, r, []string{"a", "b", "c"})
	if err != nil || !maps.Equal(m, map[string]string{"a": "1", "b": "2"}) {
		t.Fatal(m, err)
	}
	e, err := region.Lookup[string](ctx, r, "k")
	if err != nil || e.Value != "v" || e.Age > time.Minute || e.TTL <= 0 || e.Created.IsZero() {
		t.Fatal(e, err)
	}
	check(t, r.Delete(ctx, "k", "a", "b"))

	create := func(context.Context) (string, error) { return "made", nil }
	v, err = region.GetOrCreate(ctx, r, "k", create)
	is(t, v, "made", err)
	v, err = region.GetOrCreate(ctx, r, "never", create, region.WithTTL(region.NoExpiration))
	is(t, v, "made", err)
	v, err = region.GetOrCreate(ctx, r, "if", create, region.WithCacheIf(func(v string) bool { return v != "made" }))
	is(t, v, "made", err)
	if _, err := region.Get[string](ctx, r, "if"); !errors.Is(err, region.ErrCacheMiss) {
		t.Error(err)
	}
	createMany := func(_ context.Context, missing []string) (map[string]string, error) {
		made := map[string]string{}
		for _, key := range missing {
			made[key] = "made " + key
		}
		return made, nil
	}
	m, err = region.GetOrCreateMulti(ctx, r, []string{"x", "y"}, createMany)
	if err != nil || len(m) != 2 {
		t.Fatal(m, err)
	}

	// By hand, and yet dropped by writes.
	b, err := r.Begin(ctx, region.WithTables("people"))
	check(t, err)
	check(t, region.Set(ctx, r, "people", "1", region.From(b)))
	check(t, db.Create(&Person{Name: "Bo"}).Error)
	if _, err := region.Get[string](ctx, r, "people"); !errors.Is(err, region.ErrCacheMiss) {
		t.Error(err)
	}

	check(t, invalidate.Region(ctx, db, "default", invalidate.Soft()))
	check(t, invalidate.Region(ctx, db, "default"))
	if _, err := region.Get[string](ctx, r, "k"); !errors.Is(err, region.ErrCacheMiss) {
		t.Error(err)
	}
}

func TestFromDogpileFunctions(t *testing.T) {
	ctx := t.Context()
	db, p := people(t)
	r, err := p.Region("default")
	check(t, err)
	calls := 0
	fn := readName(&calls)

	f := region.Cached(r, "name-{id}", fn, region.WithTables("people"), region.WithTTL(time.Minute))
	name, err := f.Call(ctx, 5)
	is(t, name, "name 5, call 1", err)
	name, err = f.Get(ctx, 5)
	is(t, name, "name 5, call 1", err)
	check(t, f.Reset(ctx, 5))
	name, err = f.Refresh(ctx, 5)
	is(t, name, "name 5, call 2", err)
	name, err = f.Original(ctx, 5)
	is(t, name, "name 5, call 3", err)
	b, err := f.Begin(ctx)
	check(t, err)
	err = f.With(region.From(b)).Set(ctx, 5, "set")
	check(t, err)
	name, err = f.Get(ctx, 5)
	is(t, name, "set", err)

	short := func(string) time.Duration { return time.Minute }
	adaptive := region.Cached(r, "adaptive-{id}", fn, region.WithTTLFunc(short))
	name, err = adaptive.Call(ctx, 5)
	is(t, name, "name 5, call 4", err)

	sum := func(_ context.Context, of []int) (int, error) { return len(of), nil }
	byText := region.Cached(r, "sum", sum, region.WithKeyFunc(func(of []int) string { return fmt.Sprint(of) }))
	n, err := byText.Call(ctx, []int{1, 2})
	is(t, n, 2, err)

	type Search struct {
		City string `cache:"city"`
		Age  int    `cache:"age"`
	}
	search := func(_ context.Context, s Search) (string, error) { return s.City, nil }
	byFields := region.Cached(r, "search-{city}-{age}", search)
	name, err = byFields.Call(ctx, Search{"Kyiv", 30})
	is(t, name, "Kyiv", err)

	readMany := func(_ context.Context, ids []int) (map[int]string, error) {
		found := map[int]string{}
		for _, id := range ids {
			found[id] = fmt.Sprint("person ", id)
		}
		return found, nil
	}
	many := region.CachedMulti(r, "person-{id}", readMany)
	found, err := many.Call(ctx, []int{1, 2})
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	found, err = many.Refresh(ctx, []int{1, 2})
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	check(t, many.Set(ctx, map[int]string{1: "one"}))
	check(t, many.Reset(ctx, 1))
	found, err = many.Get(ctx, []int{1, 2})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}

	// After a commit.
	check(t, db.Transaction(func(tx *gorm.DB) error { return tx.Model(&Person{ID: 5}).Update("age", 31).Error }))
	_, err = f.Refresh(ctx, 5)
	check(t, err)

	// A fragment of a page.
	side := region.Cached(r, "sidebar-{id}", func(_ context.Context, id int) (template.HTML, error) {
		return template.HTML(fmt.Sprintf("<b>%d</b>", id)), nil //nolint:gosec // a number
	})
	page := template.Must(template.New("page").Funcs(template.FuncMap{"sidebar": func(id int) (template.HTML, error) { return side.Call(ctx, id) }}).
		Parse(`{{sidebar 5}}`))
	var out bytes.Buffer
	check(t, page.Execute(&out, nil))
	is(t, out.String(), "<b>5</b>", nil)
}

func TestFromDogpileBackends(t *testing.T) {
	ctx := t.Context()
	addr := servers.Redis(t).Addr
	rdb := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{addr}})
	defer rdb.Close()
	secret := sha256.Sum256([]byte("not a secret"))
	keys := sealed.Keys{Mode: sealed.Sign, Current: sealed.Key{ID: "1", Secret: secret[:]}}
	s, err := sealed.New(redisstore.New(rdb), keys)
	check(t, err)
	r, err := region.New(s, "shop", region.Config{TTL: time.Hour, Claim: region.Claim{TTL: 5 * time.Second, Wait: 10 * time.Second}})
	check(t, err)
	defer r.Close()
	check(t, region.Set(ctx, r, "k", "v"))

	nothing, err := region.New(null.New(), "shop", region.Config{TTL: time.Hour})
	check(t, err)
	defer nothing.Close()
	v, err := region.GetOrCreate(ctx, nothing, "k", func(context.Context) (string, error) { return "made", nil })
	is(t, v, "made", err)

	path := t.TempDir() + "/values"
	file, err := memory.Open(path)
	check(t, err)
	check(t, file.Close())

	// What these need is not running here; that they compile is shown.
	_ = func() []store.Store {
		memcached := memcachestore.New([]string{addr}, memcachestore.Timeout(time.Second))
		small, err := compress.New(memcached, compress.MinBytes(400))
		check(t, err)
		return []store.Store{
			small,
			redisstore.New(redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: []string{addr}})),
			redisstore.New(redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}})),
		}
	}
	_ = func(t *testing.T) {
		storetest.Run(t, func(*testing.T) store.Store { return memory.New() })
	}
}

func TestFromDogpileQueries(t *testing.T) {
	ctx := t.Context()
	db, _ := people(t)
	var people []Person
	q := func(db *gorm.DB) {
		t.Helper()
		people = nil
		if err := db.Find(&people).Error; err != nil || len(people) != 1 {
			t.Fatal(people, err)
		}
	}
	q(db.Clauses(fromcache.Region("default")))
	q(db.Clauses(fromcache.Region("default", fromcache.OnlyIfCached())))
	q(db.Scopes(fromcache.Scope("default")))
	q(db.Clauses(fromcache.Region("default", fromcache.Key("tenant 7"))))
	q(db.Clauses(fromcache.Region("default", fromcache.TTL(time.Minute))))
	q(db.Clauses(fromcache.Region("default", fromcache.Tags("front page"))))
	q(db.Clauses(fromcache.Region("default"), relation.Cache("Addresses", "default")).Preload("Addresses"))
	if len(people[0].Addresses) != 1 {
		t.Error(people)
	}
	ctx = fromcache.InRequest(ctx)
	q(db.WithContext(ctx).Clauses(fromcache.Region("default")))
	_ = relation.Cache("Addresses", "default").And("Orders", "default", fromcache.TTL(time.Minute))
	check(t, invalidate.Tags(ctx, db, "front page"))
	check(t, invalidate.Tables(ctx, db, "people"))
	check(t, invalidate.Model(ctx, db, &Person{}))
	check(t, invalidate.Relation(ctx, db, &Person{}, "Addresses"))
}
