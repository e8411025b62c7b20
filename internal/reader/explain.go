package reader

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// explaining collects what is said of the statements that one call of Explain meets. One goroutine uses it.
type explaining struct {
	statements []observe.Statement
	alone      bool     // GORM begins no transactions of its own
	building   int      // a statement's text is being built: what runs meanwhile are its subqueries
	samples    []sample // what runs is preloaded for the last of them
}

type explainKey struct{}

// explainSetting is the setting under which the explanation stands too, since the context may be replaced.
const explainSetting = "gormcache:explain"

// explained returns the explanation that a statement is run for, nil if there is none. Queries that are sent pay nothing,
// since only statements in DryRun are looked at.
func explained(db *gorm.DB) *explaining {
	if !db.DryRun {
		return nil
	}
	// The function may give its handle a context of its own, as methods that take one do; the setting is left then.
	if ctx := db.Statement.Context; ctx != nil {
		if x, ok := ctx.Value(explainKey{}).(*explaining); ok {
			return x
		}
	}
	v, _ := db.Statement.Settings.Load(explainSetting)
	x, _ := v.(*explaining)
	return x
}

// Explain runs fn with a handle that sends nothing, and returns what the cache would do with its statements.
func (rd *Reader) Explain(db *gorm.DB, fn func(tx *gorm.DB) *gorm.DB) (observe.Explanation, error) {
	x := &explaining{alone: db.SkipDefaultTransaction}
	ctx := context.WithValue(db.Statement.Context, explainKey{}, x)
	dry := db.Session(&gorm.Session{DryRun: true, SkipDefaultTransaction: true, Context: ctx}).Set(explainSetting, x)
	tx := fn(dry.Session(&gorm.Session{}))
	e := observe.Explanation{Statements: x.statements}
	switch {
	case tx != nil && !tx.DryRun:
		return e, ErrNotExplained
	case tx != nil && tx.Error != nil && tx.Error.Error() != gorm.ErrDryRunModeUnsupported.Error(): // Scan and Rows, for want of rows
		return e, tx.Error
	case len(x.statements) == 0:
		return e, ErrNotExplained
	}
	return e, nil
}

// ErrNotExplained is returned by Explain where its function has made no statement on the handle that it was given, or
// has returned another: what it has made on another has been sent.
var ErrNotExplained = errors.New("gormcache: Explain: the function must use the handle that it is given, and return it: statements on " +
	"another have been sent, not explained; write Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Find(&users) })")

// Write wraps the callbacks that send creates, updates, deletes and raw statements, for [Reader.Explain].
func (rd *Reader) Write(raw bool) func(next func(*gorm.DB)) func(*gorm.DB) {
	return func(next func(*gorm.DB)) func(*gorm.DB) {
		return func(db *gorm.DB) {
			x := explained(db)
			if x == nil {
				next(db)
				return
			}
			x.building++
			next(db)
			x.building--
			if db.Error == nil && x.building == 0 && db.Statement.SQL.Len() > 0 {
				x.write(rd, db, !x.alone && !raw)
			}
		}
	}
}

func (x *explaining) write(c *Reader, db *gorm.DB, inTx bool) {
	stmt := db.Statement
	inTx = inTx || c.inv.StateOf(stmt.ConnPool).In
	x.add(db, observe.Statement{Write: c.inv.Explain(stmt.Context, stmt.ConnPool, stmt.SQL.String(), stmt.Vars, inTx)})
}

func (x *explaining) add(db *gorm.DB, s observe.Statement) {
	s.SQL, s.Sample = db.Dialector.Explain(db.Statement.SQL.String(), db.Statement.Vars...), len(x.samples) > 0
	x.statements = append(x.statements, s)
}

// read explains a query instead of running it.
func (x *explaining) read(c *Reader, db *gorm.DB, rows bool) {
	if x.building > 0 || db.Error != nil {
		return
	}
	x.building++
	callbacks.BuildQuerySQL(db)
	x.building--
	if db.Error != nil {
		return
	}
	if info := c.inv.Info(db.Statement.SQL.String()); info.Write || info.DDL {
		x.write(c, db, false)
		return
	}
	x.add(db, observe.Statement{Query: c.explain(db, rows)})
}

// explain says how a query is read.
func (rd *Reader) explain(db *gorm.DB, rows bool) *observe.Query {
	s, by := scope.Of(db.Statement), "its own scope"
	if s == nil || s.OptionsOnly {
		var none *observe.Query
		if s, by, none = rd.explainPolicy(db, s, rows); none != nil {
			return none
		}
	}
	x := &observe.Query{Region: s.Region, By: by}
	r, err := rd.engine.Region(s.Region)
	if err != nil {
		_ = db.AddError(err)
		return x
	}
	q := &query{Reader: rd, db: db, scope: s, region: r, primary: wantsPrimary(db), explained: true}
	if !rd.cfg.ReplicaReads {
		defer primary(db)()
	}
	if q.divide() {
		explainParts(q.parts, x)
	} else {
		explainWhole(q, x)
	}
	x.InRequest = x.Bypass == "" && !q.request.Inside && tier.Of(db.Statement.Context) != nil
	return x
}

// explainPolicy returns the scope that a policy gives the query, or, in none, why there is no such scope.
func (rd *Reader) explainPolicy(db *gorm.DB, opts *scope.Scope, rows bool) (s *scope.Scope, by string, none *observe.Query) {
	r := rd.policies.ruling(db)
	if s = rd.policies.underPolicy(db, r, opts, rows); s != nil {
		return s, r.named(), nil
	}
	none = &observe.Query{Bypass: observe.Unscoped, Detail: "it has no scope, and no policy is for " + subject(db.Statement)}
	if opts != nil && opts.Bypass && r == nil {
		none.Bypass, none.Detail = observe.Asked, detailAsked
	}
	if r != nil {
		none.By, none.Bypass, none.Detail = r.named(), observe.Policy, "it is off"
		if !r.policy.Off {
			none.Detail = fmt.Sprintf("it is for %s, and this is %s", r.policy.Operations, operationOf(db.Statement, rows))
		}
	}
	return nil, "", none
}

// named says where a policy stands: a method, or an entry of Config.Models.
func (r *ruling) named() string {
	if r.method {
		return r.by
	}
	return fmt.Sprintf("Config.Models[%q]", r.by)
}

// explainWhole explains a query that is one entry.
func explainWhole(q *query, x *observe.Query) {
	b := q.whole()
	x.Bypass, x.Detail, x.Tables = b.reason, b.detail, q.request.Tables
	if b.reason != "" {
		return
	}
	x.Keys, x.Tags, x.TTL = []string{q.request.Key}, q.request.Tags, q.ttl()
	args := q.arguments(q.db.Statement)
	if q.class != classTable {
		x.Class = observe.ClassRow
		if q.class == classColumn {
			x.Class = observe.ClassColumn
		}
		x.EvictedBy = append(pinnedBy(x.Tables[0], x.Class, q.plan.narrowed.Pins(args.Forms)), byHand(q)...)
		return
	}
	x.Class, x.Coarse = observe.ClassTable, q.plan.coarse
	if q.plan.narrowed != nil {
		x.Coarse = q.plan.narrowed.Refused(args.Forms)
	}
	for _, t := range x.Tables {
		x.EvictedBy = append(x.EvictedBy, "any write to "+t)
	}
	x.EvictedBy = append(x.EvictedBy, byHand(q)...)
}

// explainParts explains a query whose answer falls into parts.
func explainParts(p *parted, x *observe.Query) {
	r := &p.request
	x.Class, x.Tables, x.TTL = observe.ClassParts, r.Tables, p.ttl()
	x.Tags = append(x.Tags, r.Tags...)
	pins := make([]string, len(p.texts))
	for i, part := range r.Parts {
		x.Keys, x.Tags = append(x.Keys, part.Key), append(x.Tags, part.Tag)
		pins[i] = p.pt.key.Columns()[0] + " is " + p.texts[i]
	}
	class := observe.ClassColumn
	if p.pt.key.Primary() {
		class = observe.ClassRow
	}
	x.EvictedBy = append(pinnedBy(x.Tables[0], class, pins), byHand(p.query)...)
}

// pinnedBy names the writes that drop what depends on some rows of a table.
func pinnedBy(table string, class observe.Class, pins []string) (causes []string) {
	for _, pin := range pins {
		cause := fmt.Sprintf("a write to %s where %s", table, pin)
		if class == observe.ClassColumn {
			cause += ", before or after"
		}
		causes = append(causes, cause)
	}
	return append(causes, fmt.Sprintf("a write to %s whose rows can't be told", table))
}

// byHand names the calls, and the statements, that evict a query whatever its text depends on.
func byHand(q *query) []string {
	causes := []string{fmt.Sprintf("invalidate.Region(%q), invalidate.All, DDL", q.region.Name())}
	for _, t := range q.scope.Tags {
		causes = append(causes, fmt.Sprintf("invalidate.Tags(%q)", t))
	}
	return causes
}

// sample is a parent that is made up, for which a statement runs its preloads: one that is not sent finds none.
type sample struct {
	of    *gorm.Statement
	dest  any // what stood in the statement
	value reflect.Value
}

// sample gives a statement a made-up row instead of those that it would have found.
func (x *explaining) sample(stmt *gorm.Statement) {
	x.samples = append(x.samples, sample{of: stmt, dest: stmt.Dest, value: stmt.ReflectValue})
	parent := sampleOf(stmt.Context, stmt.Schema)
	stmt.Dest, stmt.ReflectValue = parent.Addr().Interface(), parent
}

// sampled takes the statement's sample away again, if it has one.
func (x *explaining) sampled(stmt *gorm.Statement) {
	last := len(x.samples) - 1
	if last < 0 || x.samples[last].of != stmt {
		return
	}
	stmt.Dest, stmt.ReflectValue = x.samples[last].dest, x.samples[last].value
	x.samples = x.samples[:last]
}

// sampleOf is a model whose keys, by which its relations are found, are set.
func sampleOf(ctx context.Context, s *schema.Schema) reflect.Value {
	v := reflect.New(s.ModelType).Elem()
	for _, rel := range s.Relationships.Relations {
		for _, ref := range rel.References {
			field := ref.ForeignKey
			if ref.OwnPrimaryKey {
				field = ref.PrimaryKey
			}
			if field == nil || field.Schema != s {
				continue
			}
			for _, value := range []any{1, "1", "00000000-0000-0000-0000-000000000001"} {
				if _, zero := field.ValueOf(ctx, v); !zero || field.Set(ctx, v, value) == nil {
					break
				}
			}
		}
	}
	return v
}
