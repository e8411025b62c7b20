package forms_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// stories are what can't be said by comparing.
var stories = []story{
	{name: "story/OnlyIfCached", run: onlyIfCached},
	{name: "story/Refresh", run: refresh},
	{name: "story/Key", run: keys},
	{name: "story/Tags", run: userTags},
	{name: "story/DryRun stores nothing", run: dryRun},
	{name: "story/cancelled context", run: cancelled},
	{name: "story/FirstOrCreate", run: firstOrCreate},
	{name: "story/FindInBatches sees one write", run: batches},
	{name: "story/one SQL, many destinations", run: manyDestinations},
	{name: "story/one SQL by both protocols", run: bothProtocols},
	{name: "story/a caller's changes stay its own", run: isolation},
	{name: "story/a caller's changes to the miss stay its own", run: isolationOfMiss},
	{name: "story/many readers, one statement", run: together},
}

// fresh empties the cache.
func fresh(t *testing.T, w *world) {
	t.Helper()
	if err := invalidate.Region(t.Context(), w.cached, regions...); err != nil {
		t.Fatal(err)
	}
	w.outcomes.Reads()
	w.SQL.take()
}

// users reads users as the story's usual query, and checks the outcome and that only a miss asks the
// database.
func (w *world) users(t *testing.T, want observe.Outcome, opts ...fromcache.Option) []User {
	t.Helper()
	var us []User
	w.outcomes.Reads()
	w.SQL.take()
	err := w.cached.WithContext(t.Context()).Clauses(fromcache.Region("default", opts...)).Where("age > ?", 22).Order("id").Find(&us).Error
	if err != nil {
		t.Fatal(err)
	}
	w.outcome(t, want)
	return us
}

// outcome checks the one read since the last take.
func (w *world) outcome(t *testing.T, want observe.Outcome) {
	t.Helper()
	reads, sqls := w.outcomes.Reads(), w.SQL.take()
	if len(reads) != 1 || reads[0].Outcome != want {
		t.Errorf("%s: reads %+v, want one %s", w, reads, want)
	}
	if asked := want != observe.Hit; asked != (len(sqls) > 0) {
		t.Errorf("%s: %s ran %q", w, want, sqls)
	}
}

func onlyIfCached(t *testing.T, w *world) {
	fresh(t, w)
	w.users(t, observe.Miss) // the first read of all looks at the database's catalog
	w.SQL.take()
	scope := fromcache.Region("default", fromcache.OnlyIfCached())
	reads := map[string]func(db *gorm.DB) error{
		"Find":  func(db *gorm.DB) error { return db.Find(&[]User{}, 1).Error },
		"Count": func(db *gorm.DB) error { return db.Model(&User{}).Count(new(int64)).Error },
		"Scan":  func(db *gorm.DB) error { return db.Table("users").Select("max(age)").Scan(new(int)).Error },
		"Row":   func(db *gorm.DB) error { return db.Table("users").Select("min(age)").Row().Scan(new(int)) },
		"Rows": func(db *gorm.DB) error {
			rows, err := db.Table("companies").Select("id").Rows()
			if err == nil {
				err = rows.Close()
			}
			return err
		},
	}
	for name, read := range reads {
		if err := read(w.cached.Clauses(scope)); !errors.Is(err, fromcache.ErrCacheMiss) {
			t.Errorf("%s, %s of nothing cached: %v, want ErrCacheMiss", w, name, err)
		}
		if sqls := w.SQL.take(); len(sqls) != 0 {
			t.Errorf("%s, %s of nothing cached ran %q", w, name, sqls)
		}
		if err := read(w.cached.Clauses(fromcache.Region("default"))); err != nil {
			t.Errorf("%s, %s: %v", w, name, err)
		}
		w.SQL.take()
		if err := read(w.cached.Clauses(scope)); err != nil {
			t.Errorf("%s, %s of what is cached: %v", w, name, err)
		}
		if sqls := w.SQL.take(); len(sqls) != 0 {
			t.Errorf("%s, %s of what is cached ran %q", w, name, sqls)
		}
	}
	// What would be bypassed is not cached either.
	err := w.cached.Clauses(scope).Where("created_at < CURRENT_TIMESTAMP").Find(&[]User{}).Error
	if !errors.Is(err, fromcache.ErrCacheMiss) || len(w.SQL.take()) != 0 {
		t.Errorf("%s, volatile query: %v, want ErrCacheMiss and no SQL", w, err)
	}
}

func refresh(t *testing.T, w *world) {
	fresh(t, w)
	before := w.users(t, observe.Miss)
	set := func(secret string) {
		if err := w.plain.Model(&User{}).Where("id = 3").UpdateColumn("secret", secret).Error; err != nil {
			t.Fatal(err)
		}
	}
	defer set(before[0].Secret)
	set("changed outside")
	if us := w.users(t, observe.Hit); us[0].Secret != before[0].Secret {
		t.Errorf("%s: the entry changed by itself: %q", w, us[0].Secret)
	}
	if us := w.users(t, observe.Miss, fromcache.Refresh()); us[0].Secret != "changed outside" {
		t.Errorf("%s: Refresh gave %q", w, us[0].Secret)
	}
	if us := w.users(t, observe.Hit); us[0].Secret != "changed outside" {
		t.Errorf("%s: after Refresh a hit gave %q", w, us[0].Secret)
	}
}

func keys(t *testing.T, w *world) {
	fresh(t, w)
	for _, key := range [][]any{{}, {1}, {2}, {"1"}, {1, 2}, {"12"}, {[]byte("1")}, {nil}, {true}, {1.0}, {noon}} {
		w.users(t, observe.Miss, fromcache.Key(key...))
	}
	w.users(t, observe.Hit, fromcache.Key(1))
	w.users(t, observe.Hit, fromcache.Key(1), fromcache.Key(2))
}

func userTags(t *testing.T, w *world) {
	fresh(t, w)
	mine := fromcache.Tags("mine")
	w.users(t, observe.Miss, mine)
	w.users(t, observe.Miss) // an entry serves only readers that depend on the same tags
	if err := invalidate.Tags(t.Context(), w.cached, "yours"); err != nil {
		t.Fatal(err)
	}
	w.users(t, observe.Hit, mine)
	if err := invalidate.Tags(t.Context(), w.cached, "mine"); err != nil {
		t.Fatal(err)
	}
	w.users(t, observe.Miss, mine)
	w.users(t, observe.Hit)
}

func dryRun(t *testing.T, w *world) {
	fresh(t, w)
	db := w.cached.Clauses(fromcache.Region("default")).Where("age > ?", 22).Order("id")
	if err := db.Session(&gorm.Session{DryRun: true}).Find(&[]User{}).Error; err != nil {
		t.Fatal(err)
	}
	w.cached.ToSQL(func(tx *gorm.DB) *gorm.DB {
		return tx.Clauses(fromcache.Region("default")).Where("age > ?", 22).Order("id").Find(&[]User{})
	})
	if us := w.users(t, observe.Miss); len(us) != 4 {
		t.Errorf("%s: %d users after a dry run, want 4", w, len(us))
	}
}

func cancelled(t *testing.T, w *world) {
	fresh(t, w)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, state := range []string{"cold", "warm"} {
		var us []User
		err := w.cached.WithContext(ctx).Clauses(fromcache.Region("default")).Where("age > ?", 22).Order("id").Find(&us).Error
		if !errors.Is(err, context.Canceled) || len(us) != 0 {
			t.Errorf("%s, %s: %d users, error %v, want context.Canceled as from the database", w, state, len(us), err)
		}
		if state == "cold" {
			w.users(t, observe.Miss)
		}
	}
}

func firstOrCreate(t *testing.T, w *world) {
	fresh(t, w)
	db := w.cached.Clauses(fromcache.Region("default")).Session(session)
	var made, found, changed, read Account
	steps := []*gorm.DB{
		db.Where(Account{Number: "made"}).FirstOrCreate(&made),
		db.Where(Account{Number: "made"}).FirstOrCreate(&found),
		db.Where(Account{Number: "made"}).Assign(Account{UserID: ptr(uint(2))}).FirstOrCreate(&changed),
		db.Where(Account{Number: "made"}).First(&read),
	}
	affected := make([]int64, len(steps))
	for i, tx := range steps {
		if tx.Error != nil {
			t.Fatalf("%s: step %d: %v\n%q", w, i, tx.Error, w.SQL.take())
		}
		affected[i] = tx.RowsAffected
	}
	if made.ID == 0 || found.ID != made.ID || changed.ID != made.ID || read.ID != made.ID {
		t.Errorf("%s: made %+v, found %+v, changed %+v, read %+v", w, made, found, changed, read)
	}
	if read.UserID == nil || *read.UserID != 2 {
		t.Errorf("%s: the update is not seen: %+v", w, read)
	}
	if !slices.Equal(affected, []int64{1, 0, 1, 1}) { // as GORM gives without a cache
		t.Errorf("%s: rows affected %v", w, affected)
	}
	if err := w.cached.Delete(&made).Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Where(Account{Number: "made"}).First(&read).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
		t.Errorf("%s: after the delete: %v", w, err)
	}
}

// batches: a write between two batches must be seen by the second, as without a cache.
func batches(t *testing.T, w *world) {
	fresh(t, w)
	db := w.cached.Clauses(fromcache.Region("default")).Session(session)
	seen := []string{}
	for range 2 { // the second time from the cache, as far as that is right
		var cs []Company
		err := db.FindInBatches(&cs, 2, func(_ *gorm.DB, n int) error {
			if err := endless(n); err != nil {
				return err
			}
			for _, c := range cs {
				seen = append(seen, c.Name)
			}
			return w.cached.Model(&Company{}).Where("id = 3").UpdateColumn("name", "changed in "+cs[0].Name).Error
		}).Error
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.cached.Model(&Company{}).Where("id = 3").UpdateColumn("name", "Nowhere").Error; err != nil {
		t.Fatal(err)
	}
	want := []string{"Fjord", "Andes", "changed in Fjord", "Fjord", "Andes", "changed in Fjord"}
	if d := difference("names", want, seen); d != "" {
		t.Errorf("%s: %s", w, d)
	}
}
