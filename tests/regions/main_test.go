// Package regions_test checks what regions do besides reading: entries in a store of a region's own, regions without
// GORM beside plugins, and the warming of what regions hold.
package regions_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }

var must = lab.Must

// User is cached.
type User struct {
	ID   uint
	Name string
}

// Secret is never cached.
type Secret struct{ ID uint }

const people = 20

func newWorld(t *testing.T, cfg gormcache.Config) *lab.World {
	t.Helper()
	if cfg.Store == nil {
		cfg.Store = lab.Store(t, "memory")
	}
	cfg.Namespace = "regions"
	if cfg.Regions == nil {
		cfg.Regions = map[string]region.Config{"default": {TTL: time.Hour}}
	}
	return lab.New(t, "sqlite", cfg, func(db *gorm.DB) error {
		users := make([]User, people)
		for i := range users {
			users[i].Name = fmt.Sprint("user ", i+1)
		}
		return errors.Join(db.AutoMigrate(&User{}, &Secret{}), db.Create(users).Error)
	})
}

// name reads a user's name through the cache of a region.
func name(t *testing.T, db *gorm.DB, in string, id uint) (string, observe.Read) {
	t.Helper()
	var seen observe.Read
	var u User
	must(t, db.WithContext(lab.Seeing(t.Context(), &seen)).Clauses(fromcache.Region(in)).First(&u, id).Error)
	return u.Name, seen
}

// switchable is a store that can be switched off.
type switchable struct {
	store.Store
	off   atomic.Bool
	calls atomic.Int64
}

var errOff = errors.New("switched off")

func (s *switchable) on() error {
	s.calls.Add(1)
	if s.off.Load() {
		return errOff
	}
	return nil
}

// Lookup fails while the store is off, as do the others.
func (s *switchable) Lookup(ctx context.Context, l *store.Lookup) error {
	return or(s.on(), func() error { return s.Store.Lookup(ctx, l) })
}

func (s *switchable) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return or(s.on(), func() error { return s.Store.Set(ctx, key, value, ttl) })
}

func (s *switchable) Tokens(ctx context.Context, tags []string, states []store.State) error {
	return or(s.on(), func() error { return s.Store.Tokens(ctx, tags, states) })
}

func or(err error, otherwise func() error) error {
	if err != nil {
		return err
	}
	return otherwise()
}
