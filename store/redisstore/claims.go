package redisstore

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

//go:embed claim.lua
var claimLua string

// claiming runs on a server that is out of memory too: a claim is small and does not last, and its release frees memory.
var claiming = newScript("#!lua flags=allow-oom\n" + claimLua)

// keepFence is how long the last fence of a name outlives its claims.
const keepFence = 24 * time.Hour

// The sizes of what claim.lua writes. Processes of different releases share claims while a program is deployed, as they
// do tags: a new format needs other lengths.
const (
	fenceSize = 16
	claimSize = store.TokenSize + fenceSize + deadlineSize
)

var _ store.Claimer = (*Store)(nil)

// Claim implements [store.Claimer]. With [Wait] set, a claim with a fence waits for the replicas as marks do; after an error
// because of them it stands on the master, and the call may be repeated.
func (s *Store) Claim(ctx context.Context, c *store.Claim) (granted bool, err error) {
	c.Fence = 0
	var wait waiting
	if c.Fenced {
		wait = s.wait
	}
	answer, err := s.claim(ctx, "claim", wait, c)
	if err != nil || answer == "" {
		return false, err
	}
	if c.Fence, err = strconv.ParseUint(answer, 10, 64); err != nil {
		return false, s.fail(ctx, "claim", err)
	}
	return true, nil
}

// Renew implements [store.Claimer].
func (s *Store) Renew(ctx context.Context, c *store.Claim) (held bool, err error) {
	answer, err := s.claim(ctx, "renew", waiting{}, c)
	return answer != "", err
}

// Release implements [store.Claimer].
func (s *Store) Release(ctx context.Context, name string, owner store.Writer) (released bool, err error) {
	answer, err := s.claim(ctx, "release", waiting{}, &store.Claim{Name: name, Owner: owner})
	if answer != "" && answer != "yes" { // released, but nobody could be told
		s.wakers.deaf(fmt.Errorf("PUBLISH: %s", answer))
	}
	return answer != "", err
}

// Claims implements [store.Claimer]. The time that is left is by the clock of the server that has the name.
func (s *Store) Claims(ctx context.Context, name string) ([]store.Claim, error) {
	answer, err := s.claim(ctx, "list", waiting{}, &store.Claim{Name: name})
	if err != nil {
		return nil, err
	}
	claims, err := parseClaims(name, answer)
	if err != nil {
		return nil, s.fail(ctx, "list", err)
	}
	return claims, nil
}

// Watch implements [store.Claimer]: by one connection for SUBSCRIBE, or one for each shard of a redis.Ring, that is opened
// when it is first needed, and closed by [Store.Close], or when nobody has watched for a minute.
func (s *Store) Watch(name string) (woken <-chan struct{}, stop func()) {
	return s.wakers.watch(s.subscriber(name), name)
}

// claim runs the script on a name.
func (s *Store) claim(ctx context.Context, op string, wait waiting, c *store.Claim) (string, error) {
	if err := s.ready(ctx); err != nil {
		return "", err
	}
	fenced := "0"
	if c.Fenced {
		fenced = "1"
	}
	owner := c.Owner
	args := []any{
		op, owner[:], max(wholeMillis(c.TTL).Milliseconds(), 1), max(c.Slots, 1), fenced, keepFence.Milliseconds(),
	}
	names := []string{c.Name}
	answers, err := call(ctx, &s.calls, func() ([]string, error) {
		return claiming.eval(ctx, s.client, wait, names, func(int) []any { return args })
	})
	if err == nil {
		err = s.ringComplete()
	}
	if err != nil {
		return "", s.fail(ctx, op, err)
	}
	return answers[0], nil
}

// parseClaims reads the answer of the script's operation list: the server's time, and the claims that have not run out.
func parseClaims(name, answer string) ([]store.Claim, error) {
	if len(answer) < deadlineSize || (len(answer)-deadlineSize)%claimSize != 0 {
		return nil, fmt.Errorf("%d bytes in the place of a time and claims", len(answer))
	}
	now, err := strconv.ParseInt(answer[:deadlineSize], 10, 64)
	if err != nil {
		return nil, err
	}
	claims := []store.Claim{}
	for rest := answer[deadlineSize:]; rest != ""; rest = rest[claimSize:] {
		fence, err := strconv.ParseUint(rest[store.TokenSize:store.TokenSize+fenceSize], 10, 64)
		if err != nil {
			return nil, err
		}
		deadline, err := strconv.ParseInt(rest[store.TokenSize+fenceSize:claimSize], 10, 64)
		if err != nil {
			return nil, err
		}
		claims = append(claims, store.Claim{
			Name: name, Owner: store.Writer([]byte(rest[:store.TokenSize])),
			TTL: time.Duration(deadline-now) * time.Millisecond, Fence: fence, Fenced: fence > 0,
		})
	}
	return claims, nil
}
