package store

import (
	"context"
	"errors"
	"time"
)

// Swap is one change of [Swapper]: the entry under Key becomes Value, if it is still Old.
type Swap struct {
	Key string
	// Old is the entry that the caller has seen, byte for byte; nil: there was none.
	Old []byte
	// Value takes its place, and expires after TTL; 0 means never, as in [Store.Set].
	Value []byte
	TTL   time.Duration
	// Done is set by the store: the entry under Key is Value now.
	Done bool
}

// Swapper is an optional capability of a [Store], found by [SwapperOf]: it changes entries only if they are what the caller saw. The values of
// a region need it: for check-and-set, for counters, and to keep a load from storing what a Delete has removed meanwhile.
type Swapper interface {
	// Swap makes the changes, each atomically, in one round trip if the store can, and sets Done of each. A key whose entry
	// is Value already counts as done: a client whose connection broke sends the same command again, and callers never use
	// the same bytes twice. After an error some may be made. The caller may use the memory again afterwards.
	Swap(ctx context.Context, swaps []Swap) error
}

// Claim is what one owner asks for, or has: one of the Slots of a name, for a while.
type Claim struct {
	Name  string // at most [MaxKeySize] bytes, as a key
	Owner Writer
	// TTL is how long the claim holds from now if nobody renews it, by the store's own clock.
	TTL time.Duration
	// Slots is how many owners may have the name at once; 0 means 1. All who claim a name say the same number.
	Slots int
	// Fenced asks for a Fence that grows with each claim of the name that is granted, also after the name was free for up to
	// a day. Without it a store may forget the name as soon as nobody has it, and Fence is 0.
	Fenced bool
	// Fence is set by the store, for a claim that is granted.
	Fence uint64
}

// Claimer is an optional capability of a [Store], found by [ClaimerOf]: of many processes one, or a given number, has a name for a while. It is
// for the right to load a key for all processes, and for locks. What a store that loses data, or a failover, does to a
// claim is said in the store's documentation; the fence is what makes that harmless.
type Claimer interface {
	// Claim grants one of the slots of c.Name to c.Owner, if one is free, sets c.Fence and reports true. An owner who has
	// one already keeps it, with its fence and with c.TTL from now: so a call may be repeated after an error.
	Claim(ctx context.Context, c *Claim) (granted bool, err error)

	// Renew makes a claim that c.Owner still has last for c.TTL from now. It reports false, and changes nothing, if the
	// owner has it no more.
	Renew(ctx context.Context, c *Claim) (held bool, err error)

	// Release ends the claim of an owner, or with the zero Writer the claims of all owners, reports whether there was one,
	// and wakes who watches the name, in all processes.
	Release(ctx context.Context, name string, owner Writer) (released bool, err error)

	// Claims are the claims on a name at this moment: Owner, Fence, and TTL that is left of each.
	Claims(ctx context.Context, name string) ([]Claim, error)

	// Watch returns a channel that gets a value when a claim of the name may have been released since. It may come for
	// nothing, and may not come at all where a connection was lost or a claim has run out: who waits asks again now and
	// then. stop must be called; it is quick, and so is Watch.
	Watch(name string) (woken <-chan struct{}, stop func())
}

// Layer is a [Store] over another one that passes capabilities through: it has those that the store below has, which only
// its value says, not its type.
type Layer interface {
	Store
	// Swapper is nil if the store below is none, and so is Claimer.
	Swapper() Swapper
	Claimer() Claimer
}

// SwapperOf returns the [Swapper] of a store, or of a [Layer] over one; nil if the store has no check-and-set.
func SwapperOf(s Store) Swapper {
	if l, ok := s.(Layer); ok {
		return l.Swapper()
	}
	swapper, _ := s.(Swapper)
	return swapper
}

// ClaimerOf returns the [Claimer] of a store, or of a [Layer] over one; nil if the store has no claims.
func ClaimerOf(s Store) Claimer {
	if l, ok := s.(Layer); ok {
		return l.Claimer()
	}
	claimer, _ := s.(Claimer)
	return claimer
}

// ErrNoSwap and ErrNoClaim are wrapped by the errors of what needs a capability that the store has not.
var (
	ErrNoSwap  = errors.New("gormcache: the store has no check-and-set: implement store.Swapper, or use one of gormcache's stores")
	ErrNoClaim = errors.New("gormcache: the store has no claims: implement store.Claimer, or use one of gormcache's stores")
)
