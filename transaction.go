package gormcache

import (
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
)

// Details of a value that is left alone with reason observe.Transaction.
const (
	detailWrote   = "it runs in a transaction that has written: what it reads may never be committed"
	detailUnknown = "it runs in a transaction that gormcache has not begun, so what was written in it is not known"
)

// Inside is for package region, which finds by this method what values must know of the transaction of a handle.
func (p *Plugin) Inside(pool gorm.ConnPool) engine.Inside {
	inv := p.inv.Load()
	if inv == nil {
		return engine.Inside{Apart: detailUnknown}
	}
	s := inv.StateOf(pool)
	switch {
	case !s.In:
		return engine.Inside{Alone: s.Single}
	case !s.Followed:
		return engine.Inside{Apart: detailUnknown}
	case s.Wrote:
		return engine.Inside{Apart: detailWrote}
	}
	// Callers in transactions see their own snapshots: nothing of theirs is shared. Nor do they wait for a load: it may be
	// waiting for their very connection.
	return engine.Inside{Alone: true, NoFill: !s.ReadCommitted}
}
