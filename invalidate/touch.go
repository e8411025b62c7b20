package invalidate

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// A touch is one thing that a statement changes, as far as its text tells: a table or a function by
// name, or a tag. What else changes with it (cascades, triggers, what a function writes) is looked up
// only when the transaction commits, since it is the schema of then that the database went by.
const (
	touchTable    = "\x00t"
	touchFunction = "\x00f"
)

// touches are what a statement changes; none if it only reads.
func (inv *Invalidator) touches(info *sqltext.Info) []string {
	if info.DDL || info.Verb == sqltext.Other || info.Write && len(info.Writes) == 0 {
		return []string{inv.cfg.Namespace.Epoch()}
	}
	var all []string
	if info.Write {
		for _, name := range info.Writes {
			all = append(all, touchTable+name)
		}
	}
	for _, name := range info.Calls {
		all = append(all, touchFunction+name)
	}
	return all
}

// isName tells that a touch is not a tag yet.
func isName(touch string) bool { return touch != "" && touch[0] == 0 }

// resolve turns touches into tags, by what is known of the schema. The namespace's epoch stands for all
// that can't be told.
func (inv *Invalidator) resolve(s *snapshot, touches []string) (tags []string) {
	var tables, calls []string
	for _, t := range touches {
		if !isName(t) {
			tags = append(tags, t)
			continue
		}
		switch name := t[len(touchTable):]; t[:len(touchTable)] {
		case touchTable:
			tables = append(tables, name)
		case touchFunction:
			calls = append(calls, name)
		}
	}
	more, all := inv.topology.called(s, calls)
	if !all {
		tables, all = inv.topology.writes(s, append(tables, more...))
	}
	if all {
		return []string{inv.cfg.Namespace.Epoch()}
	}
	for _, t := range tables {
		if tag := inv.cfg.Namespace.Table(t); !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// tags are the tags that a statement changes, by what is known of its database.
func (inv *Invalidator) tags(s *snapshot, info *sqltext.Info) []string {
	return inv.resolve(s, inv.touches(info))
}

// upToDate tells that what is known of the schema is not older than any DDL that a statement which has
// run may have met. DDL marks the epoch before it runs and changes it after: a writer in another
// process, which may never read, learns so of the trigger that has just changed a further table.
// A store that can't be asked now can't be told of the write either: what then holds is the policy.
func (inv *Invalidator) upToDate(ctx context.Context) bool {
	epoch := []string{inv.cfg.Namespace.Epoch()}
	l := store.Lookup{Tags: epoch}
	err := inv.call(ctx, "lookup", func(ctx context.Context) error { return inv.cfg.Store.Lookup(ctx, &l) })
	if err == nil && !l.States[0].Known {
		err = inv.call(ctx, "tokens", func(ctx context.Context) error { return inv.cfg.Store.Tokens(ctx, epoch, l.States) })
	}
	if err != nil {
		return true
	}
	inv.topology.sawEpoch(l.States[0].Token)
	return !l.States[0].Marked
}

// further are the tags that a statement outside a transaction has changed beyond those that were marked
// for it, because the schema has changed meanwhile.
func (inv *Invalidator) further(ctx context.Context, p gorm.ConnPool, info *sqltext.Info, known *snapshot, marked []string) (tags []string) {
	if info.DDL { // everything is dropped already
		return nil
	}
	if inv.upToDate(ctx) && known != nil && known.version == inv.Version() {
		return nil
	}
	s := inv.topology.within(ctx, inv.base(p), nil, p, true)
	for _, t := range inv.tags(s, info) {
		if !slices.Contains(marked, t) {
			tags = append(tags, t)
		}
	}
	return tags
}
