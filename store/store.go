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

// Token is a random 96-bit value that stands for the present state of a tag. Two tokens are equal only if nothing that
// the tag names has changed between the two reads.
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
	// Known is set if the tag exists. A tag that does not exist (never made, evicted, expired) is unknown: no entry that
	// depends on it is valid.
	Known bool
	// Marked is set if at least one writer is between its Mark and its Settle. An answer that the database gives
	// meanwhile may be older than a commit that another process already sees.
	Marked bool
	// Writer and Left are for messages only. If the tag is Marked, Writer has the mark that holds longest, and Left is
	// about how long that mark still holds: another machine's clock may have measured it. A negative Left is how long
	// ago the mark ran out; the mark still waits for its removal. Both are zero if a store does not report them.
	Writer Writer
	Left   time.Duration
}

// Clean reports whether the tag is known and bears no mark, so that its token may be compared.
func (s State) Clean() bool { return s.Known && !s.Marked }

// Lookup is one read of a store: the question and the answer. The caller owns the slices and may use a Lookup again. A
// store writes Values and States, and keeps no reference to them.
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

// Reset makes room for the answer: a nil value for each key, a zero state for each tag. Stores call Reset first, so that
// an incomplete answer never shows values of an earlier one.
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

// Store holds entries and the tags that they depend on. It is safe for concurrent use, and every call honors its context.
// Keys and tags share one flat name space; they are at most [MaxKeySize] bytes of printable ASCII without spaces (see
// [Namespace]).
//
// Only a single tag must change atomically: Mark, Settle, Unmark and Tokens change one tag at a time, and each change is
// atomic. Nothing needs to be atomic across tags, or between an entry and its tags, so a store may spread them over
// shards or servers.
//
// Deadlines of marks are kept by the store's own clock: clocks of two processes are never compared.
//
// Every method that changes tags is idempotent: after an error the caller may repeat it with the same
// arguments. An error may leave some of the tags changed, and the call may still take effect later. A
// store never sends the token of an earlier attempt again: another writer may have changed the tag in between, and the
// old token would make entries valid again that were filled under it.
type Store interface {
	// Lookup reads entries and tags in one round trip and fills in l. A tag that does not exist, or whose
	// stored value is malformed, is not an error: its state is not Known. Lookup changes nothing: a mark past its
	// deadline still counts until one of the other methods removes it.
	//
	// If there are several Keys, no tag is read before all entries have been read. Otherwise the entries could be from
	// both sides of a commit while all their tags look clean: an answer that the database never gave. A store that
	// cannot guarantee this order in one round trip makes two.
	Lookup(ctx context.Context, l *Lookup) error

	// Set stores value under key. The entry expires after ttl; 0 means never, though it may be
	// evicted. The caller may use value's memory again afterwards.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Delete removes entries. Keys that do not exist are ignored.
	Delete(ctx context.Context, keys ...string) error

	// Tokens gives each tag that does not exist a new random token (if several callers race, all
	// see the same token), and removes marks that are past their deadline: each tag that loses
	// such a mark gets a new token, because the mark's writer died with its outcome unknown. It
	// fills states, which has the length of tags, with the states afterwards.
	Tokens(ctx context.Context, tags []string, states []State) error

	// Mark adds writer's mark to each tag, with a deadline grace from now, and creates tags that do
	// not exist. Marks of several writers stand side by side. If a writer marks a tag again,
	// only its own deadline moves. A marked tag is neither evicted nor expired before its deadline, as
	// far as the store can guarantee that (its documentation says how far).
	Mark(ctx context.Context, tags []string, writer Writer, grace time.Duration) error

	// Settle gives each tag a new random token, creating it if need be, and removes writer's mark and
	// every mark past its deadline. With linger > 0 writer's mark stays (or is set) until linger
	// from now instead: for replicas that lag. It does the same to tags without writer's
	// mark, and then returns a [*LostMarks] that names these tags.
	Settle(ctx context.Context, tags []string, writer Writer, linger time.Duration) error

	// Unmark removes writer's mark from each tag and keeps the token: nothing was written. Marks of
	// others past their deadline are removed as in Tokens. Tags that do not exist are ignored. A store whose tags
	// expire prolongs their lives, also of tags without writer's mark: callers use Unmark to keep tags alive.
	Unmark(ctx context.Context, tags []string, writer Writer) error

	// Close releases what the store holds of its own. It does not close a client that it was given.
	Close() error
}

// Checker is an optional capability of a [Store]: Check is called once, at start, and returns an error if the store cannot
// do what the contract asks. An error that wraps [ErrUnsupported] is final. Any other error (server not reachable) is
// not, since a cache that is down must not keep a program from starting.
type Checker interface {
	Check(ctx context.Context) error
}

// ErrUnsupported is wrapped by errors that say that a store, its server or its client can never serve as configured. The
// message names the remedy.
var ErrUnsupported = errors.New("gormcache: store not supported")

// ErrTooLarge is wrapped by the error of a Set or Swap whose value is larger than the store takes. The store itself is
// well: other values can be stored.
var ErrTooLarge = errors.New("gormcache: the value is larger than the store takes")

// ErrBudget is the cause (context.Cause) with which gormcache ends a call that takes longer than its whole budget. The
// cause distinguishes a slow store from a caller that gave up, or that left less time than the budget.
var ErrBudget = errors.New("gormcache: the store took longer than its budget")

// ErrClosed is returned by a store's methods after Close.
var ErrClosed = errors.New("gormcache: store is closed")
