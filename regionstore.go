package gormcache

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// regionStore is a store that regions keep their entries in, in place of the plugin's.
type regionStore struct {
	*breaker.Store             // of its own
	user           store.Store // as it was configured
	regions        []string    // that keep their entries there
}

// regionStores are the stores that regions have of their own, each once.
func regionStores(cfg Config) (all []regionStore) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Regions)) {
		own := cfg.Regions[name].Store
		if own == nil || same(own, cfg.Store) {
			continue
		}
		if i := slices.IndexFunc(all, func(s regionStore) bool { return same(s.user, own) }); i >= 0 {
			all[i].regions = append(all[i].regions, name)
			continue
		}
		all = append(all, regionStore{behindBreaker(own, cfg), own, []string{name}})
	}
	for _, s := range all {
		s.LogTo(cfg.Logger.With("store", s.field()))
	}
	return all
}

func behindBreaker(s store.Store, cfg Config) *breaker.Store {
	return breaker.New(s, breaker.Config{
		Failures: cfg.BreakerFailures, Cooldown: cfg.BreakerCooldown,
		ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout,
	})
}

// same reports whether two stores are one. Those of a type that can't be compared never are.
func same(a, b store.Store) bool {
	return a != nil && b != nil && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

func byRegion(stores []regionStore) map[string]store.Store {
	all := map[string]store.Store{}
	for _, s := range stores {
		for _, name := range s.regions {
			all[name] = s.Store
		}
	}
	return all
}

// field says where the store stands in the configuration.
func (s regionStore) field() string {
	fields := make([]string, len(s.regions))
	for i, name := range s.regions {
		fields[i] = fmt.Sprintf("Config.Regions[%q].Store", name)
	}
	return strings.Join(fields, ", ")
}

// rehearse does once what reads do with a store that has entries alone, as [Plugin.rehearse] does with the plugin's.
func (s regionStore) rehearse(ns store.Namespace) func(context.Context) error {
	key := ns.Value("", "")
	return func(ctx context.Context) error {
		for _, step := range []func() error{
			func() error { return s.user.Set(ctx, key, []byte{}, time.Minute) },
			func() error { return s.user.Lookup(ctx, &store.Lookup{Keys: []string{key}}) },
			func() error { return s.user.Delete(ctx, key) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	}
}

// rejected is how many entries a store has not believed, if it looks at that.
func rejected(s store.Store) (n uint64) {
	for ; s != nil; s = store.Unwrap(s) {
		if coded, ok := s.(interface{ Rejected() uint64 }); ok {
			n += coded.Rejected()
		}
	}
	return n
}
