//go:build linux

package bench_test

import (
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// What a store that fails may cost. The machine is busy now and then, so what is held against these is
// the median.
const (
	mostBefore = 60 * time.Millisecond // a read, before the breaker has opened
	mostOpen   = time.Millisecond      // a read above the bare query, once it is open
)

// A fault is a way in which a Redis fails. start returns where the client finds it, and what breaks it
// once the cache is warm; nil: it never worked.
type fault struct {
	name  string
	start func(b *testing.B) (addr string, fail func())
}

var faults = []fault{
	{"refused", func(b *testing.B) (string, func()) { // nothing listens
		s := servers.Redis(b)
		return s.Addr, s.Kill
	}},
	{"hung", func(b *testing.B) (string, func()) { // the process stands still, the kernel takes connections
		s := servers.Redis(b)
		return s.Addr, func() { s.Pause(b) }
	}},
	{"swallowed", func(b *testing.B) (string, func()) { // something in between takes all and gives nothing
		s := newSwallower(b, servers.Redis(b).Addr)
		return s.listen.Addr().String(), s.swallow
	}},
	{"no connection", func(b *testing.B) (string, func()) { // a connection is neither taken nor refused
		return unanswered(b), nil
	}},
}

// Clients as they come, and with the deadlines that go-redis's documentation advises.
var clients = []struct {
	name string
	tune func(*redis.Options)
}{
	{"untuned", func(*redis.Options) {}},
	{"tuned", func(o *redis.Options) {
		o.ContextTimeoutEnabled, o.MaxRetries, o.DialerRetries = true, -1, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	}},
}

// BenchmarkFailingStore breaks a Redis in each way, and times reads and writes beside the bare ones:
// before the breaker has opened, and after. One round of the benchmark is one Redis that fails.
func BenchmarkFailingStore(b *testing.B) {
	var (
		table   strings.Builder
		closing sync.WaitGroup
	)
	defer closing.Wait()
	for _, f := range faults {
		for _, c := range clients {
			b.Run(f.name+"/"+c.name, func(b *testing.B) {
				var reads, writes phases
				for b.Loop() {
					failing(b, f, c.tune, read, &reads, &closing)
					failing(b, f, c.tune, write, &writes, &closing)
				}
				if got := median(reads.before); got > mostBefore {
					b.Errorf("a read takes %v while the store fails, want at most %v", got, mostBefore)
				}
				if got := median(reads.open) - median(reads.bare); got > mostOpen {
					b.Errorf("a read takes %v more than the bare one while the breaker is open, want at most %v", got, mostOpen)
				}
				b.ReportMetric(0, "ns/op") // it is the time of starting servers, above all
				reads.report(b, "read")
				writes.report(b, "write")
				reads.row(&table, f.name, c.name, "read")
				writes.row(&table, f.name, c.name, "write")
			})
		}
	}
	if table.Len() > 0 {
		fmt.Printf("\nms: median, and the worst"+rowHead+"%s\n", "store", "client", "", "bare", "before", "n", "open", "worst 1 %", &table)
	}
}

// phases are the times of one kind of statement.
type phases struct{ bare, before, open []time.Duration }

const (
	rowHead = "\n%-14s %-8s %-6s %15s %19s %4s %15s %10s\n"
	row     = "%-14s %-8s %-6s %7.2f %7.2f %9.2f %9.2f %4d %7.2f %7.2f %10.2f\n"
)

func (p *phases) row(to *strings.Builder, names ...any) {
	for _, of := range [][]time.Duration{p.bare, p.before, p.open} {
		slices.Sort(of)
	}
	_, _ = fmt.Fprintf(to, row, append(names, ms(median(p.bare)), ms(p.bare[len(p.bare)-1]), ms(median(p.before)), ms(p.before[len(p.before)-1]),
		len(p.before), ms(median(p.open)), ms(p.open[len(p.open)-1]), ms(p.open[len(p.open)*99/100]))...)
}

func (p *phases) report(b *testing.B, what string) {
	b.ReportMetric(ms(median(p.bare)), "ms/bare-"+what)
	b.ReportMetric(ms(median(p.before)), "ms/"+what+"-before")
	b.ReportMetric(ms(median(p.open)), "ms/"+what+"-open")
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}

func read(db *gorm.DB) error {
	var items []Item
	if _, plugged := db.Plugins["gormcache"]; plugged {
		db = db.Clauses(fromcache.Region("default"))
	}
	return db.Limit(10).Find(&items).Error
}

func write(db *gorm.DB) error {
	return db.Model(&Item{ID: 1}).Update("count", gorm.Expr("count + 1")).Error
}

// openFor is how long statements are timed while the breaker is open. Probes come once a second.
var openFor = flag.Duration("failing.time", 300*time.Millisecond, "how long to time statements while the breaker is open")

// failing makes one Redis fail, and times a statement until the breaker opens, and for a while after.
func failing(b *testing.B, f fault, tune func(*redis.Options), statement func(*gorm.DB) error, p *phases, closing *sync.WaitGroup) {
	addr, fail := f.start(b)
	o := &redis.Options{Addr: addr}
	tune(o)
	client := redis.NewClient(o)
	db, plugin := open(b, redisstore.New(client))
	defer closing.Go(func() { // it tries for seconds to deliver what is pending
		_ = plugin.Close()
		_ = client.Close()
	})
	bare, _ := open(b, nil)
	timed := func(db *gorm.DB) time.Duration {
		began := time.Now()
		if err := statement(db); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	timed(bare)
	if fail != nil {
		for range 3 {
			timed(db)
		}
		fail()
	}
	for !plugin.Stats().BreakerOpen {
		p.before = append(p.before, timed(db))
		if len(p.before) > 1000 {
			b.Fatal("the breaker does not open")
		}
	}
	for began := time.Now(); time.Since(began) < *openFor; {
		p.open = append(p.open, timed(db))
		p.bare = append(p.bare, timed(bare))
	}
}

// swallower passes bytes on to a server, and from some moment on takes them and passes nothing.
type swallower struct {
	listen net.Listener
	server string

	mu    sync.Mutex
	on    bool
	conns []net.Conn
	work  sync.WaitGroup
}

func newSwallower(b *testing.B, server string) *swallower {
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &swallower{listen: listen, server: server}
	s.work.Go(s.serve)
	b.Cleanup(s.close)
	return s
}

func (s *swallower) serve() {
	for {
		client, err := s.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", s.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, client, server)
		s.mu.Unlock()
		s.work.Go(func() { s.pass(server, client) })
		s.work.Go(func() { s.pass(client, server) })
	}
}

func (s *swallower) pass(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		on := s.on
		s.mu.Unlock()
		if on {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (s *swallower) swallow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = true
}

func (s *swallower) close() {
	_ = s.listen.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
}

// unanswered returns an address where connecting hangs: the queue of those who wait to be accepted is
// full, so the kernel drops what others send, as a firewall does.
func unanswered(b *testing.B) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		b.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		b.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		b.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 16 {
		conn, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			if os.IsTimeout(err) {
				return addr
			}
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
	}
	b.Fatal("connections are taken all the same")
	return ""
}
