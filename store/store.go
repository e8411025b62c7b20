package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"
)

// TokenSize is the length of a [Token] and of a [Writer] in bytes.
const TokenSize = 12

// Token is a random 96-bit value that stands for the present state of a tag. Two tokens are equal
// only if nothing the tag names has changed between the two moments they were read.
type Token [TokenSize]byte

// NewToken returns a fresh random token.
func NewToken() (t Token) {
	_, _ = rand.Read(t[:]) // crypto/rand.Read never fails since Go 1.24.
	return t
}

// String returns the token in hexadecimal, for logs.
func (t Token) String() string { return hex.EncodeToString(t[:]) }

// Writer identifies one writer: one transaction, or one statement outside a transaction. A mark
// carries it, so that a writer that ends removes its own mark and never another's.
type Writer [TokenSize]byte

// NewWriter returns a fresh random writer.
func NewWriter() (w Writer) {
	_, _ = rand.Read(w[:])
	return w
}

// String returns the writer in hexadecimal, for logs.
func (w Writer) String() string { return hex.EncodeToString(w[:]) }

// State is what a store knows of one tag at one moment.
type State struct {
	// Token is the tag's present token. Meaningful only if Known.
	Token Token
	// Known tells that the tag exists. A tag that does not exist (never made, evicted, expired) is
	// unknown: nothing may be concluded from it, and no entry that depends on it is valid.
	Known bool
	// Marked tells that at least one writer is between its mark and its settling. What the database
	// answers meanwhile may be older than a commit that another process already sees.
	Marked bool
	// Writer and Left tell of a tag that is Marked, for messages only, whose mark holds longest, and for how long
	// yet: about, since it may be told by another machine's clock. Negative: it ran out so long ago, and waits for
	// its removal. Both are zero where a store does not say.
	Writer Writer
	Left   time.Duration
}

// Clean tells that the tag is known and bears no mark, so that its token may be compared.
func (s State) Clean() bool { return s.Known && !s.Marked }

// Lookup is one read of a store: what is asked, and the answer. The caller owns the slices and may
// use a Lookup again; a store writes Values and States, and keeps none of it.
type Lookup struct {
	// Keys are the entries asked for.
	Keys []string
	// Tags are the tags asked for.
	Tags []string
	// Values are the entries found, in the order of Keys; nil where there is none. A value is shared
	// and must not be modified; it stays valid for as long as it is referenced.
	Values [][]byte
	// States are the states of Tags, in their order.
	States []State
}

// Reset makes room for the answer: one nil value a key, one zero state a tag. Stores call it first,
// so that an answer that is cut short never shows what an earlier one left.
func (l *Lookup) Reset() {
	l.Values = resize(l.Values, len(l.Keys))
	l.States = resize(l.States, len(l.Tags))
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Store holds entries, and the tags they depend on. It is safe for concurrent use, and every call
// honours its context. Keys and tags share one flat name space; they are at most [MaxKeySize] bytes
// of printable ASCII without spaces (see [Namespace]).
//
// Only the atomicity of a single tag is asked for: Mark, Settle, Unmark and Tokens change one tag at
// a time, each change as a whole. Nothing needs to be atomic across tags, or between an entry and its
// tags, so a store may spread them over shards or servers.
//
// Deadlines of marks are kept by the store's own clock: no two processes' clocks are compared.
//
// Every method that changes tags is idempotent: after an error the caller may repeat it with the same
// arguments. An error may leave some of the tags changed, and the call may still take effect later. A
// store never sends a token again that it made for an earlier attempt: between the two others may have
// changed the tag, and the token would bring back entries that were filled under it.
type Store interface {
	// Lookup reads entries and tags in one round trip and fills in l. A tag that does not exist, or
	// whose stored value makes no sense, is not an error: it is not Known. Lookup changes nothing: a
	// mark past its deadline still counts until one of the other methods removes it.
	//
	// Where there are several Keys, no tag is read before all entries are: entries from both sides of a
	// commit, whose tags all look clean, would be an answer that the database never gave. A store that
	// cannot do so in one round trip takes two.
	Lookup(ctx context.Context, l *Lookup) error

	// Set stores value under key. The entry expires after ttl; 0 means never, though it may be
	// evicted. The caller may use value's memory again afterwards.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Delete removes entries. Keys that do not exist are passed over.
	Delete(ctx context.Context, keys ...string) error

	// Tokens gives each tag that does not exist a new random token (where several callers race, all
	// see the same winner), and removes marks that are past their deadline: each tag that loses
	// such a mark gets a new token, because the mark's writer died with its outcome unknown. It
	// fills states, which has the length of tags, with what holds afterwards.
	Tokens(ctx context.Context, tags []string, states []State) error

	// Mark adds writer's mark to each tag, with a deadline grace from now, and creates tags that do
	// not exist. Marks of several writers stand side by side. A writer that marks a tag again only
	// moves its own deadline. A marked tag is neither evicted nor expired before its deadline, as
	// far as the store can promise that (its documentation says how far).
	Mark(ctx context.Context, tags []string, writer Writer, grace time.Duration) error

	// Settle gives each tag a new random token, creating it if need be, and removes writer's mark and
	// every mark past its deadline. With linger > 0 writer's mark stays (or is set) until linger
	// from now instead: for replicas that lag. Where tags did not bear writer's mark it does the same, and
	// returns [*LostMarks], which names them.
	Settle(ctx context.Context, tags []string, writer Writer, linger time.Duration) error

	// Unmark removes writer's mark from each tag and keeps the token: nothing was written. Marks of
	// others past their deadline are removed as in Tokens. Tags that do not exist are passed over. A store
	// whose tags expire prolongs their lives, also where writer has no mark: so does who needs them on.
	Unmark(ctx context.Context, tags []string, writer Writer) error

	// Close releases what the store holds of its own. It does not close a client that it was given.
	Close() error
}

// Checker is an optional capability of a [Store]: Check says whether the store can do what it must,
// once, at start. An error that wraps [ErrUnsupported] is final; any other (server not reachable) is
// not, since a cache that is down must not keep a program from starting.
type Checker interface {
	Check(ctx context.Context) error
}

// ErrUnsupported is wrapped by errors that say that a store, its server or its client can never serve
// as it is set up. The message names the remedy.
var ErrUnsupported = errors.New("gormcache: store not supported")

// ErrBudget is the cause (context.Cause) with which gormcache ends a call that outlasts the whole of its budget. It
// tells a store that is too slow from a caller who gave up, or who left less than that.
var ErrBudget = errors.New("gormcache: the store took longer than its budget")

// ErrClosed is returned by a store's methods after Close.
var ErrClosed = errors.New("gormcache: store is closed")
