package policy_test

import (
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
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
	db       *gorm.DB
	bare     *gorm.DB
	plugin   *gormcache.Plugin
	store    store.Store
	outcomes lab.Outcomes
}

var must = lab.Must

func newWorld(t *testing.T, kind string, change ...func(*gormcache.Config)) *world {
	t.Helper()
	w := &world{store: lab.Store(t, "memory")}
	c := lab.New(t, kind, gormcache.Config{
		Store: w.store, Namespace: "policy", Hooks: w.outcomes.Hooks(),
		Regions: map[string]region.Config{"default": {TTL: time.Hour}, "second": {TTL: time.Hour}},
	}, seed)
	w.bare = c.Plain
	w.db, w.plugin = c.Process(t, change...)
	return w
}

func seed(db *gorm.DB) error {
	one := uint(1)
	return errors.Join(
		db.AutoMigrate(models...),
		db.Create(&Company{Name: "ACME"}).Error,
		db.Create([]*User{
			{Name: "ada", Age: 36, CompanyID: &one, Orders: []Order{{Total: 3, Items: []OrderItem{{Name: "tea"}}}, {Total: 4}}, Labels: []*Label{{Name: "new"}}},
			{Name: "bo", Age: 17},
		}).Error,
		db.Create(&Note{Text: "hello"}).Error,
		db.Create(&Secret{UserID: 1, Text: "hush"}).Error,
	)
}

// ended are the reads since the last call, as "region:outcome", with a reason if there is one.
func (w *world) ended() string {
	var all []string
	for _, r := range w.outcomes.Reads() {
		s := r.Region + ":" + r.Outcome.String()
		if r.Reason != "" {
			s += ":" + string(r.Reason)
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

func byPolicy(models map[string]fromcache.Policy) func(*gormcache.Config) {
	return func(c *gormcache.Config) { c.Models = models }
}

// failing is an argument that can't be told.
type failing struct{}

// Value implements driver.Valuer.
func (failing) Value() (driver.Value, error) { return nil, errors.New("no value") }
