package reader

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// maxParts bounds the parts of one answer. A query for more is cached as a whole.
const maxParts = 1000

// parted is a query whose answer falls into parts, with its values.
type parted struct {
	*query
	pt     *parting
	folded *sqltext.Folded
	args   *argument.List
	values []int          // the arguments of the list, each once, by their places among all
	texts  []string       // their canonical texts, by place in values
	places map[string]int // place in values by canonical text
}

// divide fills in the request for the answer part by part. It reports false where the answer can't be divided: it is
// then read as a whole.
func (q *query) divide() bool {
	stmt := q.db.Statement
	if !mayPart(q.scope, stmt.SQL.String()) {
		return false
	}
	state := q.inv.StateOf(stmt.ConnPool)
	if q.asked(state).reason != "" || schema.Shifted(stmt.Vars) {
		return false
	}
	folded, ok := sqltext.Fold(sqltext.DialectOf(q.cfg.Dialect), stmt.SQL.String())
	if !ok || folded.Params != len(stmt.Vars) {
		return false
	}
	pt := q.planner.parting(stmt, folded, q.scope, q.region)
	if pt == nil {
		return false
	}
	if _, off := pt.plan.keptOut(q.scope); off {
		return false
	}
	p := &parted{query: q, pt: pt, folded: folded, args: q.arguments(stmt)}
	if q.timeWord(p.args) != "" || !p.ask() {
		return false
	}
	var r engine.Request
	if !p.compose(stmt, &r) {
		return false
	}
	q.policy(&r, pt.plan, state)
	q.parts, q.request = p, r
	return true
}

// ask finds the values asked for. It reports false if one can't be compared, or if two that differ may be
// equal to the database: a row could belong to either.
func (p *parted) ask() bool {
	at := p.folded.Places[p.pt.place]
	if at.Params > maxParts {
		return false
	}
	p.places = make(map[string]int, at.Params)
	for i := at.First; i < at.First+at.Params; i++ {
		form := p.args.Forms[i]
		text, null, ok := p.pt.key.Argument(form)
		if !ok {
			return false
		}
		if null { // equals nothing
			continue
		}
		if known, twice := p.places[text]; twice {
			if !argument.Same(form, p.args.Forms[p.values[known]]) {
				return false
			}
			continue
		}
		p.places[text] = len(p.values)
		p.values, p.texts = append(p.values, i), append(p.texts, text)
	}
	return len(p.values) > 0
}

// compose fills in the keys and tags, and how the database is asked.
func (p *parted) compose(stmt *gorm.Statement, r *engine.Request) bool {
	at := p.folded.Places[p.pt.place]
	counts := make([]any, len(p.folded.Places)) // other lists are part of the shape, at their length
	for i, place := range p.folded.Places {
		if i != p.pt.place {
			counts[i] = place.Params
		}
	}
	shape, ok := p.sum(stmt, p.pt.plan, classPart, p.pt.shape, counts, p.args.Forms[:at.First], p.args.Forms[at.First+at.Params:])
	if !ok {
		return false
	}
	r.Parts = make([]engine.Part, len(p.values))
	all := sha256.New()
	b := make([]byte, 0, 64)
	for i, v := range p.values {
		if b, ok = argument.Append(append(b[:0], shape[:]...), p.args.Forms[v]); !ok {
			return false
		}
		if p.mysql() {
			b = argument.AppendSigns(b, p.args.Forms[v])
		}
		sum := sha256.Sum256(b)
		all.Write(sum[:])
		r.Parts[i] = engine.Part{Key: p.engine.Namespace().Entry([24]byte(sum[:24])), Tag: p.pt.key.Tag(p.texts[i])}
	}
	r.Key = p.engine.Namespace().Entry([24]byte(all.Sum(nil)[:24]))
	r.Tags = p.withUserTags(p.pt.tags)
	r.Tracks, r.Tracking = p.pt.key.Tracks(), p.pt.key
	r.Tables, r.Counters = p.pt.plan.tables, p.pt.plan.counters
	rd, pool, limits, text := p.Reader, stmt.ConnPool, p.limits(), stmt.SQL.String()
	r.Load = func(ctx context.Context, missing []int) (engine.Loaded, error) {
		sql, vars := p.rest(missing)
		from := &passing{ConnPool: pool, own: sql != text}
		loaded, err := rd.load(ctx, from, limits, sql, vars)
		from.end(loaded.Rest != nil)
		return p.distribute(loaded, missing, err)
	}
	return true
}

// rest is the query for the missing values only.
func (p *parted) rest(missing []int) (sql string, vars []any) {
	at := p.folded.Places[p.pt.place]
	vars = slices.Clone(p.args.Sent[:at.First])
	for _, i := range missing {
		vars = append(vars, p.args.Sent[p.values[i]])
	}
	return p.folded.Expand(p.pt.place, len(missing)), append(vars, p.args.Sent[at.First+at.Params:]...)
}

// distribute divides the rows that were loaded among the missing parts.
func (p *parted) distribute(loaded engine.Loaded, missing []int, err error) (engine.Loaded, error) {
	if (err != nil || loaded.Reason != "") && (len(missing) == len(p.values) || loaded.Rest == nil) {
		return loaded, err
	}
	if rest, ok := loaded.Rest.(io.Closer); ok { // some of the answer only: the caller needs all of it
		_ = rest.Close()
		return engine.Loaded{}, engine.ErrParts
	}
	view, err := rows.Parse(loaded.Payload)
	if err != nil {
		return engine.Loaded{}, engine.ErrParts
	}
	to := make(map[int]int, len(missing))
	for n, i := range missing {
		to[i] = n
	}
	groups, ok := p.groups(view)
	for row, i := range groups {
		n, asked := to[i]
		groups[row], ok = n, ok && asked
	}
	if !ok {
		p.pt.indivisible.Store(true)
		return engine.Loaded{}, engine.ErrParts
	}
	loaded.Parts = make([]engine.LoadedPart, len(missing))
	for n, payload := range view.Split(groups, len(missing)) {
		loaded.Parts[n] = engine.LoadedPart{Payload: payload, Empty: true}
	}
	for _, n := range groups {
		loaded.Parts[n].Empty = false
	}
	return loaded, nil
}

// groups returns, for each row, the place of the value that it belongs to. ok is false if a row belongs to none.
func (p *parted) groups(view *rows.Set) (groups []int, ok bool) {
	column := slices.IndexFunc(view.Columns(), func(c rows.Column) bool {
		return strings.EqualFold(c.Name, p.pt.key.Columns()[0])
	})
	if column < 0 {
		return nil, false
	}
	groups = make([]int, view.Len())
	cursor := view.Cursor(column)
	for row := range groups {
		text, null, ok := p.pt.key.Stored(cursor.Next().Any())
		if !ok || null {
			return nil, false
		}
		if groups[row], ok = p.places[text]; !ok { // equal by a collation
			return nil, false
		}
	}
	return groups, true
}

// errMixed is returned where parts can't be put together.
var errMixed = errors.New("gormcache: the parts do not fit together")

// join puts together the parts that were found and the rows that were loaded.
func (p *parted) join(res engine.Result) (*rows.Set, error) {
	found := make([]int, 0, len(res.Hits))
	for i, payload := range res.Hits {
		if payload != nil {
			found = append(found, i)
		}
	}
	if len(found) == 0 { // the order is the database's own
		return p.pt.plan.parser.Parse(res.Payload)
	}
	if p.pt.order != anyOrder {
		return p.sorted(res, found)
	}
	payloads := make([][]byte, 0, len(found)+1)
	for _, i := range found {
		payloads = append(payloads, res.Hits[i])
	}
	if res.Payload != nil {
		payloads = append(payloads, res.Payload)
	}
	return p.pt.plan.parser.Join(payloads)
}

// sorted puts parts of at most one row each in the order of their keys.
func (p *parted) sorted(res engine.Result, found []int) (*rows.Set, error) {
	type keyed struct {
		key     int64
		payload []byte
	}
	all := make([]keyed, 0, len(p.values))
	add := func(i int, payload []byte) bool {
		key, err := strconv.ParseInt(p.texts[i], 10, 64)
		all = append(all, keyed{key, payload})
		return err == nil
	}
	for _, i := range found {
		if !add(i, res.Hits[i]) {
			return nil, errMixed
		}
	}
	if res.Payload != nil {
		view, err := p.pt.plan.parser.Parse(res.Payload)
		if err != nil {
			return nil, err
		}
		groups, ok := p.groups(view)
		each := make([]int, len(groups))
		for row := range each {
			each[row] = row
		}
		for row, payload := range view.Split(each, len(each)) {
			ok = ok && add(groups[row], payload)
		}
		if !ok {
			return nil, errMixed
		}
	}
	slices.SortFunc(all, func(a, b keyed) int {
		if p.pt.order == descending {
			a, b = b, a
		}
		return cmp.Compare(a.key, b.key)
	})
	payloads := make([][]byte, len(all))
	for i := range all {
		payloads[i] = all[i].payload
	}
	return p.pt.plan.parser.Join(payloads)
}
