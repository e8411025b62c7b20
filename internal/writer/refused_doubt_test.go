package writer

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// markless is a store that takes no marks.
type markless struct{ store.Store }

// Mark fails.
func (markless) Mark(context.Context, []string, store.Writer, time.Duration) error {
	return errors.New("no")
}

// rollingBack is a transaction that only says so.
type rollingBack struct{ gorm.Tx }

// Rollback succeeds.
func (rollingBack) Rollback() error { return nil }

// FailWrite refuses a COMMIT. What the transaction has written may be committed all the same, since the database has
// rolled it back while the program read rows, or since somebody else has committed it.
//
// Falls if: a refusal counts as proof that nothing is committed.
func TestARefusedCommitOfWhatMayBeCommitted(t *testing.T) {
	for name, own := range map[string]*tx{"untouched": {}, "behind rows": {rowsOpen: true}, "lent": {lent: true}} {
		s := memory.New()
		w := newTest(markless{s}, FailWrite)
		w.cfg.Dialect = sqltext.MySQL
		own.below, own.w, own.base, own.ctx, own.caller = rollingBack{}, w, nil, t.Context(), t.Context()
		before := token(t, s)
		if err := own.collect(t.Context(), w.Info("UPDATE a SET b = 1"), nil); err != nil {
			t.Fatal(err)
		}
		if err := own.Commit(); !errors.Is(err, ErrStoreUnavailable) {
			t.Fatalf("%s: %v", name, err)
		}
		if changed := token(t, s) != before; changed != (name != "untouched") {
			t.Errorf("%s: dropped %v", name, changed)
		}
	}
}

func token(t *testing.T, s store.Store) store.Token {
	t.Helper()
	states := make([]store.State, 1)
	if err := s.Tokens(t.Context(), []string{"test:n"}, states); err != nil {
		t.Fatal(err)
	}
	return states[0].Token
}
