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

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/replay"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/serializer"
)

// maxParts bounds the parts of one answer. A query for more is cached as a whole.
const maxParts = 1000

// parted is a query whose answer falls into parts, with its values.
type parted struct {
	*query
	pt     *parting
	folded *sqltext.Folded
	vars   []any
	values []any          // the arguments of the list, each once
	texts  []string       // what stands for them
	places map[string]int // of the texts in values
	req    engine.PartsRequest
}

// inParts answers the query part by part. ok is false where it can't be: it is then read as a whole.
func (q *query) inParts(stmt *gorm.Statement) (ans answer, ok bool, err error) {
	if !q.mayPart(stmt.SQL.String()) {
		return answer{}, false, nil
	}
	state := q.inv.StateOf(stmt.ConnPool)
	if q.asked(state).reason != "" || writer.Shifted(stmt.Vars) {
		return answer{}, false, nil
	}
	folded, ok := sqltext.Fold(sqltext.DialectOf(q.cfg.Dialect), stmt.SQL.String())
	if !ok || folded.Params != len(stmt.Vars) || q.timeWord(stmt.Vars) != "" {
		return answer{}, false, nil
	}
	for range maxPlanning {
		pt := q.parting(stmt, folded)
		if pt == nil {
			return answer{}, false, nil
		}
		if _, off := q.off(pt.plan); off {
			return answer{}, false, nil
		}
		p := &parted{query: q, pt: pt, folded: folded, vars: stmt.Vars}
		if !p.ask() || !p.compose(stmt) {
			return answer{}, false, nil
		}
		q.policy(&p.req.Request, pt.plan, state)
		if ans, ok, err = p.answer(stmt.Context); !errors.Is(err, engine.ErrSchema) {
			return ans, ok, err
		}
	}
	return answer{}, false, nil
}

// ask finds the values asked for. It reports false if one can't be compared, or if two that differ may be
// equal to the database: a row could belong to either.
func (p *parted) ask() bool {
	at := p.folded.Places[p.pt.place]
	if at.Params > maxParts {
		return false
	}
	p.places = make(map[string]int, at.Params)
	for _, v := range p.vars[at.First : at.First+at.Params] {
		text, null, ok := p.pt.key.Argument(v)
		if !ok {
			return false
		}
		if null { // equals nothing
			continue
		}
		if known, twice := p.places[text]; twice {
			if !sameArgument(v, p.values[known]) {
				return false
			}
			continue
		}
		p.places[text] = len(p.values)
		p.values, p.texts = append(p.values, v), append(p.texts, text)
	}
	return len(p.values) > 0
}

func sameArgument(a, b any) bool {
	x, ok := appendArgument(nil, a, maxDepth)
	y, okToo := appendArgument(nil, b, maxDepth)
	return ok && okToo && string(x) == string(y)
}

// compose fills in the keys and tags.
func (p *parted) compose(stmt *gorm.Statement) bool {
	at := p.folded.Places[p.pt.place]
	counts := make([]any, len(p.folded.Places)) // other lists are part of the shape, at their length
	for i, place := range p.folded.Places {
		if i != p.pt.place {
			counts[i] = place.Params
		}
	}
	shape, ok := p.sum(stmt, p.pt.plan, classPart, p.pt.shape, counts, p.vars[:at.First], p.vars[at.First+at.Params:])
	if !ok {
		return false
	}
	p.req.Parts = make([]engine.Part, len(p.values))
	all := sha256.New()
	b := make([]byte, 0, 64)
	for i, v := range p.values {
		if b, ok = appendArgument(append(b[:0], shape[:]...), v, maxDepth); !ok {
			return false
		}
		sum := sha256.Sum256(b)
		all.Write(sum[:])
		p.req.Parts[i] = engine.Part{Key: p.engine.Namespace().Entry([24]byte(sum[:24])), Tag: p.pt.key.Tag(p.texts[i])}
	}
	p.req.Key = p.engine.Namespace().Entry([24]byte(all.Sum(nil)[:24]))
	p.req.Tags = p.pt.tags
	if len(p.scope.Tags) > 0 {
		p.req.Tags = p.withUserTags(p.pt.tags)
	}
	p.req.Tracks, p.req.Tracking = p.pt.key.Tracks(), p.pt.key
	p.req.Tables, p.req.Counters = p.pt.plan.tables, p.pt.plan.counters
	cfg := p.region.Policy()
	limits := serializer.Limits{MaxRows: cfg.MaxRows, MaxBytes: cfg.MaxBytes}
	c, pool, text := p.Reader, stmt.ConnPool, stmt.SQL.String()
	p.req.LoadParts = func(ctx context.Context, missing []int) (engine.Loaded, []engine.LoadedPart, error) {
		sql, vars := p.rest(missing)
		from := &passing{ConnPool: pool, own: sql != text}
		loaded, err := c.load(ctx, from, limits, sql, vars)
		from.end(loaded.Rest != nil)
		return p.divide(loaded, missing, err)
	}
	return true
}

// rest is the query for the missing values only.
func (p *parted) rest(missing []int) (sql string, vars []any) {
	at := p.folded.Places[p.pt.place]
	vars = slices.Clone(p.vars[:at.First])
	for _, i := range missing {
		vars = append(vars, p.values[i])
	}
	return p.folded.Expand(p.pt.place, len(missing)), append(vars, p.vars[at.First+at.Params:]...)
}

// divide tells which of the rows loaded belong to which of the missing parts.
func (p *parted) divide(loaded engine.Loaded, missing []int, err error) (engine.Loaded, []engine.LoadedPart, error) {
	if (err != nil || loaded.Reason != "") && (len(missing) == len(p.values) || loaded.Rest == nil) {
		return loaded, nil, err
	}
	if rest, ok := loaded.Rest.(io.Closer); ok { // some of the answer only: the caller needs all of it
		_ = rest.Close()
		return engine.Loaded{}, nil, engine.ErrParts
	}
	view, err := serializer.Parse(loaded.Payload)
	if err != nil {
		return engine.Loaded{}, nil, engine.ErrParts
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
		p.pt.spoiled.Store(true)
		return engine.Loaded{}, nil, engine.ErrParts
	}
	parts := make([]engine.LoadedPart, len(missing))
	for n, payload := range view.Split(groups, len(missing)) {
		parts[n] = engine.LoadedPart{Payload: payload, Empty: true}
	}
	for _, n := range groups {
		parts[n].Empty = false
	}
	return loaded, parts, nil
}

// groups tells to which of the values each row belongs. ok is false if that can't be told.
func (p *parted) groups(view *serializer.Rows) (groups []int, ok bool) {
	column := slices.IndexFunc(view.Columns(), func(c serializer.Column) bool {
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

// answer reads through the region, and puts the parts together.
func (p *parted) answer(ctx context.Context) (_ answer, ok bool, err error) {
	res, err := p.region.ReadParts(ctx, &p.req)
	ans := answer{}
	ans.rest, _ = res.Rest.(*replay.Tail)
	switch {
	case errors.Is(err, engine.ErrParts):
		return answer{}, false, nil
	case errors.Is(err, engine.ErrSchema):
		return ans, true, err
	case err == nil && res.Outcome != observe.Bypass:
		if ans.view, ok = p.join(res); !ok {
			// Entries of another deployment, which has other columns.
			return answer{}, false, nil
		}
	}
	found := 0
	for _, payload := range res.Hits {
		if payload != nil {
			found++
		}
	}
	p.ended(ans, res.Result, found, len(p.values), err)
	return ans, true, err
}

// join puts the parts together that were found and the rows that were loaded.
func (p *parted) join(res engine.PartsResult) (*serializer.Rows, bool) {
	found := make([]int, 0, len(res.Hits))
	for i, payload := range res.Hits {
		if payload != nil {
			found = append(found, i)
		}
	}
	if len(found) == 0 { // the order is the database's own
		view, err := p.pt.plan.parser.Parse(res.Payload)
		return view, err == nil
	}
	payloads := make([][]byte, 0, len(found)+1)
	if p.pt.order != anyOrder {
		return p.sorted(res, found)
	}
	for _, i := range found {
		payloads = append(payloads, res.Hits[i])
	}
	if res.Payload != nil {
		payloads = append(payloads, res.Payload)
	}
	view, err := p.pt.plan.parser.Join(payloads)
	return view, err == nil
}

// sorted puts parts of at most one row each in the order of their keys.
func (p *parted) sorted(res engine.PartsResult, found []int) (*serializer.Rows, bool) {
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
			return nil, false
		}
	}
	if res.Payload != nil {
		view, err := p.pt.plan.parser.Parse(res.Payload)
		if err != nil {
			return nil, false
		}
		groups, ok := p.groups(view)
		rows := make([]int, len(groups))
		for row := range rows {
			rows[row] = row
		}
		for row, payload := range view.Split(rows, len(rows)) {
			ok = ok && add(groups[row], payload)
		}
		if !ok {
			return nil, false
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
	view, err := p.pt.plan.parser.Join(payloads)
	return view, err == nil
}
