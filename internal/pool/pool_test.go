package pool

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"gorm.io/gorm"
)

// watcher notes what it is told. Its statements do before when they are announced.
type watcher struct {
	told   []string
	before func() error
}

func (w *watcher) say(what string, err error) {
	if err != nil {
		what += ": " + err.Error()
	}
	w.told = append(w.told, what)
}

// Begin implements Observer.
func (w *watcher) Begin(context.Context, gorm.ConnPool, *sql.TxOptions) func(gorm.Tx, any) Transaction {
	w.say("begin", nil)
	return func(below gorm.Tx, _ any) Transaction { return watched{w, below} }
}

// Statement implements Observer.
func (w *watcher) Statement(gorm.ConnPool, string, []any) Statement { return watchedStatement{w} }

// Failed implements Observer.
func (w *watcher) Failed(_ gorm.ConnPool, err error) { w.say("failed", err) }

type watched struct {
	w     *watcher
	below gorm.Tx
}

// Commit commits below.
func (t watched) Commit() error {
	t.w.say("commit", nil)
	return t.below.Commit()
}

// Rollback rolls back below.
func (t watched) Rollback() error {
	t.w.say("rollback", nil)
	return t.below.Rollback()
}

type watchedStatement struct{ w *watcher }

func (s watchedStatement) Before(context.Context) error {
	s.w.say("before", nil)
	if s.w.before != nil {
		return s.w.before()
	}
	return nil
}

func (s watchedStatement) Canceled() { s.w.say("canceled", nil) }

func (s watchedStatement) Affected(sql.Result) error {
	s.w.say("affected", nil)
	return nil
}

func (s watchedStatement) Returned(err error) { s.w.say("returned", err) }
func (s watchedStatement) Ended(err error)    { s.w.say("ended", err) }

// fake is a pool, and a transaction, that does as it is told.
type fake struct {
	gorm.Tx
	err    error
	panics bool
	ended  []string
}

func (f *fake) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	if f.panics {
		panic("the driver")
	}
	return nil, f.err
}

// BeginTx begins itself.
func (f *fake) BeginTx(context.Context, *sql.TxOptions) (gorm.ConnPool, error) { return f, f.err }

// Commit notes that it was called.
func (f *fake) Commit() error {
	f.ended = append(f.ended, "commit")
	return nil
}

// Rollback notes that it was called.
func (f *fake) Rollback() error {
	f.ended = append(f.ended, "rollback")
	return nil
}

// beginner is a pool of the application's own.
type beginner struct {
	gorm.ConnPool
	f *fake
}

func (b beginner) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return b.f.BeginTx(ctx, opts)
}

func handle(t *testing.T, p gorm.ConnPool) *gorm.DB {
	db := &gorm.DB{Config: &gorm.Config{}}
	db.Statement = &gorm.Statement{DB: db, ConnPool: p, Context: t.Context()}
	return db
}

// What a statement's observer is told, and in what order. It is told of the end whatever happens, since what it has
// marked must not stay.
func TestWhatIsToldOfAStatement(t *testing.T) {
	failure := errors.New("of the database")
	for name, c := range map[string]struct {
		fake     fake
		before   error
		callback func()
		want     []string
	}{
		"it succeeds":         {fake{}, nil, nil, []string{"before", "affected", "returned", "ended"}},
		"it fails":            {fake{err: failure}, nil, nil, []string{"before", "returned: of the database", "ended: of the database"}},
		"it is refused":       {fake{}, failure, nil, []string{"before"}},
		"the driver panics":   {fake{panics: true}, nil, nil, []string{"before", "ended: " + ErrNoReturn.Error()}},
		"the callback panics": {fake{}, nil, func() { panic("a model") }, []string{"before", "affected", "returned", "ended: " + ErrPanicked.Error()}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &watcher{before: func() error { return c.before }}
			db := handle(t, &c.fake)
			func() {
				defer func() { _ = recover() }()
				New(w, nil).Observe(db, func(db *gorm.DB) {
					_, err := db.Statement.ConnPool.ExecContext(t.Context(), "UPDATE t SET a = 1")
					_ = db.AddError(err)
					if c.callback != nil {
						c.callback()
					}
				})
			}()
			if !slices.Equal(w.told, c.want) {
				t.Errorf("told %q, want %q", w.told, c.want)
			}
			if db.Statement.ConnPool != gorm.ConnPool(&c.fake) {
				t.Errorf("the statement is left with %T", db.Statement.ConnPool)
			}
		})
	}
}

// A context that ends while the observer is busy: database/sql sends nothing, and the observer may take everything back.
// Falls if: it is told Ended instead, as of a statement that was sent. Then marks stay in doubt where nothing was written.
func TestAStatementThatIsNotSentIsCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watcher{before: func() error { cancel(); return nil }}
	New(w, nil).Observe(handle(t, new(sql.DB)), func(db *gorm.DB) {
		if _, err := db.Statement.ConnPool.ExecContext(ctx, "UPDATE t SET a = 1"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	if want := []string{"before", "canceled"}; !slices.Equal(w.told, want) {
		t.Errorf("told %q, want %q", w.told, want)
	}
}

// The end of a transaction is the observer's, below prepared statements and probes too.
func TestTheObserverEndsTransactions(t *testing.T) {
	f, w := &fake{}, &watcher{}
	p := New(w, nil).Wrap(beginner{f: f}).(gorm.ConnPoolBeginner)
	begun, err := p.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if Followed(begun) == nil || Followed(&gorm.PreparedStmtTX{Tx: begun.(gorm.Tx)}) == nil || Followed(f) != nil {
		t.Error("the transaction is not found, or one that nobody follows")
	}
	if err := errors.Join(begun.(gorm.TxCommitter).Commit(), begun.(gorm.TxCommitter).Rollback()); err != nil {
		t.Error(err)
	}
	if want := []string{"begin", "commit", "rollback"}; !slices.Equal(w.told, want) || !slices.Equal(f.ended, want[1:]) {
		t.Errorf("told %q, and below %q", w.told, f.ended)
	}
	f.err = errors.New("no connection")
	if begun, err = p.BeginTx(t.Context(), nil); !errors.Is(err, f.err) || begun != gorm.ConnPool((*Tx)(nil)) {
		t.Errorf("a transaction that has not begun is %v, %v", begun, err)
	}
}

// Pools of one database have one base, and a pool that does not tell its database has none.
func TestBase(t *testing.T) {
	db, s := new(sql.DB), New(&watcher{}, nil)
	wrapped := s.Wrap(db)
	if wrapped == gorm.ConnPool(db) || s.Wrap(db) != wrapped || s.Wrap(wrapped) != wrapped {
		t.Error("a pool is wrapped twice, or not at all")
	}
	for _, p := range []gorm.ConnPool{db, wrapped, &Probe{ConnPool: wrapped}, &gorm.PreparedStmtDB{ConnPool: wrapped}} {
		if s.Base(p) != any(db) || Database(p) != db {
			t.Errorf("the base of %T is %v", p, s.Base(p))
		}
	}
	if own := (beginner{f: &fake{}}); s.Base(own) != nil || s.Base(s.Wrap(own)) != nil {
		t.Error("an unknown pool has a database")
	}
}
