package redisstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAbandonedCallsAreBounded lets calls pile up behind a client that ignores deadlines.
func TestAbandonedCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c calls
		hang := make(chan struct{})
		try := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := call(ctx, &c, func() (int, error) { <-hang; return 1, nil })
			if took := time.Since(began); took > time.Second {
				t.Errorf("a call with a second to go took %v", took)
			}
			return err
		}
		for i := range maxAbandoned {
			if err := try(); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("call %d: %v", i, err)
			}
		}
		if err := try(); !errors.Is(err, ErrBusy) {
			t.Errorf("with %d calls left behind, one more gives %v", maxAbandoned, err)
		}
		close(hang)
		synctest.Wait()
		if n := c.abandoned.Load(); n != 0 {
			t.Errorf("%d calls count as left behind after all have ended", n)
		}
		if err := try(); err != nil {
			t.Errorf("after all: %v", err)
		}
	})
}

func TestCallsThatStay(t *testing.T) {
	deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		direct bool
		want   bool
	}{
		{"nothing to wait for", context.Background(), false, true},
		{"nothing to wait for, tuned", context.Background(), true, true},
		{"deadline", deadline, false, false},
		{"deadline, tuned", deadline, true, true},
		{"cancellable", cancellable, false, false},
		{"cancellable, tuned", cancellable, true, false},
	} {
		if got := (&calls{direct: c.direct}).callerWaits(c.ctx); got != c.want {
			t.Errorf("%s: stays %v, want %v", c.name, got, c.want)
		}
	}
}

func TestCallReturnsWhatItGets(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := errors.New("failed")
	for _, ctx := range []context.Context{context.Background(), ctx} {
		if v, err := call(ctx, &calls{}, func() (int, error) { return 7, failed }); v != 7 || !errors.Is(err, failed) {
			t.Errorf("got %d, %v", v, err)
		}
	}
}
