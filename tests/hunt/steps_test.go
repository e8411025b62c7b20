//go:build linux

package hunt_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// steps of a write at which its process can be killed.
const (
	stepNone = iota
	beforeMark
	midMark
	afterMark
	beforeCommit
	midCommit
	afterCommit
	midSettle
	afterSettle
	lastStep
)

var stepNames = [lastStep]string{
	"", "before its mark", "while marking", "after its mark", "before COMMIT", "during COMMIT",
	"after COMMIT, before new tokens", "while settling", "after new tokens",
}

// die kills the process if that step is armed. Nothing is run down: no deferred call, no flush.
func (c *child) die(step uint32) {
	if !c.board.armed[c.plan.Process].CompareAndSwap(step, stepNone) {
		return
	}
	c.board.record(entry{kind: eventKilled, process: c.plan.Process, start: now(), end: now(), note: int(step)})
	c.board.disturb(now() + int64(c.plan.Grace+c.plan.Jumps+c.plan.Late+100*time.Millisecond))
	c.board.deaths.Add(1)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// dieSoon kills the process within the next moments if that step is armed.
func (c *child) dieSoon(step uint32) {
	if c.board.armed[c.plan.Process].Load() == step {
		time.AfterFunc(time.Duration(rand.IntN(400))*time.Microsecond, func() { c.die(step) })
	}
}

// steps is the store as the plugin sees it: it notes what lands, and dies where it is told to.
type steps struct {
	*child
	store.Store
}

// Mark implements [store.Store].
func (s *steps) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	w := writeOf(ctx)
	if w != nil {
		w.markAt.Store(now())
	}
	s.die(beforeMark)
	s.dieSoon(midMark)
	err := s.Store.Mark(ctx, tags, writer, grace)
	if w != nil {
		first := !w.asked.Swap(true)
		w.marked.Store(err == nil && (first || w.marked.Load()))
	}
	s.die(afterMark)
	return err
}

// Settle implements [store.Store].
func (s *steps) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	s.dieSoon(midSettle)
	err := s.Store.Settle(ctx, tags, writer, linger)
	s.die(afterSettle)
	return err
}

// tracer sees the statements on their way to the database and back.
type tracer struct{ *child }

// leaves is called before a statement, or a COMMIT, goes to the database. It tells whether returned is to
// be called.
func (t tracer) leaves(w *write, commit bool, sql string) bool {
	alone := w != nil && w.auto && (strings.HasPrefix(sql, "INSERT") || strings.HasPrefix(sql, "UPDATE"))
	if w == nil || !commit && !alone { // a plugin asks for the catalog now and then
		return false
	}
	w.effective()
	if commit {
		t.die(beforeCommit)
		t.dieSoon(midCommit)
	}
	return true
}

// returned is called when it is over.
func (t tracer) returned(w *write, commit bool) {
	w.visible()
	if commit {
		t.die(afterCommit)
	}
}
