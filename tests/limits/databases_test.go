package limits_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

// balancer is a proxy that sends what reads the things to a replica, behind the application's back.
type balancer struct {
	*sql.DB
	replica *sql.DB
}

func (b *balancer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.HasPrefix(query, "SELECT") && strings.Contains(query, "`things`") {
		return b.replica.QueryContext(ctx, query, args...)
	}
	return b.DB.QueryContext(ctx, query, args...)
}

func (b *balancer) GetDBConn() (*sql.DB, error) { return b.DB, nil }

func TestLimitReplicasThatLag(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	lagging := servers.SQLite(t).Open(t)
	fill(t, lagging)
	balanced := func(change ...func(*gormcache.Config)) *gorm.DB {
		db := servers.Open(t, s.On(&balancer{pool(t, s.Open(t)), pool(t, lagging)}))
		s.use(t, db, change...)
		return db
	}
	db := balanced()
	warm(t, db)
	must(t, rename(db, "new"))
	warm(t, db) // the replica knows nothing of it yet, and its answer is stored
	must(t, rename(lagging, "new"))
	stale(t, s, db, byHand(t, db))

	// Where the lag is declared, what is loaded within it is not stored.
	const lag = 20 * time.Second // longer than the rest of this test takes on a busy machine
	patient := balanced(func(c *gormcache.Config) { c.ReplicaLag = lag })
	must(t, rename(patient, "newer"))
	expect(t, "a read while the replica lags", name(t, patient), "new")
	must(t, rename(lagging, "newer"))
	expect(t, "a read when it does no more", name(t, patient), "newer")
}

// one keeps a handle to one connection, which the test then changes behind the plugin's back.
func one(t *testing.T, db *gorm.DB, statements ...string) {
	t.Helper()
	p := pool(t, db)
	p.SetMaxOpenConns(1)
	for _, s := range statements {
		_, err := p.ExecContext(t.Context(), s)
		must(t, err)
	}
}

func TestLimitReadUncommitted(t *testing.T) {
	t.Parallel()
	s := newScene(t, "mariadb")
	db, writer := s.process(t), s.process(t)
	one(t, db)
	warm(t, db)
	one(t, db, "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
	tx := writer.Begin()
	must(t, tx.Error)
	must(t, rename(tx, "never"))
	must(t, invalidate.Tables(t.Context(), db, "things")) // else the entry of before is served
	expect(t, "a read of what is not committed", name(t, db), "never")
	must(t, tx.Rollback().Error)
	expect(t, "a read after ROLLBACK", name(t, db), "never")
	one(t, db, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
	must(t, invalidate.Tables(t.Context(), db, "things"))
	expect(t, "a read at another level", name(t, db), "old")
}

func TestLimitAutocommitOff(t *testing.T) {
	t.Parallel()
	s := newScene(t, "mariadb")
	db, writer := s.process(t), s.process(t)
	one(t, db)
	warm(t, db)
	one(t, db, "SET autocommit = 0", "SELECT * FROM others") // the snapshot is taken
	must(t, rename(writer, "new"))
	expect(t, "a read from the session's snapshot", name(t, db), "old")
	expect(t, "a read of another process", name(t, writer), "old")
	one(t, db, "COMMIT", "SET autocommit = 1")
	must(t, invalidate.Tables(t.Context(), db, "things"))
	expect(t, "a read with autocommit", name(t, db), "new")
}

// What is asked for: newer than the snapshot, and not repeatable.
func TestLimitInTransaction(t *testing.T) {
	t.Parallel()
	s := newScene(t, "postgres")
	db, writer := s.process(t), s.process(t)
	warm(t, db)
	must(t, db.Transaction(func(tx *gorm.DB) error {
		var th Thing
		must(t, tx.First(&th, 1).Error) // the snapshot is taken
		must(t, rename(writer, "new"))
		expect(t, "a read outside", name(t, writer), "new")
		expect(t, "a read in the transaction", name(t, tx), "old")
		expect(t, "a read in the transaction that may be a hit", name(t, tx, fromcache.InTransaction()), "new")
		return nil
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead}))
}

// Two sessions send the same SQL and mean different tables.
func TestLimitSessionState(t *testing.T) {
	t.Parallel()
	s := newScene(t, "postgres")
	mine, theirs := s.process(t), s.process(t)
	warm(t, mine)
	warm(t, theirs)
	one(t, theirs, "CREATE SCHEMA theirs", "CREATE TABLE theirs.things (id bigint, name text)",
		"INSERT INTO theirs.things VALUES (1, 'theirs')", "SET search_path = theirs")
	expect(t, "a read of the other session", name(t, theirs), "old")
	expect(t, "its read with a key of its own", name(t, theirs, fromcache.Key("theirs")), "theirs")
}

// A declaration is believed, though the function that the view calls reads another table.
func TestLimitFunctions(t *testing.T) {
	t.Parallel()
	t.Run("declared wrongly", functionsDeclaredWrongly)
	t.Run("the day of a time", dayOfATime)
	t.Run("a Valuer that changes", changingValuer)
}

// byTurns is a Valuer that gives its values by turns.
type byTurns struct {
	n      int
	values []string
}

func (v *byTurns) Value() (driver.Value, error) {
	v.n++
	return v.values[(v.n-1)%len(v.values)], nil
}

// changingValuer: pgx asks for itself, after the key has been made.
func changingValuer(t *testing.T) {
	s := newScene(t, "postgres")
	db := s.process(t)
	count := func(arg any) string {
		t.Helper()
		var n int64
		must(t, db.Clauses(fromcache.Region(long)).Model(&Thing{}).Where("name = ?", arg).Count(&n).Error)
		return fmt.Sprint(n)
	}
	count("old to read the catalog")
	wrong, right := &byTurns{values: []string{"old", "none"}}, &byTurns{values: []string{"old", "none"}}
	expect(t, "a read whose key says old", count(wrong), "0")
	expect(t, "a read of old", count("old"), "0")
	v, err := right.Value() // ask it yourself, and give the query what it gave
	must(t, err)
	must(t, invalidate.All(t.Context(), db))
	expect(t, "a read of what it gave", count(v), "1")
	expect(t, "the same again", count("old"), "1")
}

func functionsDeclaredWrongly(t *testing.T) {
	s := newScene(t, "postgres")
	for _, ddl := range []string{
		"CREATE FUNCTION other() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT name FROM others); END $$",
		"CREATE VIEW told AS SELECT id, other() AS name FROM things",
	} {
		must(t, s.plain.Exec(ddl).Error)
	}
	told := func(db *gorm.DB) (name string) {
		t.Helper()
		must(t, db.Clauses(fromcache.Region(long)).Table("told").Pluck("name", &name).Error)
		return name
	}
	declared := func(tables ...string) *gorm.DB {
		return s.process(t, func(c *gormcache.Config) {
			c.Views, c.Namespace = map[string][]string{"told": tables}, "declared-"+strings.Join(tables, "-")
		})
	}
	silent, wrong, right := s.process(t), declared("things"), declared("things", "others")
	for i, db := range []*gorm.DB{silent, wrong, right} {
		for range 2 {
			told(db)
		}
		must(t, db.Exec("UPDATE others SET name = ?", string(rune('a'+i))).Error)
	}
	expect(t, "a read without a declaration", told(silent), "c")
	expect(t, "a read with a wrong one", told(wrong), "a")
	expect(t, "a read with a right one", told(right), "c")
}

// dayOfATime: MySQL makes a DATETIME of a TIME by adding the day on which it is asked.
func dayOfATime(t *testing.T) {
	s := newScene(t, "mariadb")
	must(t, s.plain.Exec("ALTER TABLE things ADD opens TIME NOT NULL DEFAULT '10:00:00'").Error)
	on := func(day string) *gorm.DB { // a process whose server's clock says so
		d := *s.Database
		d.DSN += "&timestamp=" + day
		db := d.Open(t)
		s.use(t, db)
		return db
	}
	opens := func(db *gorm.DB, opts ...fromcache.Option) (at string) {
		t.Helper()
		must(t, db.Clauses(fromcache.Region(long, opts...)).Model(&Thing{}).Select("cast(timestamp(opens) AS char)").Scan(&at).Error)
		return at
	}
	first, second := on("978307200"), on("978393600")
	expect(t, "the first day", opens(first), "2001-01-01 10:00:00")
	expect(t, "the second day", opens(second), "2001-01-01 10:00:00")
	expect(t, "the second day, by a key", opens(second, fromcache.Key("2001-01-02")), "2001-01-02 10:00:00")
}

func TestLimitGetOrCreateInTransaction(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	db := s.Open(t)
	p := s.use(t, db)
	r, err := p.Region(long)
	must(t, err)
	value := func(on *gorm.DB) string {
		v, err := region.GetOrCreate(t.Context(), r, "the thing", func(context.Context) (string, error) {
			var th Thing
			err := on.First(&th, 1).Error
			return th.Name, err
		}, region.WithTables("things"))
		must(t, err)
		return v
	}
	expect(t, "the first value", value(db), "old") // so that the schema is known
	must(t, invalidate.Tables(t.Context(), db, "things"))
	tx := db.Begin()
	must(t, tx.Error)
	must(t, rename(tx, "never"))
	expect(t, "a value in the transaction", value(tx), "never")
	must(t, tx.Rollback().Error)
	expect(t, "the value after ROLLBACK", value(db), "never")
	must(t, rename(db, "new"))
	expect(t, "the value after a commit to its table", value(db), "new")
}

// StaleTouched is asked for: while the database is down, what a commit has dropped is served, and said to be old.
func TestLimitStaleTouched(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	var down atomic.Bool
	db := s.OpenTapped(t, &tap.Tap{Rewrite: func(query string) string {
		if down.Load() && strings.HasPrefix(query, "SELECT") {
			return "SELECT * FROM nowhere"
		}
		return query
	}})
	s.use(t, db, func(c *gormcache.Config) {
		c.Regions = map[string]region.Config{long: {TTL: time.Hour, StaleIfError: time.Hour, StaleTouched: true}}
	})
	read := func() (string, observe.Outcome) {
		var th Thing
		tx := db.Clauses(fromcache.Region(long)).First(&th, 1)
		must(t, tx.Error)
		outcome, _ := fromcache.OutcomeOf(tx)
		return th.Name, outcome
	}
	for range 2 {
		read()
	}
	must(t, rename(db, "new"))
	down.Store(true)
	name, outcome := read()
	expect(t, "while the database is down", name, "old")
	expect(t, "and it is told as", outcome.String(), "stale")
	down.Store(false)
	name, _ = read()
	expect(t, "when the database is back", name, "new")
}
