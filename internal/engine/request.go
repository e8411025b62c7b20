package engine

import (
	"context"
	"errors"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Errors of a read that has not been counted, and for which nothing was stored.
var (
	// ErrSchema is returned where the request's Schema is no longer the present one: its tags are to be found out
	// anew. The database has not been asked.
	ErrSchema = errors.New("gormcache: the schema may have changed")
	// ErrParts is returned where the answer turned out not to fall into parts.
	ErrParts = errors.New("gormcache: the answer does not fall into parts")
)

// Mode is how a request treats what is cached.
type Mode uint8

const (
	// Normal serves what is cached, and loads otherwise.
	Normal Mode = iota
	// Refresh loads in any case, and overwrites what is cached.
	Refresh
	// OnlyIfCached never loads: what is not cached is [ErrCacheMiss].
	OnlyIfCached
)

// Part is a part of an answer: an entry of its own, that depends on a tag of its own besides those that
// all parts share.
type Part struct {
	Key, Tag string
}

// LoadedPart is a part of what the database answered.
type LoadedPart struct {
	Payload []byte
	Empty   bool
}

// Loaded is what a load gives.
type Loaded struct {
	// Payload is the answer in bytes. It is shared between callers and must not be modified.
	Payload []byte
	// Parts are the same divided, in the order in which the parts were asked for. Nil for a whole answer.
	Parts []LoadedPart
	// Empty reports whether there is nothing: NegativeTTL holds then.
	Empty bool
	// Reason, if not empty, says why the answer can neither be stored nor shared. Rest then is the
	// answer, for the caller that loaded it alone.
	Reason observe.Reason
	// Detail makes Reason precise.
	Detail string
	// Rest is handed through to the caller that loaded, also beside an error. In the background,
	// where there is none, it is closed if it is an io.Closer.
	Rest any
}

// Load asks the database. Of an answer in parts it asks for some of them: missing are their places in the request,
// and valid until it returns. Its error is [ErrParts] where what it got can't be divided.
type Load func(ctx context.Context, missing []int) (Loaded, error)

// Request is one read of an answer, which is one entry or more. It is not modified, and not kept beyond the read.
type Request struct {
	// Key is the key of the entry. Of an answer in parts it stands for all of them together.
	Key string
	// Tags are all tags of the entry, or those that all parts share, as [Region.Tags] gives them: the namespace's
	// epoch is the first.
	Tags []string
	// Parts are the parts of the answer, each once. Nil: the answer is whole, and the one entry under Key.
	Parts []Part
	// Kind is what the payload holds.
	Kind entry.Kind
	// TTL takes the place of the region's, if positive.
	TTL time.Duration
	// Mode is how to treat what is cached.
	Mode Mode
	// Inside reports whether the read runs in a transaction, or on one connection: what was read outside is nothing to it.
	Inside bool
	// Alone keeps the load from being shared with other callers.
	Alone bool
	// NoFill keeps the answer from being stored.
	NoFill bool
	// Schema is the version of the schema that Tags rest on, if OfSchema. Where it is no longer the
	// present one after the tags have been read, the tags may be wrong.
	Schema   uint64
	OfSchema bool
	// Tracks are those of Tags that exist only by enrolment: a read must not make them with new tokens
	// as it makes others, but by Tracking.
	Tracks   []string
	Tracking Tracking
	// Load asks the database. It runs in the caller's goroutine.
	Load Load
	// Later returns a load that may run in the background after the read has returned, so it must
	// not refer to anything of the caller's. Nil: there is none, and nothing is served stale. Parts never are.
	Later func() Load
	// Tables and Counters are the tables the request reads, for hooks and counters.
	Tables   []string
	Counters []*observe.Counter
}

// Tracking sees to the tags that exist only by enrolment. It is safe for concurrent use.
type Tracking interface {
	// Enrol makes the tags, or takes away marks that have run out on them.
	Enrol(ctx context.Context) error
	// Due reports whether it is time for Keep, once each time. It is quick.
	Due() bool
	// Keep keeps the tags from expiring.
	Keep(ctx context.Context) error
}

// Result is how a read ended.
type Result struct {
	// Payload is the answer of a hit, a stale hit or a miss; of an answer in parts, what of it was loaded. It must
	// not be modified.
	Payload []byte
	// Hits are the payloads that were found of an answer in parts, in their order; nil where there was none. Nil for
	// a whole answer.
	Hits [][]byte
	// Outcome is how the read ended. After Bypass the caller asks the database itself, unless Rest
	// is set. An answer in parts is a hit if no part had to be loaded.
	Outcome observe.Outcome
	// Reason and Detail say why the read was bypassed.
	Reason observe.Reason
	Detail string
	// Rest is what the caller's own load gave beside, or in place of, a payload.
	Rest any
	// Coalesced reports whether another caller's load gave the answer.
	Coalesced bool
}
