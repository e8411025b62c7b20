package invalidate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// retryCatalog is how long a failed look at the database's catalog is not repeated.
const retryCatalog = time.Second

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

// place is what is known of one database. With dbresolver there may be several behind one handle.
type place struct {
	snapshot atomic.Pointer[snapshot]
	turn     chan struct{} // holds one while a load is under way, which alone touches what follows
	failed   time.Time
	err      error
	random   string // the identity of a database that has no name
}

// snapshot is what the catalog said.
type snapshot struct {
	*catalog.Catalog
	identity string
	reading  string
	version  uint64
	taken    time.Time
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
	p, _ := t.places.LoadOrStore(base, &place{turn: make(chan struct{}, 1), random: store.NewToken().String()})
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
func (t *topology) load(ctx context.Context, base any, q catalog.Querier) (*snapshot, error) {
	if base == nowhere {
		return nil, errNowhere
	}
	if s := t.known(base); s != nil {
		return s, nil
	}
	p := t.place(base)
	select {
	case p.turn <- struct{}{}:
	default:
		if single(q) {
			// Whoever loads may be waiting for the very connection that the caller holds.
			return t.look(ctx, p, q)
		}
		select {
		case p.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer func() { <-p.turn }()
	if s := t.known(base); s != nil {
		return s, nil
	}
	if p.err != nil && time.Since(p.failed) < retryCatalog {
		return nil, p.err
	}
	s, err := t.look(ctx, p, q)
	if err != nil {
		if ctx.Err() == nil {
			p.err, p.failed = err, time.Now()
		}
		return nil, err
	}
	p.err = nil
	p.snapshot.Store(s)
	return s, nil
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
// not old, else what it reads itself, on its own connection. It takes no lock, since whoever holds it
// may be waiting for the very connection that the transaction has; and it tells nobody, since the
// transaction may see an old state, or one of its own. nil: it can't be read.
// anew tells that nothing that was read before is good enough.
func (t *topology) within(ctx context.Context, base any, own *snapshot, q catalog.Querier, anew bool) *snapshot {
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
	s, err := t.look(ctx, t.place(base), q)
	if err != nil {
		return nil
	}
	return s
}

// reload reads the catalog again, unless old is not the newest or was taken just now; nil: nothing new.
func (t *topology) reload(ctx context.Context, base any, q catalog.Querier, old *snapshot) (*snapshot, error) {
	if time.Since(old.taken) < retryCatalog {
		return nil, nil
	}
	t.place(base).snapshot.CompareAndSwap(old, nil)
	return t.load(ctx, base, q)
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

// reads resolves the names in a query to the tables it depends on. detail is not empty if one of
// them is neither a table nor a declared view.
func (t *topology) reads(s *snapshot, names []string) (tables []string, detail string) {
	for _, name := range names {
		if below, ok := t.views[name]; ok {
			tables = append(tables, name)
			tables = append(tables, t.below(below)...)
			continue
		}
		switch s.Kind(name) {
		case catalog.Table:
			tables = append(tables, name)
		case catalog.View:
			below, ok := s.Catalog.Tables(name)
			if !ok {
				return nil, fmt.Sprintf("%q is a view whose tables can't be told: declare them in Config.Views", name)
			}
			tables = append(append(tables, name), below...)
		default:
			return nil, fmt.Sprintf("%q is not a table of this database", name)
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables), ""
}

// below follows views that read views.
func (t *topology) below(names []string) []string {
	seen := map[string]bool{}
	var all []string
	for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		all = append(all, name)
		queue = append(queue, t.views[name]...)
	}
	return all
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
	tables, unknown := s.AffectedBy(names, t.triggers)
	if unknown != "" {
		return nil, true
	}
	for _, name := range names {
		if !slices.Contains(tables, name) {
			tables = append(tables, name)
		}
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
	tables, unknown := s.CallsBy(functions, t.triggers)
	return tables, unknown != ""
}
