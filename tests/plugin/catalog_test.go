package plugin_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

// columnsOf is found in one of the questions that a look at the catalog asks, and in nothing else.
var columnsOf = map[string]string{
	"sqlite": "pragma_table_xinfo", "postgres": "pg_catalog.pg_attribute a", "mariadb": "FROM information_schema.columns",
}

// few is more looks than it takes on a quiet machine, which is two. Where a look takes longer than the others wait for
// it, one of these looks as well.
const few = 10

// looks counts how often a process looks at the catalog.
type looks struct {
	tap   tap.Tap
	count atomic.Int64
	// before, if it holds a function, is called before a look asks for the columns.
	before atomic.Pointer[func()]
}

func newLooks(kind string) *looks {
	l := &looks{}
	l.tap.Rewrite = func(query string) string {
		if strings.Contains(query, columnsOf[kind]) {
			l.count.Add(1)
			if f := l.before.Load(); f != nil {
				(*f)()
			}
		}
		return query
	}
	return l
}

// crowd is a process that many goroutines write in.
type crowd struct {
	*database
	*looks
	db    *gorm.DB
	store *redis.Client
	other *gorm.DB // another process
	made  atomic.Int64
}

func newCrowd(t testing.TB, kind string, rdb *servers.RedisServer, conns int, cfg gorm.Config) *crowd {
	t.Helper()
	c := &crowd{database: newDatabase(t, kind), looks: newLooks(kind), store: rdb.Client(t)}
	c.db, c.other = c.OpenTapped(t, &c.tap, &cfg), c.Open(t)
	pool, err := c.db.DB()
	must(t, err)
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	must(t, c.store.FlushAll(t.Context()).Err()) // other tests have the same namespace
	for _, db := range []*gorm.DB{c.db, c.other} {
		use(t, db, redisstore.New(c.store))
	}
	return c
}

// all runs fn so many times at once, and returns how often the catalog was looked at meanwhile.
func (c *crowd) all(t testing.TB, n int, fn func() error) int64 {
	t.Helper()
	before := c.count.Load()
	errs := make(chan error, n)
	for range n {
		go func() { errs <- fn() }()
	}
	timeout := time.After(time.Minute)
	for range n {
		select {
		case err := <-errs:
			if err != nil {
				t.Error(err)
			}
		case <-timeout:
			t.Fatal("writers stand still")
		}
	}
	return c.count.Load() - before
}

// user is one that nobody has made yet.
func (c *crowd) user() *User { return &User{ID: uint(1000 + c.made.Add(1)), Name: "crowd"} }

// Fifty goroutines make their first INSERT at once: after the start, after the store was emptied, and after DDL in
// another process. Few of them look at the catalog, the others go by what these have seen.
//
// Falls if: each writer looks for itself.
func TestFewLookAtTheCatalog(t *testing.T) {
	const writers = 50
	rdb := servers.Redis(t)
	create := func(c *crowd) error { return c.db.Create(c.user()).Error }
	for name, shape := range map[string]struct {
		cfg    gorm.Config
		insert func(c *crowd) error
	}{
		"default": {gorm.Config{}, create},
		"explicit": {gorm.Config{}, func(c *crowd) error {
			return c.db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Find(&[]User{}).Error; err != nil {
					return err
				}
				return tx.Create(c.user()).Error
			})
		}},
		"autocommit": {gorm.Config{SkipDefaultTransaction: true}, create},
		"prepared":   {gorm.Config{PrepareStmt: true}, create},
	} {
		for _, kind := range servers.Kinds {
			for _, conns := range []int{1, 5, 50} {
				if kind == "sqlite" && name == "explicit" && conns > 1 {
					continue // it reads before it writes, which SQLite refuses where others write
				}
				t.Run(fmt.Sprintf("%s, %s, %d connections", kind, name, conns), func(t *testing.T) {
					c := newCrowd(t, kind, rdb, conns, shape.cfg)
					for _, event := range []struct {
						name  string
						cause func() error
					}{
						{"start", func() error { return nil }},
						{"flush", func() error { return c.store.FlushAll(t.Context()).Err() }},
						{"DDL", func() error { return c.other.Exec("CREATE TABLE made_elsewhere (id INT)").Error }},
					} {
						must(t, event.cause())
						began := time.Now()
						n := c.all(t, writers, func() error { return shape.insert(c) })
						t.Logf("%s: %d looks, %v", event.name, n, time.Since(began))
						if n == 0 || n > few {
							t.Errorf("after %s %d looks at the catalog", event.name, n)
						}
					}
				})
			}
		}
	}
}

// All connections are held by transactions that have written when another process runs DDL. Each of them needs the
// catalog before its COMMIT, and there is no connection left to ask.
//
// Falls if: each looks for itself, or who looks waits for a connection.
func TestTransactionsUnderWayShareALook(t *testing.T) {
	const writers = 20
	rdb := servers.Redis(t)
	for _, kind := range []string{"postgres", "mariadb"} {
		t.Run(kind, func(t *testing.T) {
			c := newCrowd(t, kind, rdb, writers, gorm.Config{})
			must(t, c.db.Create(c.user()).Error)
			must(t, c.db.Create(c.user()).Error)
			var written sync.WaitGroup
			written.Add(writers)
			changed := make(chan struct{})
			go func() {
				defer close(changed)
				written.Wait()
				must(t, c.other.Exec("CREATE TABLE made_elsewhere (id INT)").Error)
			}()
			n := c.all(t, writers, func() error {
				return c.db.Transaction(func(tx *gorm.DB) error {
					err := tx.Create(c.user()).Error
					written.Done()
					<-changed
					return err
				})
			})
			if n == 0 || n > few {
				t.Errorf("%d looks at the catalog by %d transactions", n, writers)
			}
		})
	}
}

// A connection stands still while the catalog is read on it. Others wait for that reading, and go on without it.
//
// Falls if: they wait for its end.
func TestAReadingOfTheCatalogThatStandsStill(t *testing.T) {
	rdb := servers.Redis(t)
	for _, kind := range servers.Kinds {
		for name, cfg := range map[string]gorm.Config{"default": {}, "autocommit": {SkipDefaultTransaction: true}} {
			t.Run(kind+", "+name, func(t *testing.T) {
				c := newCrowd(t, kind, rdb, 10, cfg)
				reading, free := make(chan struct{}), make(chan struct{})
				var hung atomic.Bool
				hang := func() {
					if hung.CompareAndSwap(false, true) {
						close(reading)
						<-free
					}
				}
				c.before.Store(&hang)
				stuck := make(chan error, 1)
				go func() { stuck <- c.db.Create(c.user()).Error }()
				<-reading
				began := time.Now()
				n := c.all(t, 30, func() error { return c.db.Create(c.user()).Error })
				t.Logf("%d looks, %v", n, time.Since(began))
				if n > few {
					t.Errorf("%d looks at the catalog beside the one that stands still", n)
				}
				select {
				case err := <-stuck:
					t.Errorf("the first one goes on by itself: %v", err)
				default:
				}
				close(free)
				must(t, <-stuck)
				got, _ := cached(t, c.db, "users")
				same(t, "users", got, direct(t, c.plain, "users"))
			})
		}
	}
}

// Callers whose time is up while they read the catalog leave it to others, who are not told of that as an error.
func TestAReadingOfTheCatalogWithoutTime(t *testing.T) {
	rdb := servers.Redis(t)
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			c := newCrowd(t, kind, rdb, 10, gorm.Config{})
			ctx, cancel := context.WithCancel(t.Context())
			hurry := func() { cancel() }
			c.before.Store(&hurry)
			if _, _, err := tryCached(ctx, c.db, "users"); err == nil {
				t.Error("a caller whose time is up has read")
			}
			c.before.Store(nil)
			before := c.count.Load()
			reading(t, c.db, "users", direct(t, c.plain, "users"), miss)
			if n := c.count.Load() - before; n == 0 || n > 2 {
				t.Errorf("the next one looks at the catalog %d times", n)
			}
		})
	}
}

// A transaction that sees the database as it was does not see a trigger that another process has made since then, and
// that fires all the same.
//
//	writer: BEGIN, SELECT                                  UPDATE users, fires the trigger, COMMIT
//	other:                 CREATE TRIGGER, fills islands                                           must not hit
//
// Falls if: the transaction asks for the catalog on its own connection, and goes by the answer. So it asks on another
// one. Where there is none everything is dropped.
func TestATriggerThatATransactionCantSee(t *testing.T) {
	repeatable := &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
	for name, begin := range map[string]func(t *testing.T, db *gorm.DB) *gorm.DB{
		"option": func(_ *testing.T, db *gorm.DB) *gorm.DB { return db.Begin(repeatable) },
		"text": func(_ *testing.T, db *gorm.DB) *gorm.DB {
			tx := db.Begin()
			_ = tx.AddError(tx.Exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").Error)
			return tx
		},
		"foreign": func(t *testing.T, db *gorm.DB) *gorm.DB {
			pool, err := db.DB()
			must(t, err)
			tx, err := pool.BeginTx(t.Context(), repeatable)
			must(t, err)
			db = db.Session(&gorm.Session{Context: t.Context()})
			db.Statement.ConnPool = tx
			return db
		},
	} {
		for _, conns := range []int{1, 5} {
			t.Run(fmt.Sprintf("%s, %d connections", name, conns), func(t *testing.T) {
				s := newScene(t, "postgres", "redis", briefGrace)
				pool, err := s.writer.db.DB()
				must(t, err)
				pool.SetMaxOpenConns(conns)
				must(t, rename(s.writer.db, 1, "before"))
				tx := begin(t, s.writer.db)
				must(t, tx.Error)
				must(t, tx.Find(&[]Order{}).Error)
				must(t, s.other.db.Exec("CREATE FUNCTION late() RETURNS trigger AS $$ BEGIN UPDATE islands SET name = NEW.name; RETURN NULL; END $$ LANGUAGE plpgsql").Error)
				must(t, s.other.db.Exec("CREATE TRIGGER late AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION late()").Error)
				warm(t, s.other.db, "islands")
				tags := warm(t, s.other.db, "tags")
				must(t, rename(tx, 1, "after"))
				must(t, tx.Statement.ConnPool.(gorm.TxCommitter).Commit())
				got, _ := cached(t, s.other.db, "islands")
				same(t, "islands", got, direct(t, s.plain, "islands"))
				if conns > 1 {
					reading(t, s.other.db, "tags", tags, hit)
				}
			})
		}
	}
}
