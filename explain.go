package gormcache

import (
	"errors"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/plugin"
	"github.com/seed-4f7f0efa/gormcache/internal/reader"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Explain says what the cache does with the statements that fn makes on its handle: of a query its region, its
// key, its tags, what evicts it, or why it is bypassed; of a write which tags it changes.
//
// Nothing is sent to the store, and to the database nothing but, once, the queries that read its catalog. As in
// gorm.DB.ToSQL hooks run, and fn sees no rows: it should make statements, and not depend on their answers. What
// is preloaded is shown for a parent that is made up.
//
// fn must use its own handle: a statement on another is sent as ever. Where it has returned another, or has made no
// statement, the error is [ErrNotExplained].
func Explain(db *gorm.DB, fn func(tx *gorm.DB) *gorm.DB) (observe.Explanation, error) {
	if db == nil || db.Config == nil || fn == nil {
		return observe.Explanation{}, errors.New("gormcache: Explain: db or fn is nil: pass a *gorm.DB with the plugin, and a function")
	}
	p, err := plugin.Of[interface{ reads() *reader.Reader }](db)
	if err != nil {
		return observe.Explanation{}, err
	}
	return p.reads().Explain(db, fn)
}
