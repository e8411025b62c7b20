package writer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// topology knows what names each database has and how tables hang together: views, triggers and
// cascades, read from the database's catalog, and what the user declared. It is safe for concurrent
// use.
type topology struct {
	dialect  sqltext.Dialect
	views    map[string][]string
	triggers map[string][]string
	version  atomic.Uint64 // changes when DDL is seen
	places   sync.Map      // base of a pool → *place
	epoch    atomic.Pointer[store.Token]
}

// snapshot is what the catalog said.
type snapshot struct {
	*catalog.Catalog
	identity string
	reading  string
	version  uint64
	taken    time.Time
	number   uint64 // of the reading that all may go by; 0: it is one transaction's own
}

func newTopology(cfg Config) *topology {
	return &topology{dialect: cfg.Dialect, views: canonical(cfg.Views), triggers: canonical(cfg.Triggers)}
}

// canonical brings declared names into the form in which tables are compared.
func canonical(declared map[string][]string) map[string][]string {
	m := make(map[string][]string, len(declared))
	for name, tables := range declared {
		name = store.TableName(name)
		m[name] = append(m[name], []string{}...)
		for _, t := range tables {
			m[name] = append(m[name], store.TableName(t))
		}
	}
	return m
}

func (t *topology) place(base any) *place {
	if p, ok := t.places.Load(base); ok {
		return p.(*place)
	}
	p, _ := t.places.LoadOrStore(base, newPlace(store.NewToken().String()))
	return p.(*place)
}

// known returns what has been read since the last DDL that was seen, or nil.
func (t *topology) known(base any) *snapshot {
	if base == nowhere {
		return nil
	}
	if s := t.place(base).snapshot.Load(); s != nil && s.version == t.version.Load() {
		return s
	}
	return nil
}

// load makes sure that the catalog has been read since the last DDL that was seen. It must not be
// called inside a transaction: with a pool of one connection it would wait for itself.
func (t *topology) load(ctx context.Context, base any, open opener) (*snapshot, error) {
	if base == nowhere {
		return nil, errNowhere
	}
	if s := t.known(base); s != nil {
		return s, nil
	}
	return t.read(ctx, t.place(base), need{}, open)
}

var errNowhere = errors.New("gormcache: the pool does not tell its database: implement gorm.GetDBConnector")

// look asks the database.
func (t *topology) look(ctx context.Context, p *place, q catalog.Querier) (*snapshot, error) {
	// The version is taken first: DDL that is seen while the catalog is read makes the snapshot old.
	s := &snapshot{version: t.version.Load(), taken: time.Now()}
	if err := trustworthy(ctx, q, t.dialect); err != nil {
		return nil, err
	}
	var err error
	if s.Catalog, err = catalog.Load(ctx, q, t.dialect); err != nil {
		return nil, err
	}
	if s.identity, s.reading, err = identity(ctx, q, t.dialect, p.random); err != nil {
		return nil, err
	}
	return s, nil
}

// within is what a transaction goes by: what is known to all, else what it was told before if that is
// not old, else what is read now, if need be by itself. nil: it can't be read.
// anew reports whether nothing that was read before is good enough.
func (t *topology) within(ctx context.Context, base any, own *snapshot, anew bool, open opener) *snapshot {
	if base == nowhere {
		return nil
	}
	if !anew {
		if s := t.known(base); s != nil {
			return s
		}
		if own != nil && own.version == t.version.Load() {
			return own
		}
	}
	s, err := t.read(ctx, t.place(base), need{anew: anew, inside: true}, open)
	if err != nil {
		return nil
	}
	return s
}

// reload reads the catalog again, unless old is not the newest or was taken just now; nil: nothing new.
func (t *topology) reload(ctx context.Context, base any, old *snapshot, open opener) (*snapshot, error) {
	switch {
	case time.Since(old.taken) < retryCatalog:
		return nil, nil
	case t.known(base) != old:
		return t.load(ctx, base, open)
	}
	return t.read(ctx, t.place(base), need{anew: true}, open)
}

// forget makes every snapshot old, because DDL was seen.
func (t *topology) forget() { t.version.Add(1) }

// sawEpoch is told the token of the namespace's epoch. A new one means that some process ran DDL, or
// dropped everything by hand. So may the first one: what was read of the catalog before, for a write,
// say, may be older than DDL that this very token tells of.
func (t *topology) sawEpoch(token store.Token) {
	old := t.epoch.Load()
	if old != nil && *old == token {
		return
	}
	t.forget()    // before it counts as seen: who finds that it does goes by what is known then
	seen := token // only here may it be moved to the heap: every hit tells of an epoch
	t.epoch.CompareAndSwap(old, &seen)
}

// lastEpoch is the last token that sawEpoch was told; zero: none.
func (t *topology) lastEpoch() store.Token {
	if seen := t.epoch.Load(); seen != nil {
		return *seen
	}
	return store.Token{}
}

// reads resolves the names in a query to all that it depends on: tables, and the views on the way to them.
func (t *topology) reads(s *snapshot, names []string) (tables []string, doubt catalog.Doubt) {
	return s.Below(names, t.views)
}

// writes resolves the tables a statement writes to those that may change with them. all tells that
// this can't be known, as without a snapshot.
func (t *topology) writes(s *snapshot, names []string) (tables []string, all bool) {
	if len(names) == 0 {
		return nil, false
	}
	if s == nil {
		return nil, true
	}
	tables, unknown := s.Affected(names, t.triggers)
	if unknown != "" {
		return nil, true
	}
	return tables, false
}

// called lists the tables that calling functions of the application's may change.
func (t *topology) called(s *snapshot, functions []string) (tables []string, all bool) {
	if len(functions) == 0 {
		return nil, false
	}
	if s == nil {
		return nil, true
	}
	tables, unknown := s.Calls(functions, t.triggers)
	return tables, unknown != ""
}
