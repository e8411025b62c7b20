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

// incarnation is one life of the servers: from a start or a promotion to the next. Readers see each
// token combined with its mask, so a token that a restart or a failover brings back is another one to
// them. Without that:
//
//	reader   fills an entry under token a
//	writer   commits, settles: token b, acknowledged
//	server   is killed, and comes back from a snapshot that has the entry and token a
//	reader   finds the entry valid, though it is older than the commit
//
// The mask is nothing but a function of what the servers tell of themselves: all processes see the
// same tokens, and share their entries.
type incarnation struct {
	mask store.Token
	// The watch's counts before the servers were asked, and the time then. See watch.
	seen, strange uint64
	at            time.Time
}

// bind turns tokens as they are stored into tokens as readers see them.
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

// errReplica is an answer of a server that is not, or no longer, a master.
var errReplica = errors.New("the server is a replica, which is some time behind its master")

// identify asks a server who it is.
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

// identity reads who a server is from the text of INFO. run_id changes with every start. It is not
// enough: a master that was demoted without a restart, took over another's data and is promoted again
// has the run_id of before. Each promotion changes master_replid. That one also changes now and then
// while the data stays, as when a server gets its first replica, which only costs misses.
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
