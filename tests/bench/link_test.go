package bench_test

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// link is a network of a latency and a bandwidth between clients and a server on this machine. Each connection has its
// line for itself, and each direction of it:
//
//	bytes read ──▶ wait until the line is free ──▶ occupy it for size ÷ bandwidth ──▶ written half a round trip later
//
// When bytes arrive follows from when they were sent and from their number alone; a sleep that ends late delays no later bytes,
// since times are counted from when the line became free.
type link struct {
	roundTrip time.Duration
	bits      int // a second

	to    string
	l     net.Listener
	mu    sync.Mutex
	conns []net.Conn // nil when it has ended
	ended bool
	wg    sync.WaitGroup
}

// listen starts the link and returns its address. It ends with b.
func (k *link) listen(b *testing.B, to string) string {
	b.Helper()
	var err error
	if k.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	k.to = to
	k.wg.Go(k.accept)
	b.Cleanup(func() {
		_ = k.l.Close()
		k.mu.Lock()
		k.ended = true
		for _, c := range k.conns {
			_ = c.Close()
		}
		k.mu.Unlock()
		k.wg.Wait()
	})
	return k.l.Addr().String()
}

func (k *link) accept() {
	for {
		client, err := k.l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", k.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		k.mu.Lock()
		if k.conns = append(k.conns, client, server); k.ended {
			_, _ = client.Close(), server.Close()
		}
		k.mu.Unlock()
		k.wg.Go(func() { k.carry(server, client) })
		k.wg.Go(func() { k.carry(client, server) })
	}
}

// parcel are bytes under way.
type parcel struct {
	bytes   []byte
	arrives time.Time
	err     error
}

// carry moves bytes in one direction until either side ends.
func (k *link) carry(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	under := make(chan parcel, 1024)
	k.wg.Go(func() {
		defer close(under)
		var free time.Time
		for {
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * 8 * time.Second / time.Duration(k.bits))
			under <- parcel{buf[:n], free.Add(k.roundTrip / 2), err}
			if err != nil {
				return
			}
		}
	})
	var failed error
	for p := range under { // to its end, so that who sends into it ends too
		if failed != nil {
			continue
		}
		until(p.arrives)
		_, failed = to.Write(p.bytes)
		if failed = errors.Join(failed, p.err); failed != nil {
			_, _ = to.Close(), from.Close()
		}
	}
}
