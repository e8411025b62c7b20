//go:build linux

// Package claims_test checks that of several processes on one Redis one loads for all: real processes, which are killed.
package claims_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

// planEnv makes the test binary one of the processes; it holds a plan.
const planEnv = "GORMCACHE_CLAIMS"

// plan is what a process is told.
type plan struct {
	DSN, Redis string
	Value      bool          // it makes a value; otherwise it asks a query
	Callers    int           // at once
	Load       time.Duration // how long a load takes; negative: for ever
	TTL        time.Duration // of a claim
}

var must = lab.Must

func TestMain(m *testing.M) {
	if encoded := os.Getenv(planEnv); encoded != "" {
		if err := run(encoded); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(servers.Main(m))
}

// Item is what the query reads.
type Item struct {
	ID   uint
	Name string
}

// run is one of the processes. It says "ready", waits for a line, says "asking", "loading" for each load, and "done".
func run(encoded string) error {
	var p plan
	if err := json.Unmarshal([]byte(encoded), &p); err != nil {
		return err
	}
	load := func() {
		fmt.Println("loading")
		if p.Load < 0 {
			select {}
		}
		time.Sleep(p.Load)
	}
	d := &servers.Database{Kind: "sqlite", DSN: p.DSN}
	pool, err := tap.Open(d.Driver(), d.DSN, &tap.Tap{Ran: func(query string) {
		if strings.Contains(query, "FROM `items`") && !p.Value {
			load()
		}
	}})
	if err != nil {
		return err
	}
	db, err := gorm.Open(d.On(pool), servers.Quiet)
	if err != nil {
		return err
	}
	rdb := redis.NewClient(&redis.Options{Addr: p.Redis, PoolSize: 300})
	policy := region.Config{TTL: time.Hour, Claim: region.Claim{TTL: p.TTL, Wait: time.Hour}}
	plugin, err := gormcache.New(gormcache.Config{
		Store: redisstore.New(rdb), Namespace: "claims", Database: "claims",
		Regions:     map[string]region.Config{"default": policy, "warm": {TTL: time.Hour}},
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, WriteGrace: 10 * time.Second, // the machine is slow
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if err := db.Use(plugin); err != nil {
		return err
	}
	if err := db.Clauses(fromcache.Region("warm")).Table("others").Find(&[]Item{}).Error; err != nil { // reads the catalog
		return err
	}
	r, err := plugin.Region("default")
	if err != nil {
		return err
	}
	ask := func() (string, error) {
		if p.Value {
			return region.GetOrCreate(context.Background(), r, "k", func(context.Context) (string, error) { load(); return "one", nil })
		}
		var item Item
		err := db.Clauses(fromcache.Region("default")).First(&item, 1).Error
		return item.Name, err
	}
	fmt.Println("ready")
	if !bufio.NewScanner(os.Stdin).Scan() {
		return nil
	}
	fmt.Println("asking")
	var all sync.WaitGroup
	for range p.Callers {
		all.Go(func() {
			if name, err := ask(); err != nil || name != "one" {
				fmt.Printf("wrong: %q, %v\n", name, err)
			}
		})
	}
	all.Wait()
	fmt.Println("done")
	return plugin.Close()
}

// process is one of the processes, seen from the test.
type process struct {
	cmd   *exec.Cmd
	in    func() // lets it begin
	lines lab.Lines
	ended chan struct{}
}

func start(t testing.TB, p plan) *process {
	t.Helper()
	encoded, err := json.Marshal(p)
	must(t, err)
	program, err := os.Executable()
	must(t, err)
	c := &process{cmd: exec.Command(program), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), planEnv+"="+string(encoded))
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := c.cmd.StdinPipe()
	must(t, err)
	c.in = func() { _, _ = fmt.Fprintln(in, "go") }
	out, err := c.cmd.StdoutPipe()
	must(t, err)
	must(t, c.cmd.Start())
	go func() {
		defer close(c.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.lines.Add(lines.Text())
		}
		_ = c.cmd.Wait()
	}()
	t.Cleanup(c.kill)
	return c
}

// says waits for a line.
func (c *process) says(t testing.TB, line string) {
	t.Helper()
	lab.Eventually(t, "a process says "+line, func() bool { return len(c.lines.With(line)) > 0 })
}

// kill is kill -9.
func (c *process) kill() {
	_ = c.cmd.Process.Kill()
	<-c.ended
}

// world is a database with one item, and a Redis.
func world(t testing.TB) plan {
	t.Helper()
	d := servers.SQLite(t)
	db := d.Open(t)
	must(t, db.AutoMigrate(&Item{}))
	must(t, db.Table("others").AutoMigrate(&Item{}))
	must(t, db.Create(&Item{ID: 1, Name: "one"}).Error)
	return plan{DSN: d.DSN, Redis: servers.Redis(t).Addr, Callers: 250, Load: 300 * time.Millisecond, TTL: 2 * time.Second}
}
