package schema

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Config is what a [Schema] works with. Namespace, Dialect and Logger must be set.
type Config struct {
	Namespace store.Namespace
	Dialect   sqltext.Dialect
	Views     map[string][]string // view → what it reads
	Triggers  map[string][]string // table → what its triggers change
	Declared  []Named             // names to be looked for in the database
	Logger    *slog.Logger
}

// Schema knows what names each database has and how tables hang together: views, triggers and cascades, read from the
// database's catalog, and what the user declared. It is safe for concurrent use.
type Schema struct {
	dialect   sqltext.Dialect
	ns        store.Namespace
	views     map[string][]string
	triggers  map[string][]string
	declared  declared
	version   atomic.Uint64 // changes when DDL is seen
	databases sync.Map      // a database → *database
	epoch     atomic.Pointer[store.Token]
}

// New returns a schema of which nothing has been read yet.
func New(cfg Config) *Schema {
	return &Schema{
		dialect: cfg.Dialect, ns: cfg.Namespace, views: canonical(cfg.Views), triggers: canonical(cfg.Triggers),
		declared: declared{names: cfg.Declared, logger: cfg.Logger},
	}
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

// Declares reports whether the configuration names the table as a view, or as one with triggers.
func (s *Schema) Declares(table string) bool {
	return s.views[table] != nil || s.triggers[table] != nil
}

func (s *Schema) database(db any) *database {
	if d, ok := s.databases.Load(db); ok {
		return d.(*database)
	}
	d, _ := s.databases.LoadOrStore(db, newDatabase(store.NewToken().String()))
	return d.(*database)
}

// Known returns what has been read of a database since the last DDL that was seen, or nil.
func (s *Schema) Known(db any) *Snapshot {
	if db == nil {
		return nil
	}
	if known := s.database(db).snapshot.Load(); known != nil && known.version == s.Version() {
		return known
	}
	return nil
}

// Load makes sure that the catalog has been read since the last DDL that was seen. It must not be
// called inside a transaction: with a pool of one connection it would wait for itself.
func (s *Schema) Load(ctx context.Context, db any, open Opener) (*Snapshot, error) {
	if db == nil {
		return nil, errNoDatabase
	}
	if known := s.Known(db); known != nil {
		s.declared.check(ctx, known)
		return known, nil
	}
	read, err := s.read(ctx, s.database(db), need{}, open)
	if err == nil {
		s.declared.check(ctx, read)
	}
	return read, err
}

var errNoDatabase = errors.New("gormcache: the pool does not tell its database: implement gorm.GetDBConnector")

// query asks the database.
func (s *Schema) query(ctx context.Context, d *database, q catalog.Querier) (*Snapshot, error) {
	// The version is taken first: DDL that is seen while the catalog is read makes the snapshot old.
	read := &Snapshot{version: s.Version(), taken: time.Now()}
	if err := trustworthy(ctx, q, s.dialect); err != nil {
		return nil, err
	}
	var err error
	if read.Catalog, err = catalog.Load(ctx, q, s.dialect); err != nil {
		return nil, err
	}
	if read.identity, read.times, err = identity(ctx, q, s.dialect, d.random); err != nil {
		return nil, err
	}
	return read, nil
}

// Within returns what a transaction goes by: what is known to all, else own, which the transaction has read before, if
// it is not old, else what is read now, if need be by the transaction itself. nil: the catalog can't be read.
// anew reports whether nothing that was read before is good enough.
func (s *Schema) Within(ctx context.Context, db any, own *Snapshot, anew bool, open Opener) *Snapshot {
	if db == nil {
		return nil
	}
	if !anew {
		if known := s.Known(db); known != nil {
			return known
		}
		if s.Holds(own) {
			return own
		}
	}
	read, err := s.read(ctx, s.database(db), need{anew: anew, inside: true}, open)
	if err != nil {
		return nil
	}
	return read
}

// reload reads the catalog again, unless old is not the newest or was taken just now; nil: nothing new.
func (s *Schema) reload(ctx context.Context, db any, old *Snapshot, open Opener) (*Snapshot, error) {
	switch {
	case time.Since(old.taken) < retryCatalog:
		return nil, nil
	case s.Known(db) != old:
		return s.Load(ctx, db, open)
	}
	return s.read(ctx, s.database(db), need{anew: true}, open)
}

// Version changes whenever DDL has been seen: a [Reading] of another version no longer holds.
func (s *Schema) Version() uint64 { return s.version.Load() }

// Holds reports whether no DDL has been seen since the snapshot was read. A nil snapshot does not hold.
func (s *Schema) Holds(read *Snapshot) bool { return read != nil && read.version == s.Version() }

// Forget makes every snapshot old, because DDL was seen.
func (s *Schema) Forget() { s.version.Add(1) }

// SawEpoch is told the token of the namespace's epoch. A new one means that some process ran DDL, or
// dropped everything by hand. So may the first one: what was read of the catalog before, for a write,
// say, may be older than DDL that this very token tells of.
func (s *Schema) SawEpoch(token store.Token) {
	old := s.epoch.Load()
	if old != nil && *old == token {
		return
	}
	s.Forget()    // before it counts as seen: who finds that it does goes by what is known then
	seen := token // only here may it be moved to the heap: every hit tells of an epoch
	s.epoch.CompareAndSwap(old, &seen)
}

// LastEpoch returns the last token that SawEpoch was told; zero: none.
func (s *Schema) LastEpoch() store.Token {
	if seen := s.epoch.Load(); seen != nil {
		return *seen
	}
	return store.Token{}
}

// reads resolves the names in a query to all that it depends on: tables, and the views on the way to them.
func (s *Schema) reads(known *Snapshot, names []string) (tables []string, doubt catalog.Doubt) {
	return known.Below(names, s.views)
}

// writes resolves the tables a statement writes to those that may change with them. all reports whether
// this can't be known, as without a snapshot.
func (s *Schema) writes(known *Snapshot, names []string) (tables []string, all bool) {
	if len(names) == 0 {
		return nil, false
	}
	if known == nil {
		return nil, true
	}
	tables, unknown := known.Affected(names, s.triggers)
	if unknown != "" {
		return nil, true
	}
	return tables, false
}

// called lists the tables that calling functions of the application's may change.
func (s *Schema) called(known *Snapshot, functions []string) (tables []string, all bool) {
	if len(functions) == 0 {
		return nil, false
	}
	if known == nil {
		return nil, true
	}
	tables, unknown := known.Calls(functions, s.triggers)
	return tables, unknown != ""
}
