package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/glebarez/sqlite"
	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

// app is the service with all that it has opened.
type app struct {
	users   *users
	closers []func() error // in the order of opening
}

// open opens the database, the cache, and the service over both. What it has opened before an error, close closes.
func (a *app) open(ctx context.Context, opts options, log *slog.Logger) error {
	path, err := a.databaseFile(opts.db)
	if err != nil {
		return err
	}
	db, err := a.database(path)
	if err != nil {
		return err
	}
	cache, err := a.cache(ctx, path, opts)
	if err != nil {
		return err
	}
	if err := db.Use(cache); err != nil {
		return err
	}
	// After db.Use: a table that is created drops what the Redis still has of an earlier database in the same file.
	if err := db.WithContext(ctx).AutoMigrate(&User{}); err != nil {
		return err
	}
	users, err := cache.Region("users")
	if err != nil {
		return err
	}
	a.users = newUsers(db, users, cache.Locks().With(lock.TTL(opts.lockTTL)), opts, log)
	// What is wrong with a key or an option is told now, and not by the first request.
	return errors.Join(a.users.read.Err(), a.users.update.Err())
}

// databaseFile returns the absolute path of the database's file: by default one that goes with the process.
func (a *app) databaseFile(path string) (string, error) {
	if path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "gormcache-users-")
	if err != nil {
		return "", err
	}
	a.closers = append(a.closers, func() error { return os.RemoveAll(dir) })
	return filepath.Join(dir, "users.db"), nil
}

// database opens the SQLite database of a file, by a driver in Go, which needs no C compiler.
func (a *app) database(path string) (*gorm.DB, error) {
	db, err := gorm.Open(sqlite.Open("file:"+path+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)"), &gorm.Config{
		Logger:         logger.Discard, // errors are logged where they are answered
		TranslateError: true,           // gorm.ErrDuplicatedKey in place of the driver's own
	})
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, pool.Close)
	return db, nil
}

// cache makes the plugin, in front of the database at path.
func (a *app) cache(ctx context.Context, path string, opts options) (*gormcache.Plugin, error) {
	// Instances that share the database must share the namespace, and others must not.
	sum := sha256.Sum256([]byte(path))
	cfg := gormcache.Config{
		Namespace: "users-" + hex.EncodeToString(sum[:6]),
		Regions:   map[string]region.Config{"users": {TTL: readTTL}},
		Hooks:     &observe.Hooks{Read: note},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if opts.redis != "" {
		client := redis.NewClient(&redis.Options{Addr: opts.redis, ContextTimeoutEnabled: true, DialerRetries: 1, MaxRetries: -1})
		a.closers = append(a.closers, client.Close)
		if err := client.Ping(ctx).Err(); err != nil {
			return nil, fmt.Errorf("no Redis at %s: %w", opts.redis, err)
		}
		cfg.Store = redisstore.New(client)
	}
	cache, err := gormcache.New(cfg)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, cache.Close)
	return cache, nil
}

// close closes what was opened, the last first.
func (a *app) close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	return errors.Join(errs...)
}
