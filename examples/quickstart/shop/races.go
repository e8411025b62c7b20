package shop

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

// byHand is a shop with a cache written by hand.
type byHand struct {
	aside
	plain *gorm.DB
	sql   *counter
}

func (h byHand) age(tx *gorm.DB) (int, error) {
	return cached(h.aside, "user 42", func() (int, error) { return ageOf(tx) })
}

func (h byHand) old() (int64, error) {
	return cached(h.aside, "users over 60", func() (int64, error) { return overSixty(h.plain) })
}

func (h byHand) written() { delete(h.aside, "user 42") }

func (h byHand) handle() (*gorm.DB, *counter) { return h.plain, h.sql }

// byPlugin is a shop with the plugin.
type byPlugin struct {
	cached *gorm.DB
	sql    *counter
}

func (p byPlugin) age(tx *gorm.DB) (int, error) {
	return ageOf(tx.Clauses(fromcache.Region("shop")))
}

func (p byPlugin) old() (int64, error) {
	return overSixty(p.cached.Clauses(fromcache.Region("shop")))
}

func (p byPlugin) written() {}

func (p byPlugin) handle() (*gorm.DB, *counter) { return p.cached, p.sql }

func ageOf(db *gorm.DB) (int, error) {
	var user User
	err := db.First(&user, asker).Error
	return user.Age, err
}

func overSixty(db *gorm.DB) (n int64, err error) {
	err = db.Model(&User{}).Where("age > ?", 60).Count(&n).Error
	return n, err
}

// setAge writes the user's age.
func setAge(db *gorm.DB, age int) error {
	return db.Model(&User{}).Where("id = ?", asker).Update("age", age).Error
}

// race is a schedule of readers and writers. It is the same each time: nobody sleeps, and nobody has to be quick.
type race struct {
	name  string
	stale bool // a cache written by hand gives what is not so afterwards
	run   func(r reader) error
}

var races = []race{
	{"a write, then a read", false, func(r reader) error {
		db, _ := r.handle()
		if _, err := r.age(db); err != nil {
			return err
		}
		err := setAge(db, 20)
		r.written()
		return err
	}},
	{"a write commits while a reader loads; the reader stores last", true, func(r reader) error {
		db, sql := r.handle()
		r.written() // so that the reader loads
		var wrote error
		sql.answered = func() {
			wrote = setAge(db.Session(&gorm.Session{NewDB: true}), 30)
			r.written()
		}
		_, err := r.age(db)
		return errors.Join(err, wrote)
	}},
	{"the key is deleted before COMMIT; a reader comes in between", true, func(r reader) error {
		db, _ := r.handle()
		return db.Transaction(func(tx *gorm.DB) error {
			if err := setAge(tx, 40); err != nil {
				return err
			}
			r.written()
			_, err := r.age(db)
			return err
		})
	}},
	{"a transaction reads what it has written, and rolls back", true, func(r reader) error {
		db, _ := r.handle()
		r.written()
		err := db.Transaction(func(tx *gorm.DB) error {
			if err := setAge(tx, 50); err != nil {
				return err
			}
			if _, err := r.age(tx); err != nil {
				return err
			}
			return errUndo
		})
		if errors.Is(err, errUndo) {
			return nil
		}
		return err
	}},
	{"a nightly job writes SQL, and knows of no cache", true, func(r reader) error {
		db, _ := r.handle()
		if _, err := r.age(db); err != nil {
			return err
		}
		return db.Exec("UPDATE users SET age = age + 1").Error
	}},
	{"the user's key is deleted, and not the count that the user is in", true, func(r reader) error {
		db, _ := r.handle()
		if _, err := r.old(); err != nil {
			return err
		}
		err := setAge(db, 61)
		r.written()
		return err
	}},
}

// verdict runs the race and reports whether the reader then reads what the database holds.
func (rc race) verdict(r reader, truth *gorm.DB) (stale bool, err error) {
	db, _ := r.handle()
	if err := errors.Join(setAge(db, 25), rc.run(r)); err != nil {
		return false, fmt.Errorf("%s: %w", rc.name, err)
	}
	age, err := r.age(db)
	old, errOld := r.old()
	trueAge, errAge := ageOf(truth)
	trueOld, errTruth := overSixty(truth)
	return age != trueAge || old != trueOld, errors.Join(err, errOld, errAge, errTruth)
}
