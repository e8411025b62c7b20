package reader

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/replay"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// query is one statement on its way through the cache.
type query struct {
	*Reader
	db      *gorm.DB
	scope   *scope.Scope
	region  *engine.Region
	primary bool // the query itself asked dbresolver for a source
	request engine.Request
	plan    *plan         // of a whole answer
	class   byte          // what a whole answer depends on
	parts   *parted       // of an answer in parts; nil: it is read as a whole
	args    argument.List // of the query, once arguments has asked them
	keyed   []any         // the forms of fromcache.Key's values, once keys has asked them
	// explained is set by Explain: build the query but do not run it.
	explained bool
}

// bypass says why a query is left to the database. Without a reason the query is not bypassed.
type bypass struct {
	reason observe.Reason
	detail string
}

// arguments asks the query's arguments, once for one read, however often it begins anew.
func (q *query) arguments(stmt *gorm.Statement) *argument.List {
	if q.args.Given == nil {
		q.args = argument.Ask(sqltext.DialectOf(q.cfg.Dialect), stmt.Vars)
	}
	return &q.args
}

// maxPlanning bounds how often one read finds out its tables anew because of DDL elsewhere.
const maxPlanning = 2

// read answers the query part by part if its answer falls into parts, and as a whole otherwise.
func (q *query) read(start time.Time) (answer, error) {
	for range maxPlanning {
		if !q.divide() {
			break
		}
		ans, err := q.answer()
		if errors.Is(err, engine.ErrParts) {
			break
		}
		if !errors.Is(err, engine.ErrSchema) {
			return ans, err
		}
	}
	for range maxPlanning {
		if b := q.whole(); b.reason != "" {
			return q.refuse(b, start)
		}
		if ans, err := q.answer(); !errors.Is(err, engine.ErrSchema) {
			return ans, err
		}
	}
	return q.refuse(bypass{reason: observe.Catalog, detail: detailSchema}, start)
}

// refuse leaves the query to the database, and says why.
func (q *query) refuse(b bypass, start time.Time) (answer, error) {
	res := engine.Result{Outcome: observe.Bypass, Reason: b.reason, Detail: b.detail}
	var err error
	if q.scope.Mode == engine.OnlyIfCached && b.reason != observe.DryRun {
		res.Outcome, err = observe.Miss, engine.ErrCacheMiss
	}
	q.region.Report(q.db.Statement.Context, &q.request, res, err, start)
	noteOutcome(q.db.Statement, answer{}, res, err)
	return answer{}, err
}

// answer reads the request through the region. Its error may be engine.ErrSchema or engine.ErrParts: then the read has
// not ended, and the query is to be prepared anew.
func (q *query) answer() (answer, error) {
	res, err := q.region.Read(q.db.Statement.Context, &q.request)
	if errors.Is(err, engine.ErrSchema) || errors.Is(err, engine.ErrParts) {
		return answer{}, err
	}
	ans := answer{}
	ans.rest, _ = res.Rest.(*replay.Tail)
	if err == nil && res.Outcome != observe.Bypass {
		var malformed error
		if q.parts == nil {
			ans.view, malformed = q.plan.parser.Parse(res.Payload)
		} else {
			ans.view, malformed = q.parts.join(res)
		}
		switch {
		case malformed == nil:
		case q.parts != nil: // entries of another deployment, which has other columns
			return answer{}, engine.ErrParts
		default: // bytes that passed their checksum and still make no sense; the database knows
			ans.view = nil
		}
	}
	noteOutcome(q.db.Statement, ans, res, err)
	return ans, err
}

// whole fills in the request for the answer as one entry, or says why there can be none.
func (q *query) whole() bypass {
	if q.parts != nil {
		q.parts, q.request = nil, engine.Request{}
	}
	stmt := q.db.Statement
	state := q.inv.StateOf(stmt.ConnPool)
	if b := q.asked(state); b.reason != "" {
		return b
	}
	pl, b := q.planner.plan(stmt, q.scope, q.region)
	if pl != nil {
		q.request.Tables, q.request.Counters = pl.tables, pl.counters
	}
	if b.reason != "" {
		return b
	}
	if table, ok := pl.keptOut(q.scope); ok {
		return bypass{reason: observe.Policy, detail: offFor(table)}
	}
	args := q.arguments(stmt)
	if word := q.timeWord(args); word != "" {
		return bypass{reason: observe.Volatile, detail: varies("'" + word + "'")}
	}
	q.plan, q.class = pl, pl.depends(&q.request, args)
	key, ok := q.key(stmt, pl, q.class)
	if !ok {
		return bypass{reason: observe.Argument, detail: inexpressible(args, q.scope.Key, q.keys)}
	}
	q.request.Key = key
	q.request.Tags = q.withUserTags(q.request.Tags)
	q.policy(&q.request, pl, state)
	q.loads(stmt, state)
	return bypass{}
}

// policy fills in how the request is read: by which schema, for how long, and with whom it is shared.
func (q *query) policy(r *engine.Request, pl *plan, state writer.State) {
	r.Schema, r.OfSchema = pl.version, true
	r.Kind = entry.KindRows
	r.TTL = q.scope.TTL
	r.Mode = q.scope.Mode
	// Callers in transactions see their own snapshots: nothing of theirs is shared. Nor do they, and others who hold
	// a connection, wait for a load: it may be waiting for that very connection.
	r.Alone = state.In || state.Single
	r.Inside = state.In
	r.NoFill = state.In && !state.ReadCommitted
}

// asked returns the bypass that can be decided without looking at the SQL, if any.
func (q *query) asked(state writer.State) bypass {
	stmt := q.db.Statement
	switch {
	case q.db.DryRun && !q.explained:
		return bypass{reason: observe.DryRun, detail: detailDryRun}
	case q.scope.Bypass:
		return bypass{reason: observe.Asked, detail: detailAsked}
	case q.engine.Closed():
		return bypass{reason: observe.Closed, detail: detailClosed}
	case q.cfg.Replaced != "":
		return bypass{reason: observe.Replaced, detail: replacedBy(q.cfg.Replaced)}
	case q.primary:
		return bypass{reason: observe.Primary, detail: detailPrimary}
	case state.In && !q.scope.InTransaction:
		return bypass{reason: observe.Transaction, detail: detailTransaction}
	case state.In && (!state.Followed || state.Wrote):
		return bypass{reason: observe.Transaction, detail: transaction(state)}
	}
	if _, ok := stmt.Clauses["FOR"]; ok {
		// sqlite prints nothing for it, so the SQL would not show it.
		return bypass{reason: observe.Locking, detail: detailLocking}
	}
	return bypass{}
}

// withUserTags returns the tags together with those that the scope adds.
func (q *query) withUserTags(tags []string) []string {
	if len(q.scope.Tags) == 0 {
		return tags
	}
	all := make([]string, 0, len(tags)+len(q.scope.Tags))
	all = append(all, tags...)
	for _, t := range q.scope.Tags {
		all = append(all, q.engine.Namespace().User(t))
	}
	return all
}

// timeWord finds an argument that PostgreSQL may read as the time of the query.
func (q *query) timeWord(args *argument.List) (word string) {
	if q.cfg.Dialect != sqltext.Postgres.String() {
		return ""
	}
	return argument.TimeWord(args.Forms)
}

// loads sets how the database is asked: now, and, where entries may be served stale, later.
func (q *query) loads(stmt *gorm.Statement, state writer.State) {
	rd, pool, limits, sql, args := q.Reader, stmt.ConnPool, q.limits(), stmt.SQL.String(), q.arguments(stmt)
	q.request.Load = func(ctx context.Context, _ []int) (engine.Loaded, error) {
		return rd.load(ctx, pool, limits, sql, args.Sent)
	}
	if !q.region.Policy().InBackground() || state.In || state.Single { // then the connection may be gone later
		return
	}
	q.request.Later = func() engine.Load {
		kept := args.Copies()
		return func(ctx context.Context, _ []int) (engine.Loaded, error) {
			return rd.load(ctx, pool, limits, sql, kept)
		}
	}
}

// ttl returns the query's own TTL, or its region's.
func (q *query) ttl() time.Duration {
	if q.scope.TTL > 0 {
		return q.scope.TTL
	}
	return q.region.Policy().TTL
}

// limits returns the region's limits for what is stored.
func (q *query) limits() rows.Limits {
	p := q.region.Policy()
	return rows.Limits{MaxRows: p.MaxRows, MaxBytes: p.MaxBytes}
}
