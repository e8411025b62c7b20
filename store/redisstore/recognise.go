package redisstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// DefaultRecheck is the time between two verifications where [Recheck] does not set another.
const DefaultRecheck = 10 * time.Second

// Recheck sets how often the servers are asked who they are although nothing points to a change: no
// connection was made. It bounds what goes unnoticed otherwise: a proxy that changes its server and
// keeps its connection to this client, or a master that is turned into a replica in place. Defaults to
// [DefaultRecheck], as does anything below a millisecond.
func Recheck(d time.Duration) Option {
	return func(s *Store) {
		if d >= time.Millisecond {
			s.recheck = d
		}
	}
}

// errReplaced is the error of a call during which the servers changed: whether its answer comes from
// before or after cannot be told.
var errReplaced = errors.New("a server was restarted or replaced during the call")

// unbound is the incarnation of a client that cannot be looked into.
var unbound incarnation

// recognise returns the incarnation that a call is about to ask. The call's answer may be believed only
// if same agrees afterwards. Both are needed. With the verification before alone, an answer over a new
// connection to a restarted server is taken for the old one's; with the one after alone:
//
//	reader   reads token a, then row 1
//	writer   commits row 2, settles: token b
//	server   restarts from a snapshot, with token a
//	reader   verifies, and binds token a to the new incarnation: row 1 is served
//
// The argument, for each server: its incarnations follow one another. One that answered INFO before the
// command was sent has not been followed by another when a connection answers that was dialled before
// INFO was sent. And if it answers INFO again, later than the command's answer, none came between.
func (s *Store) recognise(ctx context.Context) (*incarnation, error) {
	w := s.watch
	if w == nil {
		return &unbound, nil
	}
	seen := w.seen.Load()
	if inc := w.current.Load(); s.valid(inc, seen) {
		return inc, nil
	}
	return s.verify(ctx, seen)
}

// same says whether the servers are still what they were when recognise returned was.
func (s *Store) same(ctx context.Context, was *incarnation) error {
	w := s.watch
	if w == nil {
		return nil
	}
	seen, now := w.seen.Load(), w.current.Load()
	if now.seen < seen {
		var err error
		if now, err = s.verify(ctx, seen); err != nil {
			return err
		}
	}
	// A node that was no member has answered: the verification since may have made it one, or have gone
	// by an older map of the cluster.
	if now.mask != was.mask || w.strange.Load() != was.strange {
		return errReplaced
	}
	return nil
}

// valid tells that inc is verified for all that was seen up to this count, and not too long ago.
func (s *Store) valid(inc *incarnation, seen uint64) bool {
	return inc != nil && inc.seen >= seen && time.Since(inc.at) < s.recheck
}

// verify asks the servers who they are, unless another call has asked since the count was seen. One
// call asks at a time, for all that wait: a pool that grows by many connections at once costs a few
// questions. The counts are taken first: a connection dialled while the answers are on their way may
// lead to a server that was started after them.
func (s *Store) verify(ctx context.Context, seen uint64) (*incarnation, error) {
	w := s.watch
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if inc := w.current.Load(); s.valid(inc, seen) {
		return inc, nil
	}
	inc := &incarnation{seen: w.seen.Load(), strange: w.strange.Load(), at: time.Now()}
	c, err := call(ctx, &s.calls, func() (*census, error) { return s.ask(ctx) })
	if err != nil {
		return nil, err
	}
	inc.mask = maskOf(c.identities)
	w.publish(inc, c.members)
	return inc, nil
}

// census is what one round of questions gave.
type census struct {
	mu         sync.Mutex
	identities []string
	members    map[*node]bool
}

// ask asks all servers that hold keys. For a cluster go-redis loads the map of the slots first. A master
// that does not answer is an error: the store stops until it is replaced in that map.
func (s *Store) ask(ctx context.Context) (*census, error) {
	all := &census{members: map[*node]bool{}}
	one := func(ctx context.Context, c *redis.Client) error {
		n := s.watch.add(c)
		id, err := identify(ctx, c)
		if err != nil {
			return err
		}
		all.mu.Lock()
		defer all.mu.Unlock()
		all.identities = append(all.identities, id)
		all.members[n] = true
		return nil
	}
	var err error
	switch c := s.client.(type) {
	case *redis.ClusterClient:
		if err = s.watchReplicas(ctx, c); err == nil {
			err = c.ForEachMaster(ctx, one)
		}
	case *redis.Ring:
		if err = c.ForEachShard(ctx, one); err == nil {
			err = s.whole()
		}
	case *redis.Client:
		var id string
		if id, err = identify(ctx, c); err == nil {
			all.identities, err = []string{id}, s.blind(c)
		}
	}
	return all, err
}

// watchReplicas hooks, once, the replicas that the client knew before the store was made: each may be
// promoted. Those it gets to know later are hooked as they come.
func (s *Store) watchReplicas(ctx context.Context, c *redis.ClusterClient) error {
	if s.watch.current.Load() != nil {
		return nil
	}
	return c.ForEachSlave(ctx, func(_ context.Context, replica *redis.Client) error {
		s.watch.add(replica)
		return nil
	})
}

// blind finds out a client whose connections are dialled past its hooks: one made by WithTimeout. The
// pool was empty when the hook was added, and has connections now, beyond those that it keeps ready
// and began to dial earlier.
func (t *target) blind(c *redis.Client) error {
	if t.watch.seen.Load() > 0 || t.conns > 0 || connections(c) <= c.Options().MinIdleConns {
		return nil
	}
	return unsupported("the client was made by WithTimeout, and does not tell of new connections, so a Redis that " +
		"restarts with old data would be trusted: give gormcache the client it was made from")
}

func connections(c *redis.Client) int {
	stats := c.PoolStats()
	return int(stats.TotalConns)
}
