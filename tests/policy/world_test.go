package policy_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Company is what users belong to.
type Company struct {
	ID   uint
	Name string
}

// User has relations of each kind.
type User struct {
	ID        uint
	Name      string
	Age       int
	CompanyID *uint
	Company   *Company
	Orders    []Order  `gorm:"constraint:OnDelete:CASCADE"`
	Labels    []*Label `gorm:"many2many:user_labels"`
}

// Order belongs to a user, and has items.
type Order struct {
	ID     uint
	UserID uint
	Total  int
	Items  []OrderItem
}

// OrderItem belongs to an order.
type OrderItem struct {
	ID      uint
	OrderID uint
	Name    string
}

// Label is on many users.
type Label struct {
	ID   uint
	Name string
}

// Note has a policy of its own.
type Note struct {
	ID   uint
	Text string
}

// CachePolicy implements fromcache.Policied.
func (Note) CachePolicy() fromcache.Policy { return fromcache.Policy{Region: "second"} }

// Secret refuses the cache.
type Secret struct {
	ID     uint
	UserID uint
	Text   string
}

// CachePolicy implements fromcache.Policied by pointer.
func (*Secret) CachePolicy() fromcache.Policy { return fromcache.Policy{Off: true} }

// Wrong has a policy that names no region there is.
type Wrong struct{ ID uint }

// CachePolicy implements fromcache.Policied.
func (Wrong) CachePolicy() fromcache.Policy { return fromcache.Policy{Region: "nowhere"} }

var models = []any{&Company{}, &User{}, &Order{}, &OrderItem{}, &Label{}, &Note{}, &Secret{}, &Wrong{}}

// world is a database with a plugin on it, and a handle without one.
type world struct {
	db     *gorm.DB
	bare   *gorm.DB
	plugin *gormcache.Plugin
	store  store.Store

	mu      sync.Mutex
	reads   []observe.Read
	changes [][]string
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T, kind string, change ...func(*gormcache.Config)) *world {
	t.Helper()
	d := servers.Empty(t, kind)
	w := &world{store: memory.New(), db: d.Open(t), bare: d.Open(t)}
	t.Cleanup(func() { _ = w.store.Close() })
	must(t, w.bare.AutoMigrate(models...))
	w.seed(t)
	w.plugin = servers.Plugin(t, w.db, gormcache.Config{
		Store: w.store, Namespace: "policy",
		Regions: map[string]region.Config{"default": {TTL: time.Hour}, "second": {TTL: time.Hour}},
		Hooks:   &observe.Hooks{Read: w.read, Invalidate: w.changed},
	}, change...)
	return w
}

func (w *world) seed(t *testing.T) {
	t.Helper()
	one := uint(1)
	must(t, w.bare.Create(&Company{Name: "ACME"}).Error)
	must(t, w.bare.Create([]*User{
		{Name: "ada", Age: 36, CompanyID: &one, Orders: []Order{{Total: 3, Items: []OrderItem{{Name: "tea"}}}, {Total: 4}}, Labels: []*Label{{Name: "new"}}},
		{Name: "bo", Age: 17},
	}).Error)
	must(t, w.bare.Create(&Note{Text: "hello"}).Error)
	must(t, w.bare.Create(&Secret{UserID: 1, Text: "hush"}).Error)
}

func (w *world) read(_ context.Context, r observe.Read) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads = append(w.reads, r)
}

func (w *world) changed(_ context.Context, i observe.Invalidation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes = append(w.changes, i.Tags)
}

// outcomes are the reads reported since the last call, as "region:outcome", with a reason if there is one.
func (w *world) outcomes() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, r := range w.reads {
		s := r.Region + ":" + r.Outcome.String()
		if r.Reason != "" {
			s += ":" + string(r.Reason)
		}
		all = append(all, s)
	}
	w.reads = nil
	return strings.Join(all, " ")
}

func byPolicy(models map[string]fromcache.Policy) func(*gormcache.Config) {
	return func(c *gormcache.Config) { c.Models = models }
}

// failing is an argument that can't be told.
type failing struct{}

// Value implements driver.Valuer.
func (failing) Value() (driver.Value, error) { return nil, errors.New("no value") }
