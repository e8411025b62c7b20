package reader

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/replay"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Reader is the read path of one plugin. It is safe for concurrent use.
type Reader struct {
	engine   *engine.Engine
	inv      *writer.Writer
	replayer *replay.Replayer
	cfg      Config
	planner  *planner
	prints   fingerprints
	policies *policies
}

// Config is what a [Reader] works with. All must be set but Database, Tracked and Models.
type Config struct {
	Engine      *engine.Engine
	Invalidator *writer.Writer
	Replayer    *replay.Replayer
	Recorder    *observe.Recorder
	// Dialect is the name of GORM's dialect; it is part of every key, since drivers give the same
	// data in different types.
	Dialect string
	// Database takes the place of the database's own name in keys.
	Database string
	// Tracked are the columns, by table, on whose values queries may depend; canonical names.
	Tracked map[string][]string
	// Models are the policies by model, table or pattern; [CheckModels] has passed them.
	Models map[string]fromcache.Policy
	// Replaced is the name of a query callback that is not GORM's own. All queries are left to it: it may
	// change what they ask, and what they get.
	Replaced string
	// ReplicaReads lets loads go to replicas that dbresolver picks. Otherwise what is stored comes
	// from a source, which does not lag.
	ReplicaReads bool
}

// New returns the read path for an engine and a writer.
func New(cfg Config) *Reader {
	ps := newPolicies(cfg)
	return &Reader{
		engine: cfg.Engine, inv: cfg.Invalidator, replayer: cfg.Replayer, cfg: cfg,
		planner: newPlanner(cfg, ps), policies: ps,
	}
}

// Met reports whether a query for a model of that name, such as "User" or "models.User", has been seen.
func (rd *Reader) Met(model string) bool { return rd.policies.met(model) }

// Query wraps the callback behind Find, First, Count, Pluck and the like.
func (rd *Reader) Query(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if x := explained(db); x != nil {
			x.read(rd, db, false)
			next(db)
			return
		}
		s := scope.Of(db.Statement)
		if s == nil || s.OptionsOnly {
			s = rd.policies.policed(db, s, false)
		}
		if s != nil && db.Error == nil {
			rd.query(db, s, next)
			return
		}
		next(db)
	}
}

// Row wraps the callback behind Rows, Row and Scan.
func (rd *Reader) Row(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if x := explained(db); x != nil {
			x.read(rd, db, true)
			next(db)
			return
		}
		s := scope.Of(db.Statement)
		if s == nil || s.OptionsOnly {
			s = rd.policies.policed(db, s, true)
		}
		if s != nil && db.Error == nil {
			rd.row(db, s, next)
			return
		}
		next(db)
	}
}

func (rd *Reader) query(db *gorm.DB, s *scope.Scope, next func(*gorm.DB)) {
	ans, err := rd.read(db, s)
	defer ans.close()
	switch {
	case ans.rest != nil:
		rd.scanRest(db, ans.take())
	case err != nil:
		rd.inv.Failed(db.Statement.ConnPool, err)
		_ = db.AddError(err)
		return
	case ans.view != nil:
		_ = db.AddError(rd.replayer.Scan(db, ans.view))
	default:
		next(db)
		return
	}
	if db.Statement.Result != nil {
		db.Statement.Result.RowsAffected = db.RowsAffected
	}
}

func (rd *Reader) scanRest(db *gorm.DB, rest *replay.Tail) {
	rows, err := rest.Rows()
	if err != nil {
		_ = db.AddError(err)
		return
	}
	defer func() { _ = db.AddError(rows.Close()) }()
	gorm.Scan(rows, db, 0)
}

func (rd *Reader) row(db *gorm.DB, s *scope.Scope, next func(*gorm.DB)) {
	ans, err := rd.read(db, s)
	defer ans.close()
	if err == nil && ans.view == nil && ans.rest == nil {
		next(db)
		return
	}
	stmt := db.Statement
	wantRows, _ := db.Get("rows")
	if isRows, _ := wantRows.(bool); isRows {
		stmt.Settings.Delete("rows")
		switch {
		case ans.rest != nil:
			stmt.Dest, db.Error = ans.take().Rows()
		case err != nil:
			stmt.Dest, db.Error = nil, err
		default:
			stmt.Dest, db.Error = rd.replayer.Rows(ans.view)
		}
	} else {
		switch {
		case ans.rest != nil:
			stmt.Dest = ans.take().Row()
		case err != nil:
			stmt.Dest = rd.replayer.RowError(err)
		default:
			stmt.Dest = rd.replayer.Row(ans.view)
		}
	}
	db.RowsAffected = -1
}

// answer is what a read gives: a view of cached or just loaded rows, or live rows that could not be
// stored, or neither, where the database is to be asked as if there were no cache.
type answer struct {
	view *rows.Set
	rest *replay.Tail
}

// take hands out the live rows, which the taker closes.
func (a *answer) take() *replay.Tail {
	rest := a.rest
	a.rest = nil
	return rest
}

func (a *answer) close() {
	if a.rest != nil {
		_ = a.rest.Close()
	}
}

// read builds the SQL and answers it.
func (rd *Reader) read(db *gorm.DB, s *scope.Scope) (answer, error) {
	start := time.Now()
	r, err := rd.engine.Region(s.Region)
	if err != nil {
		return answer{}, err
	}
	q := &query{Reader: rd, db: db, scope: s, region: r, primary: wantsPrimary(db)}
	if !rd.cfg.ReplicaReads && !db.DryRun {
		defer primary(db)()
	}
	if rd.cfg.Replaced != "" { // nor is the text built for it
		return q.refuse(q.asked(writer.State{}), start)
	}
	uncomment(db.Statement)
	callbacks.BuildQuerySQL(db)
	if db.Error != nil {
		return answer{}, nil // next finds the error and does nothing
	}
	return q.read(start)
}

// load runs the query and encodes its rows.
func (rd *Reader) load(ctx context.Context, p gorm.ConnPool, limits rows.Limits, sql string, vars []any) (engine.Loaded, error) {
	live, err := p.QueryContext(ctx, sql, vars...)
	if err != nil {
		return engine.Loaded{}, err
	}
	got := rd.replayer.Collect(live, limits)
	switch {
	case got.Reason == nil:
		view, err := rows.Parse(got.Payload)
		return engine.Loaded{Payload: got.Payload, Empty: err == nil && view.Len() == 0}, nil
	case errors.Is(got.Reason, rows.ErrTooLarge):
		return engine.Loaded{Reason: observe.TooLarge, Detail: tooLarge(got.Reason), Rest: got.Rest}, nil
	case errors.Is(got.Reason, entry.ErrUnsupported):
		return engine.Loaded{Reason: observe.Unencodable, Detail: fault.Text(got.Reason), Rest: got.Rest}, nil
	}
	// The rows ended with an error. The rest gives it again where the database put it.
	return engine.Loaded{Rest: got.Rest}, got.Reason
}
