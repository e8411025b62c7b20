package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/region"
)

const (
	// readTTL is how long a user that was read is cached: the TTL of the region.
	readTTL = 300 * time.Second
	// resetTimeout bounds a reset, which goes on when the request has ended.
	resetTimeout = 5 * time.Second
)

// User is a row of the database, and what the service answers with.
type User struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email" gorm:"uniqueIndex"`
}

// Input is what a client says of a user.
type Input struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// validate names all that is wrong.
func (in *Input) validate() error {
	var errs []string
	in.Name = strings.TrimSpace(in.Name)
	if n := utf8.RuneCountInString(in.Name); n < 1 || n > 100 {
		errs = append(errs, fmt.Sprintf("name has %d characters: it must have 1 to 100", n))
	}
	// ParseAddress also takes `Ada <ada@example.com>`.
	if address, err := mail.ParseAddress(in.Email); err != nil || address.Address != in.Email || len(in.Email) > 254 {
		errs = append(errs, fmt.Sprintf("email is %q: it must be an address such as ada@example.com", in.Email))
	}
	if len(errs) > 0 {
		return errors.New(strings.Join(errs, "; "))
	}
	return nil
}

// users keeps users in the database. Reads go through the cache, and updates through a lock.
type users struct {
	// read returns a user, from the cache or by load.
	read *region.Func[int64, User]
	// update writes a user by save, if no other process is about to write the same one.
	update *lock.Function[change, updated]

	db   *gorm.DB
	log  *slog.Logger
	opts options
}

// change is the argument of an update. The lock's name takes the user's id from it.
type change struct {
	UserID int64 `cache:"user_id"`
	Input
}

// updated is the result of an update: the user, or that another update of the user runs.
type updated struct {
	User       User
	InProgress bool
}

func newUsers(db *gorm.DB, r *region.Region, locks *lock.Locks, opts options, log *slog.Logger) *users {
	u := &users{db: db, log: log, opts: opts}
	var caching []region.Option
	if opts.tables {
		// Each commit to the table drops what was read from it, whoever commits.
		caching = append(caching, region.WithTables("users"))
	}
	u.read = region.Cached(r, "read_user-{user_id}", u.load, caching...)
	u.update = lock.Once(locks, "update-user-{user_id}", u.save, lock.WhenLocked(updated{InProgress: true}))
	return u
}

// create adds a user.
func (u *users) create(ctx context.Context, in Input) (User, error) {
	user := User{Name: in.Name, Email: in.Email}
	err := u.db.WithContext(ctx).Create(&user).Error
	return user, err
}

// load reads a user from the database. Its errors are not cached: a user that is not there yet may be there soon.
func (u *users) load(ctx context.Context, id int64) (User, error) {
	u.log.Info("reading the database", "user", id)
	if err := pause(ctx, u.opts.readDelay); err != nil {
		return User{}, err
	}
	var user User
	err := u.db.WithContext(ctx).First(&user, id).Error
	return user, err
}

// save writes a user to the database. It runs for one request at a time for each user, in all instances together.
func (u *users) save(ctx context.Context, c change) (updated, error) {
	u.log.Info("updating", "user", c.UserID)
	if err := pause(ctx, u.opts.writeDelay); err != nil {
		return updated{}, err
	}
	user := User{ID: c.UserID, Name: c.Name, Email: c.Email}
	err := u.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		res := tx.Model(&user).Select("Name", "Email").Updates(&user)
		if res.Error == nil && res.RowsAffected == 0 {
			return gorm.ErrRecordNotFound
		}
		return res.Error
	})
	if err != nil {
		return updated{}, err
	}
	if !u.opts.tables {
		u.reset(ctx, c.UserID)
	}
	u.log.Info("updated", "user", c.UserID)
	return updated{User: user}, nil
}

// reset drops the cached user. It comes after the commit: a reader that came between a reset and the commit would store
// the old user again. It happens even if the client has gone meanwhile, since the commit has happened.
func (u *users) reset(ctx context.Context, id int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resetTimeout)
	defer cancel()
	if err := u.read.Reset(ctx, id); err != nil {
		u.log.Warn("the cached user may be old until its TTL: -tables leaves nothing to reset", "user", id, "ttl", readTTL, "err", err)
	}
}

// pause waits, as something slow would.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
