package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// tour runs the queries over and over and checks each outcome.
type tour struct {
	instances []*instance
	out       *table
	wrong     int // expectations that failed
}

// errUndo makes a transaction roll back.
var errUndo = errors.New("undo")

func (t *tour) run(ctx context.Context) error {
	a := t.instances[0]
	// The first cached query of a process also reads the database's catalog. Not part of the show.
	if _, err := companiesOfOslo(ctx, a.db, fromcache.Region("shop", fromcache.Key("warm up"))); err != nil {
		return err
	}
	steps := []func(context.Context, *instance) error{t.twice, t.write, t.rollback, t.inside}
	for _, step := range steps {
		if err := step(ctx, a); err != nil {
			return err
		}
	}
	if len(t.instances) > 1 {
		if err := t.other(ctx, a, t.instances[1]); err != nil {
			return err
		}
	}
	return t.sum(a)
}

// twice asks everything two times.
func (t *tour) twice(ctx context.Context, a *instance) error {
	t.out.heading("The first time, everything is loaded from the database:")
	t.out.columns()
	if err := t.all(ctx, a, everyTable...); err != nil {
		return err
	}
	t.out.heading("The second time, no SQL at all:")
	return t.all(ctx, a)
}

// write changes one table: what reads it is loaded again, all else is not.
func (t *tour) write(ctx context.Context, a *instance) error {
	t.out.heading("User 42 orders a globe. What reads orders is loaded again, and nothing else:")
	if err := a.db.WithContext(ctx).Create(&Order{UserID: asker, Item: "globe", Cents: 4200}).Error; err != nil {
		return err
	}
	return t.all(ctx, a, "orders")
}

// rollback changes nothing.
func (t *tour) rollback(ctx context.Context, a *instance) error {
	t.out.heading("A transaction changes every user, then rolls back. Nothing is loaded again:")
	err := a.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&User{}).Where("1 = 1").Update("age", 99).Error; err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		return fmt.Errorf("the transaction ended with %w, want its own error", err)
	}
	return t.all(ctx, a)
}

// inside reads its own writes.
func (t *tour) inside(ctx context.Context, a *instance) error {
	t.out.heading("Inside a transaction the database answers, so a transaction sees its own writes:")
	return a.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&User{}).Where("id = ?", asker).Update("age", 61).Error; err != nil {
			return err
		}
		got, err := t.ask(ctx, a, tx, query{"one user by primary key", nil, oneUser}, observe.Bypass)
		if err != nil {
			return err
		}
		if user := got.(User); user.Age != 61 {
			t.fault("inside the transaction the user's age is %d, not the 61 it has just written", user.Age)
		}
		return nil
	})
}

// other shows that a second process sees the first one's writes.
func (t *tour) other(ctx context.Context, a, b *instance) error {
	if _, err := companiesOfOslo(ctx, b.db, fromcache.Region("shop", fromcache.Key("warm up"))); err != nil {
		return err
	}
	t.out.heading("Instance A reads all, after its commit above:")
	if err := t.all(ctx, a, "users"); err != nil {
		return err
	}
	t.out.heading("Instance B, another plugin on the same Redis, has never asked the database:")
	if err := t.all(ctx, b); err != nil {
		return err
	}
	t.out.heading("A renames a company. B's very next reads show it:")
	if err := a.db.WithContext(ctx).Model(&Company{}).Where("city = ?", "Oslo").Update("name", "Fjord Books").Error; err != nil {
		return err
	}
	return t.all(ctx, b, "companies")
}

// everyTable makes every query a miss.
var everyTable = []string{"companies", "users", "orders"}

// all asks every query: a miss for those that read one of the written tables, a hit for the others.
func (t *tour) all(ctx context.Context, in *instance, written ...string) error {
	for _, q := range queries {
		want := observe.Hit
		if slices.ContainsFunc(q.tables, func(table string) bool { return slices.Contains(written, table) }) {
			want = observe.Miss
		}
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
	}
	return nil
}

// ask runs one query through the cache, and checks its outcome and the number of SQL statements.
func (t *tour) ask(ctx context.Context, in *instance, db *gorm.DB, q query, want observe.Outcome) (any, error) {
	in.last.Store(nil)
	before, start := in.sql.statements.Load(), time.Now()
	got, err := q.run(ctx, db, fromcache.Region("shop"))
	took, statements := time.Since(start), in.sql.statements.Load()-before
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.name, err)
	}
	read := in.last.Load()
	if read == nil {
		return nil, fmt.Errorf("%s: the cache was not asked", q.name)
	}
	outcome := read.Outcome.String()
	if read.Reason != "" {
		outcome += " (" + string(read.Reason) + ")"
	}
	t.out.row(q.name, outcome, statements, took)
	wantSQL := int64(1)
	if want == observe.Hit {
		wantSQL = 0
	}
	if read.Outcome != want || statements != wantSQL {
		t.fault("%s with %d SQL statements, want %s with %d %s", outcome, statements, want, wantSQL, read.Detail)
	}
	return got, nil
}

func (t *tour) fault(format string, args ...any) {
	t.wrong++
	t.out.printf("  ^ WRONG: "+format+"\n", args...)
}

// sum prints the plugin's own count, and says whether all was as expected.
func (t *tour) sum(a *instance) error {
	s := a.plugin.Stats()
	t.out.heading(fmt.Sprintf("Instance A: %d hits, %d misses, %d bypassed.", s.Hits, s.Misses, s.Bypasses))
	if t.wrong > 0 {
		return fmt.Errorf("%d expectations failed: see the lines marked WRONG", t.wrong)
	}
	t.out.printf("Every answer was compared with the database's: all equal.\n")
	return nil
}
