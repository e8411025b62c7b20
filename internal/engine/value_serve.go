package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// An entry of a value names the tags that it depends on beyond those of its region, before the value itself. So it can
// be read by one who does not know them, and kept by one who changes it:
//
//	body = number of tags, { length, tag }, value      numbers are varints

// appendTags appends the beginning of a body.
func appendTags(dst []byte, tags []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(tags)))
	for _, t := range tags {
		dst = append(binary.AppendUvarint(dst, uint64(len(t))), t...)
	}
	return dst
}

// splitBody returns the value in a body, and the bytes of the tags before it and their number.
func splitBody(body []byte) (count int, tags, value []byte, ok bool) {
	rest := body
	all, n := binary.Uvarint(rest)
	if n <= 0 {
		return 0, nil, nil, false
	}
	for rest = rest[n:]; uint64(count) < all; count++ { //nolint:gosec // it is not negative
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return 0, nil, nil, false
		}
		rest = rest[n+int(size):] //nolint:gosec // it is at most the length of rest
	}
	return count, body[:len(body)-len(rest)], rest, true
}

// tagsOf are the tags before a value. The bytes are what splitBody returned.
func tagsOf(b []byte) []string {
	count, n := binary.Uvarint(b)
	b = b[n:]
	tags := make([]string, 0, min(count, uint64(len(b))))
	for ; count > 0; count-- {
		size, n := binary.Uvarint(b)
		tags = append(tags, string(b[n:n+int(size)])) //nolint:gosec // as above
		b = b[n+int(size):]                           //nolint:gosec // as above
	}
	return tags
}

// read reads an entry into p.value, and finds out what may be done with it. Entry.Payload is the value alone.
func (r *Region) read(key string, raw []byte, states []store.State, now time.Time, v *Value) (freshness, []byte) {
	*v = Value{}
	env := &v.Entry
	if err := env.Decode(key, raw); err != nil {
		// Another format's version is a deployment under way; anything else is damage, or forgery.
		if !errors.Is(err, entry.ErrVersion) {
			r.engine.cfg.Recorder.Rejected()
		}
		return useless, nil
	}
	if env.Kind == entry.KindGone {
		return useless, nil
	}
	count, tags, payload, ok := splitBody(env.Payload)
	if env.Kind == entry.KindRows || !ok {
		r.engine.cfg.Recorder.Rejected()
		return useless, nil
	}
	env.Payload, v.Age, v.Stale = payload, env.Age(now), env.IsOld(now)
	// Of a region with other tags of its own, by another configuration: a tag would be taken for another.
	if len(env.Tokens) != (len(r.base)+count)*store.TokenSize {
		v.dropped = true
		return useless, tags
	}
	if !r.servable(states) {
		return useless, tags
	}
	var m moves
	if !match(env.Tokens, states, nil) || !clean(states) {
		if len(env.Tokens) > len(states)*store.TokenSize {
			return wider, tags
		}
		m = r.moves(env.Tokens, states, nil)
		v.dropped = m.all || m.some
	}
	random := 0.0
	if r.policy.EarlyRefresh.Beta > 0 {
		random = rand.Float64()
	}
	may := r.policy.fresh(env, m, true, now, random)
	v.Stale = v.Stale || may == stale || may == spare || may == touched
	return may, tags
}

// serve hands over what may be served, and leaves the rest.
func (p *valuing) serve(ctx context.Context) {
	var aging, more []sight
	now, kept := time.Now(), p.left[:0]
	for n, s := range p.left {
		s.raw = p.lookup.Values[n]
		if s.raw == nil {
			kept = append(kept, s)
			continue
		}
		may, _ := p.region.read(p.Keys[s.at], s.raw, p.lookup.States, now, &p.value)
		s.id = identity(s.raw, &p.value.Entry)
		switch {
		case p.Mode == Refresh:
		case may == wider:
			more = append(more, s)
			continue
		case p.usable(may) && p.deliver(ctx, s):
			if may == early && p.Mode == Normal && p.inside == (Inside{}) {
				p.refresh(ctx, []sight{s})
			}
			continue
		case may == stale && p.MaxAge == 0 && !p.Old && p.Mode == Normal && p.inside == (Inside{}): // a transaction ends before a refresh does
			aging = append(aging, s)
			continue
		case (may == spare || may == touched) && p.MaxAge == 0 && p.inside == (Inside{}):
			s.spare = may
		}
		if p.value.dropped && p.value.Entry.Kind == entry.KindValue && clean(p.lookup.States) {
			s.dropped = p.value.Entry.Payload
		}
		kept = append(kept, s)
	}
	p.left = kept
	if len(more) > 0 {
		p.follow(ctx, more, now)
	}
	if len(aging) > 0 {
		p.serveStale(ctx, aging, now)
	}
}

// usable reports whether what was read may be served as it is.
func (p *valuing) usable(may freshness) bool {
	switch {
	case p.MaxAge > 0 && p.value.Age > p.MaxAge:
		return false
	case may == fresh, may == early, p.Old && (may == stale || may == spare):
		return p.value.Entry.Kind == entry.KindValue || p.Negative
	}
	return false
}

// deliver hands over what was read, and reports false if it can't be decoded.
func (p *valuing) deliver(ctx context.Context, s sight) bool {
	return p.deliverAs(ctx, s, "", "")
}

func (p *valuing) deliverAs(ctx context.Context, s sight, reason observe.Reason, detail string) bool {
	res := Result{Outcome: observe.Hit, Reason: reason, Detail: detail}
	if p.value.Stale {
		res.Outcome = observe.Stale
	}
	var err error
	if p.value.Entry.Kind == entry.KindAbsent {
		err = p.Caller.Absent(s.at, p.value.Entry.Payload)
	} else {
		err = p.Caller.Take(s.at, &p.value)
	}
	if err != nil {
		p.engine.cfg.Recorder.Rejected()
		return false
	} else if !p.value.Stale {
		p.remember(s.at, p.value.Entry.Payload)
	}
	p.report(ctx, s, res, nil)
	return true
}

// identity tells an entry from every other that was or will be under its key.
func identity(raw []byte, env *entry.Envelope) [entry.VersionSize]byte {
	if env.Version != [entry.VersionSize]byte{} {
		return env.Version
	}
	h := fnv.New64a()
	_, _ = h.Write(raw)
	return [entry.VersionSize]byte(h.Sum(nil))
}

// serveStale serves entries that are old, as long as somebody refreshes them.
func (p *valuing) serveStale(ctx context.Context, stale []sight, now time.Time) {
	refreshed := p.refresh(ctx, stale)
	for _, s := range stale {
		if refreshed {
			p.region.read(p.Keys[s.at], s.raw, p.lookup.States, now, &p.value)
			if (p.value.Entry.Kind == entry.KindValue || p.Negative) && p.deliver(ctx, s) {
				continue
			}
		}
		p.left = append(p.left, s)
	}
}

// rescue serves what is old, and the region allows for it, where the load has failed, or takes too long. It reports false
// if there is nothing.
func (p *valuing) rescue(ctx context.Context, s sight, why observe.Reason, err error) bool {
	if s.spare == useless || errors.Is(err, ErrOwnKey) || errors.Is(ctx.Err(), context.Canceled) { // who has given up wants no answer
		return false
	}
	p.region.read(p.Keys[s.at], s.raw, p.lookup.States, time.Now(), &p.value)
	if p.value.Entry.Kind != entry.KindValue && !p.Negative {
		return false
	}
	detail := loadSlow
	if why == observe.LoadFailed {
		detail = loadFailed(err)
	}
	if s.spare == touched {
		detail += alsoTouched
	}
	p.value.Stale = true
	return p.deliverAs(ctx, s, why, detail)
}

// follow serves entries that depend on more than the caller has named, if all of that is as it was.
func (p *valuing) follow(ctx context.Context, more []sight, now time.Time) {
	var l store.Lookup
	l.Tags = slices.Clone(p.Tags)
	place := map[string]int{}
	for at, t := range l.Tags {
		place[t] = at
	}
	wants := make([][]string, len(more))
	base := len(p.region.base)
	for n, s := range more {
		_, tags := p.region.read(p.Keys[s.at], s.raw, p.lookup.States, now, &p.value)
		wants[n] = tagsOf(tags)
		l.Keys = append(l.Keys, p.Keys[s.at])
		for _, t := range wants[n] {
			if _, ok := place[t]; !ok {
				place[t] = len(l.Tags)
				l.Tags = append(l.Tags, t)
			}
		}
	}
	err := p.engine.lookup(ctx, &p.patience, &l)
	for n, s := range more {
		if err == nil && covers(wants[n], p.Tags[base:]) && l.Values[n] != nil {
			states := slices.Clone(l.States[:base])
			for _, t := range wants[n] {
				states = append(states, l.States[place[t]])
			}
			s.raw = l.Values[n]
			v, _ := p.region.read(p.Keys[s.at], s.raw, states, now, &p.value)
			s.id = identity(s.raw, &p.value.Entry)
			if p.usable(v) && p.deliver(ctx, s) {
				continue
			}
		}
		p.left = append(p.left, s)
	}
}

// covers reports whether all of some are in all.
func covers(all, some []string) bool {
	for _, t := range some {
		if !slices.Contains(all, t) {
			return false
		}
	}
	return true
}
