package writer

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// cancelling is a store that cancels the caller when a mark has landed.
type cancelling struct {
	store.Store
	cancel context.CancelFunc
}

func (c cancelling) Mark(ctx context.Context, tags []string, w store.Writer, grace time.Duration) error {
	defer c.cancel()
	return c.Store.Mark(ctx, tags, w, grace)
}

func (c cancelling) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	defer c.cancel()
	return c.Store.Settle(ctx, tags, w, linger)
}

// marking are the ways to mark before a statement.
var marking = map[string]func(ctx context.Context, w *Writer) error{
	"begin": func(ctx context.Context, w *Writer) error {
		_, err := w.begin(ctx, []string{"test:n"})
		return err
	},
	"fence": func(ctx context.Context, w *Writer) error {
		_, _, err := w.fence(ctx, []string{"test:n"})
		return err
	},
	"BEGIN": func(ctx context.Context, w *Writer) error {
		return (&boundaryStatement{statement: statement{w: w, pool: new(sql.DB), info: w.Info("BEGIN")}}).Before(ctx)
	},
}

// A caller whose context ends when the marks have landed takes them away before it goes on.
//
// Falls if: they are left to the background. Whoever reads next is bypassed, for nothing.
func TestMarksThatHaveLandedGoWithTheirCaller(t *testing.T) {
	for name, mark := range marking {
		ctx, cancel := context.WithCancel(t.Context())
		s := cancelling{memory.New(), cancel}
		if err := mark(ctx, newTest(s, AllowStale)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if marked(t, s, "test:n") {
			t.Errorf("%s: marked", name)
		}
	}
}

// What has landed of marks, though the store seemed to fail, is taken away when FailWrite has refused the statement.
//
// Falls if: it stays until it runs out, and everybody bypasses for nothing.
func TestMarksOfRefusedStatementsAreSwept(t *testing.T) {
	for name, mark := range marking {
		synctest.Test(t, func(t *testing.T) {
			h := &hanging{Store: memory.New()}
			h.hangs.Store(true)
			if name == "fence" { // which marks by settling, and that does not land late here
				h.hangs.Store(false)
			}
			w := newTest(losing{h}, FailWrite)
			if err := mark(t.Context(), w); !errors.Is(err, ErrStoreUnavailable) {
				t.Fatalf("%s: %v", name, err)
			}
			h.goesOn()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if marked(t, h, "test:n") {
				t.Errorf("%s: the mark stays", name)
			}
		})
	}
}

// losing loses the replies of settlings.
type losing struct{ store.Store }

func (l losing) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	_ = l.Store.Settle(ctx, tags, w, linger)
	return errors.New("lost")
}
