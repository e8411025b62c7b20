package writer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// A store that fails now and then has an outage for each moment. One that begins less than calm after the last is
// warned of only if it lasts, so that the log has a line each now and then, not for each event.
const (
	calm    = 10 * time.Second
	lasting = time.Second
)

// maxNamed bounds the names that a line of the log shows.
const maxNamed = 20

// outage is the time in which something waits for the store, from the first that was queued to the last that was
// delivered. The queue's lock guards it.
type outage struct {
	since  time.Time // zero: there is none
	tags   int
	names  []string // of tables, regions and the user's tags, the first few
	warned bool     // it has been warned of
	ended  time.Time
}

// grow is told of what is queued.
func (o *outage) grow(ns store.Namespace, tags []string) {
	if o.since.IsZero() {
		*o = outage{since: time.Now(), ended: o.ended}
	}
	o.tags += len(tags)
	for _, tag := range tags {
		if name := subject(ns, tag); len(o.names) < maxNamed && !slices.Contains(o.names, name) {
			o.names = append(o.names, name)
		}
	}
}

// worth reports whether an outage that goes on is to be warned of.
func (o *outage) worth() bool {
	return !o.warned && (o.ended.IsZero() || o.since.Sub(o.ended) >= calm || time.Since(o.since) >= lasting)
}

// subject is what a tag is of: a table, a region, a tag of the user's, or everything. The values in the tags of rows
// and columns are data, and stay out of logs. A long name stands in its tag as a hash only.
func subject(ns store.Namespace, tag string) string {
	if table, ok := tableOf(ns, tag); ok {
		return table
	}
	switch kind, name := parts(ns, tag); {
	case kind == "n":
		return "everything"
	case strings.HasPrefix(name, "="):
		return "a long name"
	case kind == "r", kind == "f", kind == "g":
		return "region " + name
	default:
		return "tag " + name
	}
}

// tableOf is the table that a tag is of; false: it is of none, or of one whose name is too long for the tag.
func tableOf(ns store.Namespace, tag string) (table string, ok bool) {
	kind, name := parts(ns, tag)
	switch {
	case strings.HasPrefix(name, "="), kind == "n", kind == "r", kind == "f", kind == "g", kind == "u":
		return "", false
	}
	table, _, _ = strings.Cut(name, ".")
	return table, true
}

func parts(ns store.Namespace, tag string) (kind, name string) {
	kind, name, _ = strings.Cut(strings.TrimPrefix(tag, string(ns)+":"), ":")
	return kind, name
}

// tell writes what there is to say of outages to the log, without the lock: a handler may be slow, or use the cache.
func (q *queue) tell() {
	q.mu.Lock()
	o := q.outage
	waits, closed := len(q.tags) > 0 || len(q.unverified) > 0 || q.verifying, q.closed
	switch {
	case o.since.IsZero(), waits && !closed && !o.worth(), waits && o.warned:
		q.mu.Unlock()
		return
	case waits:
		q.outage.warned = true
	case o.warned:
		q.outage = outage{ended: time.Now()}
	default: // it was over before it was worth a word
		q.outage = outage{ended: o.ended}
	}
	q.mu.Unlock()
	ctx, log := context.Background(), q.p.cfg.Logger
	switch err := q.p.failure.Load(); {
	case !waits && o.warned:
		log.InfoContext(ctx, "gormcache: the store has been told of all writes again", "tags", o.tags, "names", o.names,
			"took", time.Since(o.since).Round(time.Millisecond))
	case !waits:
	case closed:
		log.WarnContext(ctx, "gormcache: the store can't be told of writes, and the plugin is closed: other processes may "+
			"serve old rows until their TTL", "tags", o.tags, "names", o.names, "error", textOf(err))
	default:
		log.WarnContext(ctx, "gormcache: the store can't be told of writes: it is tried again until it can, and meanwhile "+
			"other processes may serve old rows", "tags", o.tags, "names", o.names, "error", textOf(err))
	}
}

func textOf(err *error) string {
	if err == nil {
		return ""
	}
	return (*err).Error()
}
