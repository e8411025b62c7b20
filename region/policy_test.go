package region_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// jsonCodec is a codec of an application's own.
type jsonCodec struct{ name string }

func (c jsonCodec) Name() string                    { return c.name }
func (jsonCodec) Marshal(v any) ([]byte, error)     { return json.Marshal(v) }
func (jsonCodec) Unmarshal(b []byte, dst any) error { return json.Unmarshal(b, dst) }

var _ serializer.Codec = jsonCodec{}

// A value that is written by one codec is none for another, though both could read the bytes.
func TestCodecsDoNotReadEachOther(t *testing.T) {
	w := newWorld(t)
	regions := map[string]*region.Region{"msgpack": w.open(region.Config{TTL: time.Hour})}
	for _, name := range []string{"json", "json2"} {
		regions[name] = w.open(region.Config{TTL: time.Hour, Codec: jsonCodec{name}})
	}
	for name, r := range regions {
		if err := region.Set(t.Context(), r, "k", user{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range regions {
		if u, err := region.Get[user](t.Context(), r, "k"); err != nil || u.Name != name {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
	if err := regions["json"].Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	for name, r := range regions {
		if _, err := region.Get[user](t.Context(), r, "k"); errors.Is(err, region.ErrCacheMiss) != (name == "json") {
			t.Errorf("after the delete of one, %s: %v", name, err)
		}
	}
	// All of them are dropped together: they are one region.
	if err := regions["msgpack"].Invalidate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := region.Get[user](t.Context(), regions["json2"], "k"); !errors.Is(err, region.ErrCacheMiss) {
		t.Error(err)
	}
}

// What a codec can't encode is returned and not cached, what it can't decode is a miss.
func TestACodecThatFails(t *testing.T) {
	w := newWorld(t)
	r := w.open(region.Config{TTL: time.Hour, Codec: jsonCodec{"json"}})
	made := 0
	for range 2 {
		v, err := region.GetOrCreate(t.Context(), r, "func", func(context.Context) (func() int, error) {
			made++
			return func() int { return 7 }, nil
		})
		if err != nil || v() != 7 {
			t.Fatal(err)
		}
	}
	if made != 2 {
		t.Errorf("made %d times", made)
	}
	if err := region.Set(t.Context(), r, "k", "a text"); err != nil {
		t.Fatal(err)
	}
	if n, err := region.GetOrCreate(t.Context(), r, "k", func(context.Context) (int, error) { return 5, nil }); err != nil || n != 5 {
		t.Errorf("%d, %v", n, err)
	}
}

// keysAsked notes the keys that are looked up.
type keysAsked struct {
	store.Store
	keys []string
}

func (k *keysAsked) Lookup(ctx context.Context, l *store.Lookup) error {
	k.keys = append(k.keys, l.Keys...)
	return k.Store.Lookup(ctx, l)
}

// A mangler makes keys that people can read, where they can stand in a store; others are hashed. No two are one.
func TestKeysThatPeopleRead(t *testing.T) {
	w := newWorld(t)
	asked := &keysAsked{Store: w.switchable}
	open := func(cfg region.Config, name string) *region.Region {
		t.Helper()
		cfg.TTL = time.Hour
		r, err := region.New(asked, "test", cfg, region.Named(name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		return r
	}
	same := func(key string) string { return key }
	long := strings.Repeat("x", region.MaxMangled)
	seen := map[string]string{}
	for _, c := range []struct {
		cfg          region.Config
		region, key  string
		want, prefix string
	}{
		{region.Config{Mangler: same}, "r", "user-5", "test:v:r::user-5", ""},
		{region.Config{Mangler: same}, "r", "a:b", "test:v:r::a:b", ""},
		{region.Config{Mangler: same, Codec: jsonCodec{"json"}}, "r", "user-5", "test:v:r:json:user-5", ""},
		{region.Config{Mangler: same}, "s", "user-5", "test:v:s::user-5", ""},
		{region.Config{Mangler: same}, "r:", "user-5", "", "test:v:="},
		{region.Config{Mangler: same}, strings.Repeat("r", 200), long, "", "test:v:="},
		{region.Config{Mangler: strings.ToUpper}, "r", "user-5", "test:v:r::USER-5", ""},
		{region.Config{Mangler: same}, "r", long, "test:v:r::" + long, ""},
		{region.Config{Mangler: same}, "r", long + "x", "", "test:v:"},
		{region.Config{Mangler: same}, "r", "", "", "test:v:"},
		{region.Config{Mangler: same}, "r", "a b", "", "test:v:"},
		{region.Config{Mangler: same}, "r", "a\nb", "", "test:v:"},
		{region.Config{Mangler: same}, "r", "é", "", "test:v:"},
		{region.Config{}, "r", "user-5", "", "test:v:"},
		{region.Config{Codec: jsonCodec{"json"}}, "r", "user-5", "", "test:v:"},
	} {
		asked.keys = nil
		r := open(c.cfg, c.region)
		v, err := region.GetOrCreate(t.Context(), r, c.key, func(context.Context) (string, error) { return c.region + " " + c.key + " " + c.want, nil })
		if err != nil || v != c.region+" "+c.key+" "+c.want {
			t.Errorf("%q in %q: %q, %v", c.key, c.region, v, err)
		}
		key := asked.keys[0]
		if c.want != "" && key != c.want || !strings.HasPrefix(key, c.prefix) || c.prefix == "test:v:" && strings.Contains(key, "::") || len(key) > store.MaxKeySize {
			t.Errorf("%q in %q: key %q, want %q", c.key, c.region, key, c.want+c.prefix)
		}
		if other, taken := seen[key]; taken {
			t.Errorf("%q is the key of %q in %q and of %q", key, c.key, c.region, other)
		}
		seen[key] = c.key
	}
}

// CacheIf is asked for each value, with the key that the application knows.
func TestCacheIf(t *testing.T) {
	w := newWorld(t)
	r := w.open(region.Config{TTL: time.Hour, CacheIf: func(key string, value any) bool {
		n, ok := value.(int64)
		return ok && key == "k" && n%2 == 0
	}})
	var n number
	for want := range int64(2) { // 1 is not cached, 2 is
		if got := n.get(t, r); got != want+1 {
			t.Errorf("%d, want %d", got, want+1)
		}
	}
	if got := n.get(t, r); got != 2 {
		t.Errorf("%d, want 2", got)
	}
}

// Two keys that a Mangler gives one name push each other out of the store, and never get each other's value.
//
// Falls if: an entry does not say whose it is, or one kind of read or write does not ask.
func TestAManglerThatGivesTwoKeysOneName(t *testing.T) {
	one := func(string) string { return "one" }
	open := func() *lab { return newLab(t, region.Config{TTL: time.Hour, Mangler: one}) }
	ctx := t.Context()
	for name, read := range map[string]func(*lab) (string, error){
		"Get":         func(l *lab) (string, error) { return region.Get[string](ctx, l.Region, "b") },
		"GetOrCreate": func(l *lab) (string, error) { return region.GetOrCreate(ctx, l.Region, "b", takes(0, "b")) },
		"GetMulti": func(l *lab) (string, error) {
			all, err := region.GetMulti[string](ctx, l.Region, []string{"b"})
			return all["b"], err
		},
		"Update": func(l *lab) (string, error) {
			return region.Update(ctx, l.Region, "b", func(old string, ok bool) (string, error) { return old + "b", nil })
		},
		"Insert":  func(l *lab) (string, error) { return "b", region.Insert(ctx, l.Region, "b", "b") },
		"Replace": func(l *lab) (string, error) { return "", region.Replace(ctx, l.Region, "b", "b") },
		"Touch":   func(l *lab) (string, error) { return "", l.Touch(ctx, "b", time.Hour) },
		"CompareAndSwap": func(l *lab) (string, error) {
			e, err := region.Lookup[string](ctx, l.Region, "a")
			must(t, err)
			e.Key = "b"
			return "", region.CompareAndSwap(ctx, l.Region, e, "b")
		},
	} {
		l := open()
		must(t, region.Set(ctx, l.Region, "a", "a"))
		if v, err := region.Get[string](ctx, l.Region, "a"); err != nil || v != "a" {
			t.Fatalf("%s: its own value: %q, %v", name, v, err)
		}
		v, err := read(l)
		if v != "b" && v != "" || (v == "") != (err != nil) && name != "GetMulti" {
			t.Errorf("%s: %q, %v", name, v, err)
		}
		if v == "b" {
			if v, err := region.Get[string](ctx, l.Region, "a"); !errors.Is(err, region.ErrCacheMiss) {
				t.Errorf("%s: the other's value afterwards: %q, %v", name, v, err)
			}
		}
	}
}

// That there is no value is said of one key as well.
func TestAManglerAndAbsentValues(t *testing.T) {
	l := newLab(t, region.Config{TTL: time.Hour, Mangler: func(string) string { return "one" }})
	made := 0
	none := func(context.Context, []string) (map[string]string, error) {
		made++
		return nil, nil
	}
	for range 2 { // it is cached for its own key
		_, err := region.GetOrCreateMulti(t.Context(), l.Region, []string{"a"}, none)
		must(t, err)
	}
	all, err := region.GetOrCreateMulti(t.Context(), l.Region, []string{"b"}, func(context.Context, []string) (map[string]string, error) {
		return map[string]string{"b": "b"}, nil
	})
	if err != nil || all["b"] != "b" || made != 1 {
		t.Errorf("%v, %v, made %d times", all, err, made)
	}
}

// Nor do they share loads, in one call or in several.
func TestAManglerAndLoadsThatAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, region.Config{TTL: time.Hour, Mangler: func(string) string { return "one" }})
		both := func(_ context.Context, missing []string) (map[string]string, error) {
			all := map[string]string{}
			for _, key := range missing {
				if key != "none" {
					all[key] = key
				}
			}
			return all, nil
		}
		var calls sync.WaitGroup
		for _, key := range []string{"a", "b"} {
			calls.Go(func() {
				if v, err := region.GetOrCreate(t.Context(), l.Region, key, takes(time.Second, key)); err != nil || v != key {
					t.Errorf("%s: %q, %v", key, v, err)
				}
			})
		}
		calls.Wait()
		must(t, l.Delete(t.Context(), "a"))
		all, err := region.GetOrCreateMulti(t.Context(), l.Region, []string{"none", "c", "d"}, both)
		if err != nil || len(all) != 2 || all["c"] != "c" || all["d"] != "d" {
			t.Errorf("%v, %v", all, err)
		}
	})
}
