package servers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Kinds are the kinds of database there are.
var Kinds = []string{"sqlite", "postgres", "mariadb"}

// Database is an empty database of one test: a file of its own if it is SQLite's, else on the server that the
// test binary's tests share.
type Database struct {
	// Kind is one of [Kinds].
	Kind string
	// DSN opens the database with GORM's driver. It ends so that parameters can be added: " k=v" for
	// PostgreSQL, "&k=v" for the others.
	DSN string
	// Name is the database's name, unique in this run. SQLite's has none.
	Name string
	// Addr is the host:port of its server, if it has one.
	Addr string
}

// Empty returns an empty database of one of [Kinds].
func Empty(tb testing.TB, kind string) *Database {
	tb.Helper()
	switch kind {
	case "sqlite":
		return SQLite(tb)
	case "postgres":
		return Postgres(tb)
	case "mariadb":
		return MariaDB(tb)
	}
	tb.Fatalf("servers: no kind of database is called %q", kind)
	return nil
}

// engine is what differs between the database servers.
type engine struct {
	kind    string
	server  program
	install program
	users   []string // accounts to run as when we are root
	driver  string   // of database/sql

	initArgs   func(data string) []string
	serverArgs func(f *folder, port int) []string
	dsn        func(port int, database string) string
	admin      string         // the database to connect to for managing others
	dataDir    string         // the query that tells the server's data folder
	drop       string         // the format of the statement that drops a database
	quit       syscall.Signal // what ends the server at once, its children too
}

// databaseServer is a server that lives as long as the test binary.
type databaseServer struct {
	engine

	mu     sync.Mutex
	folder *folder
	proc   *process
	port   int
	db     *sql.DB // as administrator
}

// create returns a new database, and starts the server first if this is the binary's first call.
func (s *databaseServer) create(tb testing.TB) *Database {
	tb.Helper()
	server, install := s.server.find(tb), s.install.find(tb)
	if err := s.ensure(server, install); err != nil {
		tb.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text()[:12])
	if _, err := s.db.ExecContext(context.Background(), "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("servers: %s: create database: %v\n%s", s.kind, err, s.proc.tail())
	}
	tb.Cleanup(func() {
		// The test's own context may be cancelled by now.
		if _, err := s.db.ExecContext(context.Background(), fmt.Sprintf(s.drop, name)); err != nil {
			tb.Errorf("servers: %s: drop database: %v", s.kind, err)
		}
	})
	return &Database{Kind: s.kind, DSN: s.dsn(s.port, name), Name: name, Addr: loopback(s.port)}
}

// ensure starts the server unless it runs.
func (s *databaseServer) ensure(server, install string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		if !s.proc.running() {
			return fmt.Errorf("servers: %s has ended (%w):\n%s", s.kind, s.proc.err, s.proc.tail())
		}
		return nil
	}
	as, err := accountFor(s.users...)
	if err != nil {
		return err
	}
	f, err := newFolder(s.kind, as)
	if err != nil {
		return err
	}
	if err := s.initialize(install, f, as); err != nil {
		f.remove()
		return err
	}
	var errs []error
	// Another process may take the port first: then the server ends at once, and we draw again.
	for range 3 {
		err := s.start(server, f, as)
		if err == nil {
			stopAtEnd(s.stop)
			return nil
		}
		errs = append(errs, err)
	}
	f.remove()
	return errors.Join(errs...)
}

// initialize makes the server's data folder.
func (s *databaseServer) initialize(install string, f *folder, as *account) error {
	cmd := exec.Command(install, s.initArgs(f.join("data"))...)
	cmd.Dir = f.path
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as.credential()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("servers: %s: %w\n%s", filepath.Base(install), err, out)
	}
	return nil
}

func (s *databaseServer) start(server string, f *folder, as *account) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	cmd := command{path: server, args: s.serverArgs(f, port), dir: f.path, as: as, death: s.quit}
	p, err := cmd.start(f.join("log"))
	if err != nil {
		return err
	}
	db, err := sql.Open(s.driver, s.dsn(port, s.admin))
	if err == nil {
		err = p.ready(func(ctx context.Context) error { return s.answers(ctx, db, f) })
	}
	if err != nil {
		p.stop(s.quit)
		return err
	}
	// No idle connection: it would be a leaked goroutine to the tests that look for those.
	db.SetMaxIdleConns(0)
	s.folder, s.proc, s.port, s.db = f, p, port, db
	return nil
}

// answers checks that it is our server that listens on the port, and no other test binary's.
func (s *databaseServer) answers(ctx context.Context, db *sql.DB, f *folder) error {
	var data string
	if err := db.QueryRowContext(ctx, s.dataDir).Scan(&data); err != nil {
		return err
	}
	if filepath.Clean(data) != f.join("data") {
		return fmt.Errorf("servers: the port is served from %s", data)
	}
	return nil
}

func (s *databaseServer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.db.Close()
	s.proc.stop(s.quit)
	s.folder.remove()
	s.folder, s.proc, s.db = nil, nil, nil
}
