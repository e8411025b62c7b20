package redisstore

import (
	"context"
	"crypto/sha1" //nolint:gosec // what Redis can compute; see seen
	_ "embed"
	"encoding/hex"

	"github.com/seed-4f7f0efa/gormcache/store"
)

//go:embed swap.lua
var swapLua string

// swapping is not run by a server that is out of memory, which accepts no entries either.
var swapping = newScript("#!lua\n" + swapLua)

var _ store.Swapper = (*Store)(nil)

// Swap implements [store.Swapper]: one script for each entry, in one pipeline. A large Old is not sent, but its length and
// SHA-1. If a connection breaks, go-redis sends a swap again (see MaxRetries): a swap that was made before, and whose entry
// was swapped again by another caller in between, is then reported as not done, though it was.
func (s *Store) Swap(ctx context.Context, swaps []store.Swap) error {
	keys, args := make([]string, len(swaps)), make([][]any, len(swaps))
	waits := s.calls.callerWaits(ctx)
	for i := range swaps {
		sw := &swaps[i]
		sw.Done = false
		how, seen := seen(sw.Old)
		value := sw.Value
		if !waits { // the call may outlast its caller
			seen, value = append([]byte(nil), seen...), append([]byte(nil), value...)
		}
		keys[i] = sw.Key
		ttl := wholeMillis(sw.TTL).Milliseconds()
		if sw.TTL < 0 {
			ttl = -1
		}
		args[i] = []any{how, seen, len(sw.Old), value, ttl}
	}
	if err := s.ready(ctx); err != nil || len(swaps) == 0 {
		return err
	}
	answers, err := call(ctx, &s.calls, func() ([]string, error) {
		return swapping.eval(ctx, s.client, waiting{}, keys, func(i int) []any { return args[i] })
	})
	if err == nil {
		err = s.ringComplete()
	}
	if err != nil {
		return s.fail(ctx, "swap", err)
	}
	for i, answer := range answers {
		swaps[i].Done = answer != ""
	}
	return nil
}

// hashFrom is the length from which on an entry that the caller saw is sent as its hash: the network takes longer for it
// than the server for hashing what it has.
const hashFrom = 1 << 10

// seen returns how the script is told of the entry that the caller saw. Who wants to pass another entry off as that one
// would have to make two with one SHA-1, both of which must first be stored here by gormcache, under one key.
func seen(old []byte) (how string, seen []byte) {
	switch {
	case old == nil:
		return "none", nil
	case len(old) < hashFrom:
		return "bytes", old
	}
	sum := sha1.Sum(old) //nolint:gosec // see above
	return "hash", hex.AppendEncode(nil, sum[:])
}
