package redisstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// incarnation is the time from one start or promotion of a server to the next. Readers see each token combined with the
// mask of the incarnation, so a token that a restart or a failover brings back looks different to them. Without the mask:
//
//	reader   fills an entry under token a
//	writer   commits, settles: token b, acknowledged
//	server   is killed, and comes back from a snapshot that has the entry and token a
//	reader   finds the entry valid, though it is older than the commit
//
// The mask is a function of what the servers report of themselves and of nothing else, so all processes see the same
// tokens and share their entries.
type incarnation struct {
	mask store.Token
	// seen, foreign and at are the counts of the watch and the time, read before the servers were asked.
	seen, foreign uint64
	at            time.Time
}

// bind turns tokens as stored into tokens as readers see them.
func (i *incarnation) bind(states []store.State) {
	for n := range states {
		if states[n].Known {
			for b := range states[n].Token {
				states[n].Token[b] ^= i.mask[b]
			}
		}
	}
}

// maskOf derives the mask from the identities of all servers, whatever their order.
func maskOf(identities []string) (mask store.Token) {
	slices.Sort(identities)
	sum := sha256.Sum256([]byte(strings.Join(identities, "\n")))
	copy(mask[:], sum[:])
	return mask
}

// errReplica is returned for a server that is not a master, or no longer one.
var errReplica = errors.New("the server is a replica, which is some time behind its master")

// identify asks a server for its identity.
func identify(ctx context.Context, c *redis.Client) (string, error) {
	info, err := c.Info(ctx, "server", "replication").Result()
	switch {
	case err == nil:
		return identity(info)
	case redis.IsPermissionError(err):
		return "", unsupported("the user may not ask which server it talks to, so a Redis that restarts with old "+
			"data would be trusted: permit INFO in its ACL (+info) (%v)", err)
	case unknownCommand(err):
		return "", unsupported("the server does not know INFO, so one that restarts with old data would be "+
			"trusted: use a Redis or Valkey where that command is not renamed (%v)", err)
	}
	return "", err
}

// identity reads the identity of a server from the text of INFO. run_id changes with every start. It is not enough: a
// master that was demoted without a restart, copied the data of another master and is promoted again still has its old
// run_id. Each promotion changes master_replid. master_replid sometimes changes while the data stays, as when a server
// gets its first replica; that costs misses only.
func identity(info string) (string, error) {
	var run, replication string
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch key {
		case "run_id":
			run = value
		case "master_replid":
			replication = value
		case "role":
			if value != "master" {
				return "", errReplica
			}
		}
	}
	if run == "" {
		return "", unsupported("the server's INFO has no run_id, so one that restarts with old data would be " +
			"trusted: use a Redis or Valkey that tells it")
	}
	return fmt.Sprintf("%s %s", run, replication), nil
}
