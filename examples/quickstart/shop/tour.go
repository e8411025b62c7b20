package shop

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// tour runs the queries over and over and checks each outcome.
type tour struct {
	a, b  *instance // b is nil where the store is inside the process
	out   *page
	wrong int // expectations that failed
}

// again is how often each query is asked to take its time.
const again = 20

// errUndo makes a transaction roll back.
var errUndo = errors.New("undo")

func (t *tour) run(ctx context.Context) error {
	if err := t.warm(ctx, t.a); err != nil {
		return err
	}
	steps := []func(context.Context) error{t.times, t.writes, t.other, t.races}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return t.sum()
}

// warm asks for something else: the first cached query of a process also reads the database's catalog.
func (t *tour) warm(ctx context.Context, in *instance) error {
	_, err := companiesOfOslo(ctx, in.db, fromcache.Region("shop", fromcache.Key("warm up")))
	return err
}

// times asks each query once to load it, and again from the cache and from the database.
func (t *tour) times(ctx context.Context) error {
	const line = "  %-27s %12s %12s %9s\n"
	t.out.heading(fmt.Sprintf("Each query is loaded once, and then asked %d times, with no SQL at all:", again))
	t.out.printf(line, "QUERY", "DATABASE", "CACHE", "FASTER")
	for _, q := range queries {
		if _, err := t.ask(ctx, t.a, t.a.db, q, observe.Miss); err != nil {
			return err
		}
		if err := t.compare(ctx, t.a, q, observe.Hit); err != nil {
			return err
		}
		hit, err := median(func() error { _, err := t.ask(ctx, t.a, t.a.db, q, observe.Hit); return err })
		if err != nil {
			return err
		}
		plain, err := median(func() error { _, err := q.run(ctx, t.a.plain); return err })
		if err != nil {
			return err
		}
		t.out.printf(line, q.name, short(plain), short(hit), fmt.Sprintf("%.1f x", float64(plain)/float64(hit)))
	}
	return nil
}

// median is how long fn takes, as a rule.
func median(fn func() error) (time.Duration, error) {
	took := make([]time.Duration, again)
	for i := range took {
		start := time.Now()
		if err := fn(); err != nil {
			return 0, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[again/2], nil
}

// writes shows what a commit drops, and what a rollback does not.
func (t *tour) writes(ctx context.Context) error {
	t.out.heading("What is loaded again, when all five are asked after")
	db := t.a.db.WithContext(ctx)
	err := db.Create(&Order{UserID: asker, Item: "globe", Cents: 4200}).Error
	if err := errors.Join(err, t.all(ctx, t.a, "an order of user 42", "orders")); err != nil {
		return err
	}
	err = db.Model(&Company{}).Where("id = ?", 1).Update("name", "Fjord Books").Error
	if err := errors.Join(err, t.all(ctx, t.a, "a new name for a company", "companies")); err != nil {
		return err
	}
	err = db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&User{}).Where("1 = 1").Update("age", 99).Error; err != nil {
			return err
		}
		got, err := t.ask(ctx, t.a, tx, query{"user 42 in a transaction", nil, oneUser}, observe.Bypass)
		if err != nil {
			return err
		}
		if user := got.(User); user.Age != 99 {
			t.fault("inside the transaction the user's age is %d, not the 99 it has just written", user.Age)
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		return fmt.Errorf("the transaction ended with %w, want its own error", err)
	}
	return t.all(ctx, t.a, "a change of all users, rolled back")
}

// other shows that a second process shares the first one's answers and sees its writes.
func (t *tour) other(ctx context.Context) error {
	if t.b == nil {
		return nil
	}
	if err := t.warm(ctx, t.b); err != nil {
		return err
	}
	t.out.heading("Instance B, another plugin on the same Redis, loads")
	if err := t.all(ctx, t.b, "what A has asked already"); err != nil {
		return err
	}
	err := t.a.db.WithContext(ctx).Model(&Company{}).Where("city = ?", "Oslo").Update("city", "Bergen").Error
	return errors.Join(err, t.all(ctx, t.b, "what A changes: companies of Oslo", "companies"))
}

// races puts a cache written by hand beside the plugin, under the same schedules.
func (t *tour) races(ctx context.Context) error {
	const line = "  %-65s %-8s %s\n"
	t.out.heading("A cache-aside (get, or load and set; delete after a write) under the same schedules, read afterwards:")
	t.out.printf(line, "SCHEDULE", "BY HAND", "GORMCACHE")
	word := map[bool]string{true: "STALE", false: "fresh"}
	plain := t.a.plain.WithContext(ctx)
	for _, rc := range races {
		hand, err := rc.verdict(byHand{aside: aside{}, plain: plain, sql: &t.a.plainSQL}, plain)
		if err != nil {
			return err
		}
		// The plain handle has written behind the plugin's back.
		if err := invalidate.Tables(ctx, t.a.db, "users"); err != nil {
			return err
		}
		ours, err := rc.verdict(byPlugin{cached: t.a.db.WithContext(ctx), sql: &t.a.sql}, plain)
		if err != nil {
			return err
		}
		t.out.printf(line, rc.name, word[hand], word[ours])
		if ours || hand != rc.stale {
			t.fault("want %s and fresh", word[rc.stale])
		}
	}
	return nil
}

// all asks every query, and says which were loaded: those that read one of the written tables, and no others.
func (t *tour) all(ctx context.Context, in *instance, after string, written ...string) error {
	loaded := []string{}
	for _, q := range queries {
		want := observe.Hit
		if slices.ContainsFunc(q.tables, func(table string) bool { return slices.Contains(written, table) }) {
			want = observe.Miss
			loaded = append(loaded, q.name)
		}
		if err := t.compare(ctx, in, q, want); err != nil {
			return err
		}
	}
	if len(loaded) == 0 {
		loaded = append(loaded, "nothing")
	}
	t.out.printf("  %-35s %s\n", after, strings.Join(loaded, ", "))
	return nil
}

// compare asks one query through the cache, and the database for the same.
func (t *tour) compare(ctx context.Context, in *instance, q query, want observe.Outcome) error {
	got, err := t.ask(ctx, in, in.db, q, want)
	if err != nil {
		return err
	}
	plain, err := q.run(ctx, in.plain)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(got, plain) {
		t.fault("%s: the cached answer is not the database's", q.name)
	}
	return nil
}

// ask runs one query through the cache, and checks its outcome and the number of SQL statements.
func (t *tour) ask(ctx context.Context, in *instance, db *gorm.DB, q query, want observe.Outcome) (any, error) {
	in.last.Store(nil)
	before := in.sql.statements.Load()
	got, err := q.run(ctx, db, fromcache.Region("shop"))
	statements := in.sql.statements.Load() - before
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.name, err)
	}
	read := in.last.Load()
	if read == nil {
		return nil, fmt.Errorf("%s: the cache was not asked", q.name)
	}
	wantSQL := int64(1)
	if want == observe.Hit {
		wantSQL = 0
	}
	if read.Outcome != want || statements != wantSQL {
		t.fault("%s: %v (%s %s) with %d SQL statements, want %v with %d", q.name, read.Outcome, read.Reason, read.Detail, statements, want, wantSQL)
	}
	return got, nil
}

func (t *tour) fault(format string, args ...any) {
	t.wrong++
	t.out.printf("  ^ WRONG: "+format+"\n", args...)
}

// sum prints the plugin's own count, and reports whether all was as expected.
func (t *tour) sum() error {
	s := t.a.plugin.Stats()
	t.out.heading(fmt.Sprintf("%d hits, %d misses, %d bypassed: of %d queries %d sent no SQL.", s.Hits, s.Misses, s.Bypasses,
		s.Hits+s.Misses+s.Bypasses, s.Hits))
	if t.wrong > 0 {
		return fmt.Errorf("%d expectations failed: see the lines marked WRONG", t.wrong)
	}
	t.out.printf("Every answer was compared with the database's: all equal.\n")
	return nil
}
