package region

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

const budgeted = 50 * time.Millisecond

// ends checks that a budget ends at its time, and says why.
func ends(t *testing.T, b *budget, began time.Time) {
	t.Helper()
	<-b.Done()
	if took := time.Since(began); took != budgeted {
		t.Errorf("it ended after %v", took)
	}
	if err, cause := b.Err(), context.Cause(b); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(cause, store.ErrBudget) {
		t.Errorf("it says %v, because of %v", err, cause)
	}
}

// One timer serves all, and each ends at its own time: also behind others that were quicker, and after a pause.
func TestBudgetsEndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bs, start := newBudgets(budgeted), time.Now()
		first := bs.begin(t.Context())
		time.Sleep(10 * time.Millisecond)
		quick := bs.begin(t.Context())
		time.Sleep(10 * time.Millisecond)
		last, began := bs.begin(t.Context()), time.Now()
		if at, ok := last.Deadline(); !ok || !at.Equal(began.Add(budgeted)) || last.Err() != nil {
			t.Errorf("deadline %v, %v", at.Sub(began), last.Err())
		}
		child, cancel := context.WithCancel(last)
		defer cancel()
		bs.end(quick)
		if err := quick.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("a lookup that has its answer says %v", err)
		}
		ends(t, first, start)
		if err := last.Err(); err != nil {
			t.Errorf("the last one says %v already", err)
		}
		ends(t, last, began)
		synctest.Wait()
		if cause := context.Cause(child); !errors.Is(cause, store.ErrBudget) {
			t.Errorf("a context made from it ends because of %v", cause)
		}
		bs.end(first)
		bs.end(last)
		for _, pause := range []time.Duration{0, 30 * time.Millisecond, time.Hour} {
			bs.end(bs.begin(t.Context())) // the timer is set for one that is over
			time.Sleep(pause)
			b := bs.begin(t.Context())
			ends(t, b, time.Now())
			bs.end(b)
		}
	})
}

// A budget is no longer than the caller's own time, and ends with the caller.
func TestBudgetsEndWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bs, why := newBudgets(budgeted), errors.New("gone")
		caller, leave := context.WithCancelCause(t.Context())
		b := bs.begin(caller)
		leave(why)
		<-b.Done()
		if err, cause := b.Err(), context.Cause(b); !errors.Is(err, context.Canceled) || !errors.Is(cause, why) {
			t.Errorf("it says %v, because of %v", err, cause)
		}
		bs.end(b)

		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		b, began := bs.begin(hasty), time.Now()
		if at, ok := b.Deadline(); !ok || at.Sub(began) != time.Millisecond {
			t.Errorf("deadline %v", at.Sub(began))
		}
		<-b.Done()
		if err, cause := b.Err(), context.Cause(b); time.Since(began) != time.Millisecond || !errors.Is(err, context.DeadlineExceeded) || errors.Is(cause, store.ErrBudget) {
			t.Errorf("after %v it says %v, because of %v", time.Since(began), err, cause)
		}
		bs.end(b)
	})
}

// Many at once, some of which outlast their budget: all end, and none stays behind.
func TestBudgetsOfMany(t *testing.T) {
	bs := newBudgets(2 * time.Millisecond)
	var work sync.WaitGroup
	for range 16 {
		work.Go(func() {
			for range 200 {
				b := bs.begin(t.Context())
				if rand.IntN(20) == 0 {
					<-b.Done()
				}
				bs.end(b)
			}
		})
	}
	work.Wait()
	if bs.under.next != &bs.under || bs.under.prev != &bs.under {
		t.Error("some are under way")
	}
}
