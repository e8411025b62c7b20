package plugin_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// late is a store whose fills wait until they are let go, and that says when they have landed.
type late struct {
	store.Store
	began, landed chan struct{}
	goOn          chan struct{}
}

func (l *late) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	l.began <- struct{}{}
	select {
	case <-l.goOn:
	case <-ctx.Done():
	}
	defer func() { l.landed <- struct{}{} }()
	return l.Store.Set(context.WithoutCancel(ctx), key, value, ttl) // as one does whose call had been sent
}

// A fill that a read has left behind lands after a commit, and after Close:
//
//	reader:  miss … load ── set …………………………………… lands
//	writer:                      commit
//
// Falls if: it lands under tokens that were seen after the load, or Close does not wait for it.
func TestAFillThatLandsLate(t *testing.T) {
	d := newDatabase(t, "sqlite")
	s := &late{Store: newStore(t, "memory"), began: make(chan struct{}, 100), landed: make(chan struct{}, 100), goOn: make(chan struct{})}
	db := d.Open(t)
	p := use(t, db, s, func(c *gormcache.Config) { c.ReadTimeout, c.WriteTimeout = 5*time.Millisecond, 20*time.Second })
	reading(t, db, "users", direct(t, d.plain, "users"), miss)
	<-s.began
	must(t, db.Exec("UPDATE users SET name = 'later' WHERE id = 1").Error)
	close(s.goOn)
	<-s.landed
	reading(t, db, "users", direct(t, d.plain, "users"), miss)
	<-s.began
	<-s.landed
	reading(t, db, "users", direct(t, d.plain, "users"), hit)

	s.goOn = make(chan struct{})
	reading(t, db, "islands", direct(t, d.plain, "islands"), miss)
	<-s.began
	must(t, p.Close()) // which ends its context
	select {
	case <-s.landed:
	default:
		t.Error("Close has left a fill behind")
	}
	must(t, d.plain.Exec("UPDATE islands SET name = 'afterwards' WHERE id = 1").Error)
	reading(t, db, "islands", direct(t, d.plain, "islands"), bypass)
}

// Readers, writers, refreshes and values, of the store that the plugin made, go on while it is closed.
//
// Falls if: anything fails, or is older than what was committed before it began.
func TestCloseUnderWay(t *testing.T) {
	for range 5 {
		d := newDatabase(t, "sqlite")
		db := d.Open(t)
		p := use(t, db, nil, func(c *gormcache.Config) {
			c.Regions["default"] = region.Config{TTL: 5 * time.Millisecond, StaleWhileRevalidate: time.Hour}
		})
		r, err := p.Region("default")
		must(t, err)
		var wg sync.WaitGroup
		closed, ctx := make(chan struct{}), t.Context()
		var age int // of user 1, as it was committed last
		var mu sync.RWMutex
		loop := func(do func() error) {
			wg.Go(func() {
				for after := 0; after < 20; {
					select {
					case <-closed:
						after++
					default:
					}
					if err := do(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		loop(func() error {
			mu.Lock()
			defer mu.Unlock()
			age++
			return db.Model(&User{ID: 1}).Update("age", age).Error
		})
		for range 3 {
			loop(func() error {
				mu.RLock()
				defer mu.RUnlock()
				var u User
				err := db.Clauses(fromcache.Region("second")).First(&u, 1).Error
				if err == nil && age > 0 && u.Age != age {
					t.Errorf("age %d, want %d", u.Age, age)
				}
				return err
			})
			loop(func() error {
				var us []User
				return db.Clauses(fromcache.Region("default")).Preload("Orders").Find(&us, []int{1, 2, 3}).Error
			})
			loop(func() error {
				_, err := region.GetOrCreate(ctx, r, "k", func(context.Context) (int, error) { return 1, nil })
				return err
			})
			loop(func() error {
				rows, err := db.Clauses(fromcache.Region("default")).Model(&User{}).Rows()
				if err != nil {
					return err
				}
				for rows.Next() {
				}
				return rows.Close()
			})
		}
		time.AfterFunc(30*time.Millisecond, func() { defer close(closed); must(t, p.Close()) })
		wg.Wait()
	}
}
