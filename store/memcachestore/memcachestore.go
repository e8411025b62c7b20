package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Defaults of the options.
const (
	DefaultTagTTL  = 24 * time.Hour
	DefaultTimeout = time.Second
	DefaultMaxIdle = 16
)

var (
	// ErrAway is wrapped by the error of a Lookup that did not ask a server because it had not answered others in time,
	// again and again. It is asked once more every quarter of a second.
	ErrAway = errors.New("gormcache: the memcached server does not answer in time and is not asked for the moment")
	// errContended is the error of a change of one item that others changed in between, time after time.
	errContended = errors.New("others changed the same item in between, too many times")
)

// Dialer makes connections, as net.Dialer.DialContext does.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Option changes a setting of [New].
type Option func(*Store)

// TagTTL sets how long a tag lives after its last change; a tag outlives its marks in any case. When it expires, each
// entry that depends on it becomes a miss. Defaults to [DefaultTagTTL], as does anything below a second. At most 30 days.
func TagTTL(d time.Duration) Option {
	return func(s *Store) {
		if d >= time.Second {
			s.tagTTL = d
		}
	}
}

// Timeout bounds how long a server may take to accept a connection or to answer, in calls whose context has no deadline. Where
// it has one, that counts alone. Defaults to [DefaultTimeout].
func Timeout(d time.Duration) Option {
	return func(s *Store) {
		if d > 0 {
			s.timeout = d
		}
	}
}

// MaxIdle sets how many connections to each server are kept for later calls. Defaults to [DefaultMaxIdle].
func MaxIdle(n int) Option {
	return func(s *Store) {
		if n > 0 {
			s.maxIdle = n
		}
	}
}

// DialWith sets what makes the connections: for TLS, the DialContext of a tls.Dialer. Defaults to that of a net.Dialer.
func DialWith(dial Dialer) Option {
	return func(s *Store) {
		if dial != nil {
			s.dial = dial
		}
	}
}

// Store is a [store.Store] in one memcached or several. It is safe for concurrent use.
type Store struct {
	servers []*server
	watch   watches
	closed  atomic.Bool
	refused atomic.Pointer[error] // final error: why these servers cannot serve

	tagTTL, timeout time.Duration
	maxIdle         int
	dial            Dialer
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Batch     = (*Store)(nil)
	_ store.Swapper   = (*Store)(nil)
	_ store.Claimer   = (*Store)(nil)
	_ store.Checker   = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
)

// New returns a store in the servers: host:port each, or the path of a Unix socket. All processes must name the same
// servers in the same spelling, in any order: the spelling decides which server has a key. New does not talk to them.
// If they cannot serve, [Store.Check] and all other methods return an error that wraps [store.ErrUnsupported].
func New(servers []string, opts ...Option) *Store {
	s := &Store{tagTTL: DefaultTagTTL, timeout: DefaultTimeout, maxIdle: DefaultMaxIdle, dial: new(net.Dialer).DialContext}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	named := map[string]bool{}
	for _, name := range servers {
		switch {
		case name == "" || !strings.ContainsAny(name, ":/"):
			s.refuse(unsupported("%q is no server: name each as host:port, or by the path of its Unix socket", name))
		case named[name]:
			s.refuse(unsupported("%q is named twice", name))
		}
		named[name] = true
		s.servers = append(s.servers, &server{address: address(name), dial: s.dial, timeout: s.timeout, maxIdle: s.maxIdle})
	}
	if len(servers) == 0 {
		s.refuse(unsupported("there is no server: name at least one, as localhost:11211"))
	}
	s.watch.store = s
	return s
}

func unsupported(format string, args ...any) error {
	return fault.Errorf("%w: %s", store.ErrUnsupported, fmt.Sprintf(format, args...))
}

// refuse sets the final error, which all methods return from then on.
func (s *Store) refuse(err error) { s.refused.Store(&err) }

// ready returns why the store cannot be used now, or nil.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	if err := s.refused.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// Check implements [store.Checker]: it tries on every server what the store needs.
func (s *Store) Check(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	err := s.each(ctx, func(sv *server) error { return sv.do(ctx, probe) })
	if errors.Is(err, store.ErrUnsupported) {
		s.refuse(err)
		return err
	}
	return fail("check", err)
}

// probe adds an item, reads it with its number and changes it by that.
func probe(c *session) error {
	token := store.NewToken()
	key := "~check:" + token.String()
	err := c.client.Add(&memcache.Item{Key: key, Value: token[:], Expiration: 10})
	if refusesClient(err) {
		return unsupported("%s wants a login, which the client does not have: start it without -Y and -S, in a network of its own (%v)",
			c.server.address, err)
	}
	if err != nil {
		return err
	}
	item, err := c.client.Get(key)
	if err != nil {
		return err
	}
	if item.CasID == 0 {
		return unsupported("%s has no check-and-set: start memcached without -C", c.server.address)
	}
	if err := c.client.CompareAndSwap(item); err != nil {
		return err
	}
	return c.client.Delete(key)
}

func refusesClient(err error) bool {
	return err != nil && strings.Contains(err.Error(), "unauthenticated")
}

// fail wraps the error of a call.
func fail(call string, err error) error {
	if err == nil {
		return nil
	}
	return fault.Errorf("memcachestore: %s: %w", call, err)
}

// Close implements [store.Store]: it closes the connections. Calls under way go on.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.watch.close()
	for _, sv := range s.servers {
		sv.close()
	}
	return nil
}

// each runs f for all servers at once, and returns the first error.
func (s *Store) each(ctx context.Context, f func(*server) error) error {
	all := make([]group, len(s.servers))
	for i, sv := range s.servers {
		all[i].server = sv
	}
	return together(all, func(g group) error { return f(g.server) })
}

// group is the part of a call that one server does: the places of its names.
type group struct {
	server *server
	places []int
}

// groups spreads names over the servers. Within a group they keep their order.
func (s *Store) groups(names []string) []group {
	if len(s.servers) == 1 {
		places := make([]int, len(names))
		for i := range places {
			places[i] = i
		}
		return []group{{s.servers[0], places}}
	}
	of := make([]int, len(s.servers)) // server → group + 1
	var all []group
	for i, name := range names {
		sv := place(s.servers, name)
		if of[sv] == 0 {
			all = append(all, group{server: s.servers[sv]})
			of[sv] = len(all)
		}
		g := &all[of[sv]-1]
		g.places = append(g.places, i)
	}
	return all
}

// together runs f for all groups at once, waits for all, and returns one of the errors.
func together(all []group, f func(group) error) error {
	if len(all) == 1 {
		return f(all[0])
	}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, g := range all {
		wg.Go(func() { errs[i] = f(g) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
