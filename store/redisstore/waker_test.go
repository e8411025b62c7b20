package redisstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// echo is a server that answers SUBSCRIBE and UNSUBSCRIBE, by pipes: in a bubble its clients' time takes none.
type echo struct {
	mu     sync.Mutex
	conns  int // open
	dialed int
	mute   bool // reads, and answers nothing
}

func (e *echo) count() (conns, dialed int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.conns, e.dialed
}

func (e *echo) setMute(mute bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mute = mute
}

func (e *echo) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: nowhere, Protocol: 2, DisableIdentity: true,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			e.mu.Lock()
			defer e.mu.Unlock()
			e.conns, e.dialed = e.conns+1, e.dialed+1
			go e.serve(there)
			return here, nil
		},
	})
}

func (e *echo) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.conns--
	}()
	for in := bufio.NewReader(c); ; {
		args, err := command(in)
		if err != nil {
			return
		}
		e.mu.Lock()
		mute := e.mute
		e.mu.Unlock()
		if mute {
			continue
		}
		answer := "+OK\r\n"
		switch kind := strings.ToLower(args[0]); {
		case kind == "hello":
			answer = "-ERR unknown command\r\n"
		case strings.HasSuffix(kind, "subscribe"):
			answer = ""
			for _, name := range args[1:] {
				answer += fmt.Sprintf("*3\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n:1\r\n", len(kind), kind, len(name), name)
			}
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

// command reads one command: an array of strings.
func command(in *bufio.Reader) (args []string, err error) {
	number := func() (n int) {
		line, rerr := in.ReadString('\n')
		if err = errors.Join(err, rerr); err != nil {
			return 0
		}
		n, err = strconv.Atoi(strings.TrimSpace(line[1:]))
		return n
	}
	for range number() {
		arg := make([]byte, number()+2)
		if _, rerr := io.ReadFull(in, arg); err != nil || rerr != nil {
			return nil, errors.Join(err, rerr)
		}
		args = append(args, string(arg[:len(arg)-2]))
	}
	return args, err
}

// woken waits for a wake.
func woken(t *testing.T, c <-chan struct{}, within time.Duration) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(within):
		t.Fatalf("not woken within %v", within)
	}
}

func TestAConnectionThatNobodyNeedsIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e echo
		client := e.client()
		defer client.Close()
		s := New(client)
		defer s.Close()
		c, stop := s.Watch("k")
		woken(t, c, time.Second)            // by the answer
		time.Sleep(time.Hour + heartbeat/2) // between two heartbeats
		if conns, dialed := e.count(); conns != 1 || dialed != 1 {
			t.Errorf("after an hour of watching %d of %d connections are open: want the one of before", conns, dialed)
		}
		stop()
		time.Sleep((idleBeats - 1) * heartbeat)
		c, stop = s.Watch("k")
		if woken(t, c, time.Second); func() int { _, n := e.count(); return n }() != 1 {
			t.Error("who comes soon does not find the connection of before")
		}
		stop()
		time.Sleep((idleBeats + 1) * heartbeat)
		if conns, _ := e.count(); conns != 0 {
			t.Errorf("%d connections that nobody needs", conns)
		}
		c, stop = s.Watch("k")
		defer stop()
		woken(t, c, time.Second)
	})
}

func TestASilentConnectionIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e echo
		client := e.client()
		defer client.Close()
		s := New(client)
		defer s.Close()
		c, stop := s.Watch("k")
		defer stop()
		woken(t, c, time.Second)
		e.setMute(true)
		time.Sleep(4 * heartbeat)
		if _, dialed := e.count(); dialed < 2 {
			t.Error("a connection on which nothing is answered is kept")
		}
		select {
		case <-c: // by a heartbeat of before
		default:
		}
		e.setMute(false)
		woken(t, c, 4*heartbeat)
	})
}

func TestAClosedClientEndsTheWatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e echo
		client := e.client()
		s := New(client)
		c, stop := s.Watch("k")
		woken(t, c, time.Second)
		_ = client.Close()
		stop()
		time.Sleep(2 * mostPause)
		synctest.Wait()
		if conns, _ := e.count(); conns != 0 {
			t.Errorf("%d connections", conns)
		}
		// That the store was never closed leaves no goroutine: the bubble would not end.
	})
}
