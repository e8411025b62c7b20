package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// heartbeat is how often a connection on which nothing was heard is asked whether it still works.
	heartbeat = 10 * time.Second
	// idleBeats is after how many heartbeats without anybody who watches the connection is given back.
	idleBeats = 6
	// leastPause and mostPause bound the time between two attempts to listen.
	leastPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// Logger sets where the store says, once, that those who wait for a claim are not woken, because the user may not
// SUBSCRIBE or PUBLISH or the connection was lost. They then ask again now and then. Defaults to slog.Default().
func Logger(log *slog.Logger) Option { return func(s *Store) { s.wakers.log = log } }

// subscriber is a client that can subscribe to channels.
type subscriber interface {
	Subscribe(ctx context.Context, channels ...string) *redis.PubSub
}

// subscriber returns the client by which releases of a name are heard: the channel has the name of the key, so a Ring has
// it on the shard of the key. A Cluster passes what is published on to all of its nodes.
func (s *Store) subscriber(name string) subscriber {
	if s.ring == nil {
		return s.client
	}
	if shard, err := s.ring.GetShardClientForKey(name); err == nil {
		return shard
	}
	return nil
}

// wakers are the wakers of one store: one, or one for each shard of a Ring. The zero value is ready for use.
type wakers struct {
	log    *slog.Logger
	said   sync.Once
	mu     sync.Mutex
	closed bool
	all    map[subscriber]*waker
}

// watch returns a channel that is told of releases of a name.
func (ws *wakers) watch(client subscriber, name string) (woken <-chan struct{}, stop func()) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed || client == nil {
		return make(chan struct{}), func() {}
	}
	w := ws.all[client]
	if w == nil {
		w = &waker{client: client, deaf: ws.deaf, changed: make(chan struct{}, 1), watchers: map[string]map[chan struct{}]struct{}{}}
		w.life, w.end = context.WithCancel(context.Background())
		if ws.all == nil {
			ws.all = map[subscriber]*waker{}
		}
		ws.all[client] = w
	}
	return w.watch(name)
}

// deaf says once that nobody is woken.
func (ws *wakers) deaf(err error) {
	ws.said.Do(func() {
		log := ws.log
		if log == nil {
			log = slog.Default()
		}
		log.Warn("gormcache: redisstore: those who wait for a claim are not woken by its release, and ask again now and then: "+
			"if the user lacks the rights, permit its ACL the channels of the namespace, PUBLISH, SUBSCRIBE and UNSUBSCRIBE "+
			"(such as &shop:* +publish +subscribe +unsubscribe)", "error", err)
	})
}

// close ends the connections and the goroutines, and waits for them.
func (ws *wakers) close() {
	ws.mu.Lock()
	ws.closed = true
	all := ws.all
	ws.mu.Unlock()
	for _, w := range all {
		w.end()
	}
	for _, w := range all {
		w.work.Wait()
	}
}

// waker listens on one connection for all who watch names of one server, or of a Cluster. It runs while somebody watches,
// and a while longer.
//
// A watch begins to work when its SUBSCRIBE is answered. Who waits may have asked for the claim before that, and the
// claim may be released in between; so the answer wakes too. After a lost connection go-redis subscribes again, and the
// answers wake all who may have missed a release.
type waker struct {
	client  subscriber
	deaf    func(error)
	life    context.Context // canceled by end
	end     context.CancelFunc
	work    sync.WaitGroup
	changed chan struct{} // the names have changed
	heard   atomic.Bool   // something was heard since the last heartbeat

	mu       sync.Mutex
	running  bool
	watchers map[string]map[chan struct{}]struct{}
}

func (w *waker) watch(name string) (woken <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watchers[name] == nil {
		w.watchers[name] = map[chan struct{}]struct{}{}
	}
	w.watchers[name][c] = struct{}{}
	w.notice()
	if !w.running {
		w.running = true
		w.work.Go(w.run)
	}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers[name], c)
		if len(w.watchers[name]) == 0 {
			delete(w.watchers, name)
			w.notice()
		}
	}
}

func (w *waker) notice() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *waker) wake(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.watchers[name] {
		select {
		case c <- struct{}{}:
		default: // it is told already
		}
	}
}

// names returns the names that are watched.
func (w *waker) names() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := make([]string, 0, len(w.watchers))
	for name := range w.watchers {
		names = append(names, name)
	}
	return names
}

// run listens until nobody has watched for a while, or the store is closed.
func (w *waker) run() {
	for {
		if trouble := w.listen(); trouble {
			w.pause(w.life, mostPause)
		}
		w.mu.Lock()
		if w.running = len(w.watchers) > 0 && w.life.Err() == nil; !w.running {
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
}

// listen listens on one connection until it is of no use or no longer needed, and reports whether another one would do no
// better at once.
func (w *waker) listen() (trouble bool) {
	ctx, cancel := context.WithCancel(w.life)
	defer cancel()
	names, asked := w.names(), map[string]bool{}
	if len(names) == 0 { // all have stopped before this goroutine came to run
		return false
	}
	for _, name := range names {
		asked[name] = true
	}
	conn, err := w.subscribe(ctx, names)
	if err != nil {
		w.deaf(err)
		return true
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.hear(ctx, conn)
	}()
	defer func() {
		cancel() // a dial under way ends, and lets Close through
		_ = conn.Close()
		<-ended
	}()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	silent, idle := 0, 0
	for {
		select {
		case <-ended: // the client is closed
			return true
		case <-ctx.Done():
			return false
		case <-w.changed:
			w.adjust(ctx, conn, asked)
		case <-beat.C:
			names := w.names()
			if silent++; w.heard.Swap(false) || len(names) == 0 {
				silent = 0
			}
			if idle++; len(names) > 0 {
				idle = 0
			}
			switch {
			case idle >= idleBeats:
				return false
			case silent >= 2: // not even the last heartbeat was answered
				return false
			case silent > 0:
				_ = conn.Subscribe(ctx, names...) // changes nothing, and is answered
			}
		}
	}
}

// subscribe opens a connection. A redis.Ring that is wrapped panics where it has no shard.
func (w *waker) subscribe(ctx context.Context, names []string) (conn *redis.PubSub, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the client panicked: %v", p)
		}
	}()
	return w.client.Subscribe(ctx, names...), nil
}

// adjust subscribes to what is watched and not asked for yet, and ends what is not watched any more. go-redis remembers
// the channels, and asks for them again if this fails.
func (w *waker) adjust(ctx context.Context, conn *redis.PubSub, asked map[string]bool) {
	var more, less []string
	watched := map[string]bool{}
	for _, name := range w.names() {
		watched[name] = true
		if !asked[name] {
			asked[name] = true
			more = append(more, name)
		}
	}
	for name := range asked {
		if !watched[name] {
			delete(asked, name)
			less = append(less, name)
		}
	}
	if len(more) > 0 {
		_ = conn.Subscribe(ctx, more...)
	}
	if len(less) > 0 {
		_ = conn.Unsubscribe(ctx, less...)
	}
}

// hear wakes on what it hears, until ctx ends or the client is closed.
func (w *waker) hear(ctx context.Context, conn *redis.PubSub) {
	pause := leastPause
	for {
		heard, err := conn.Receive(ctx)
		var reply redis.Error
		switch {
		case ctx.Err() != nil || errors.Is(err, redis.ErrClosed):
			return
		case err == nil:
			w.heard.Store(true)
			pause = leastPause
		case errors.As(err, &reply): // a refusal, such as NOPERM, is an answer too
			w.heard.Store(true)
			w.deaf(err)
		case !errors.Is(err, net.ErrClosed): // the client is being closed
			w.deaf(err)
		}
		switch heard := heard.(type) {
		case *redis.Message:
			w.wake(heard.Channel)
		case *redis.Subscription:
			if heard.Kind == "subscribe" {
				w.wake(heard.Channel)
			}
		}
		if err != nil {
			w.pause(ctx, pause)
			pause = min(2*pause, mostPause)
		}
	}
}

func (w *waker) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
