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

// Recheck sets how often the store asks the servers for their identity when no new connection points to a change. It
// bounds how long a change without a new connection goes unnoticed: a proxy that switches servers and keeps its
// connection to this client, or a master that is turned into a replica in place. Defaults to [DefaultRecheck], as does
// anything below a millisecond.
func Recheck(d time.Duration) Option {
	return func(s *Store) {
		if d >= time.Millisecond {
			s.recheck = d
		}
	}
}

// servers asks the servers behind a client, and tells one incarnation of them from the next. It is safe for concurrent
// use.
type servers struct {
	target
	calls   calls
	recheck time.Duration
}

// errReplaced is returned by a call during which the servers changed: its answer may come from before or after.
var errReplaced = errors.New("a server was restarted or replaced during the call")

// unbound is the incarnation for a client whose connections cannot be watched.
var unbound incarnation

// recognize returns the current incarnation, before a call. The answer of the call may be believed only if unchanged
// agrees afterwards. Both checks are needed. With the check before the call alone, an answer over a new connection to a
// restarted server is taken for an answer of the old one. With the check after the call alone:
//
//	reader   reads token a, then row 1
//	writer   commits row 2, settles: token b
//	server   restarts from a snapshot, with token a
//	reader   verifies, and binds token a to the new incarnation: row 1 is served
//
// Why both together are enough, for each server: incarnations follow one another. A server answered INFO before the
// command was sent, and the command was answered over a connection dialed before that INFO: so no other incarnation has
// begun in between. And if the same incarnation answers INFO after the command's answer, none came in between either.
func (s *servers) recognize(ctx context.Context) (*incarnation, error) {
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

// unchanged returns an error unless the servers are still the incarnation that recognize returned.
func (s *servers) unchanged(ctx context.Context, was *incarnation) error {
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
	// A node that was no member may have answered: the verification since then may have made it a member, or may have
	// used an older map of the cluster.
	if now.mask != was.mask || w.foreign.Load() != was.foreign {
		return errReplaced
	}
	return nil
}

// valid reports whether inc was verified recently, and after everything that the watch had counted up to seen.
func (s *servers) valid(inc *incarnation, seen uint64) bool {
	return inc != nil && inc.seen >= seen && time.Since(inc.at) < s.recheck
}

// verify asks the servers for their identities, unless another call has done so since the count seen. One call asks at a
// time and the others wait for its result, so a pool that grows by many connections at once causes few questions. The
// counts are read first: a connection dialed while the answers are under way may lead to a server started after them.
func (s *servers) verify(ctx context.Context, seen uint64) (*incarnation, error) {
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
	inc := &incarnation{seen: w.seen.Load(), foreign: w.foreign.Load(), at: time.Now()}
	c, err := call(ctx, &s.calls, func() (*census, error) { return s.ask(ctx) })
	if err != nil {
		return nil, err
	}
	inc.mask = maskOf(c.identities)
	w.publish(inc, c.members)
	return inc, nil
}

// census is the result of one round of questions.
type census struct {
	mu         sync.Mutex
	identities []string
	members    map[*node]bool
}

// ask asks all servers that hold keys. For a cluster, go-redis loads the slot map first. A master that does not answer
// is an error: the store stops until the slot map no longer has that master.
func (s *servers) ask(ctx context.Context) (*census, error) {
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
			err = s.ringComplete()
		}
	case *redis.Client:
		var id string
		if id, err = identify(ctx, c); err == nil {
			all.identities, err = []string{id}, s.checkHook(c)
		}
	}
	return all, err
}

// watchReplicas hooks, once, the replicas that the client knew before the store was made, since each may be promoted.
// Replicas found later are hooked as they appear.
func (s *servers) watchReplicas(ctx context.Context, c *redis.ClusterClient) error {
	if s.watch.current.Load() != nil {
		return nil
	}
	return c.ForEachSlave(ctx, func(_ context.Context, replica *redis.Client) error {
		s.watch.add(replica)
		return nil
	})
}
