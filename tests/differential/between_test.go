package differential_test

import (
	"context"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// between is a store that lets another reader in at the two moments that matter: when a writer has set
// its marks and not yet committed, and when it has committed and not yet settled. So a program without
// concurrency, which can be repeated, meets the schedules of one with it.
type between struct {
	store.Store
	m *machine
}

// Mark marks, and then a query is asked.
func (b between) Mark(ctx context.Context, tags []string, w store.Writer, grace time.Duration) error {
	err := b.Store.Mark(ctx, tags, w, grace)
	b.m.interrupt("between its mark and its COMMIT")
	return err
}

// Settle asks a query, and then settles.
func (b between) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	b.m.interrupt("between its COMMIT and its settling")
	return b.Store.Settle(ctx, tags, w, linger)
}

// interrupt asks the query that the operation has drawn. The program ends when it asks the next: a
// panic in here would leave GORM's transaction open.
func (m *machine) interrupt(when string) {
	if m.interrupted || m.between < 0 || m.found != "" {
		return
	}
	m.interrupted = true
	m.found = m.difference(m.queries[m.between%len(m.queries)], m.between/2%2, asking{when: when})
	m.interrupted = false
}
