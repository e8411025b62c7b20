// Package gormcache is a GORM plugin that serves query results from a cache, and never a stale one.
//
//	p, err := gormcache.New(gormcache.Config{Namespace: "shop"})
//	err = db.Use(p)
//	db.Clauses(fromcache.Region("default")).Where("age > ?", 18).Find(&users)
//
// Once a transaction's commit has returned, no cached read that starts later, in any process, returns
// data older than that commit. A rolled-back write is never seen and evicts nothing. Where that
// promise ends is said in CAVEATS.md.
//
// # How it fits together
//
//	gormcache            the plugin: configuration, registration of callbacks
//	├─ relation          the scope of a preload: each parent's children are an entry
//	├─ fromcache         the scope of a query, its key, its way through the cache
//	│  └─ replay         bytes back as rows, and into models
//	├─ region            named policies, get-or-create: one load for all who may share it
//	├─ invalidate        what statements touch; the protocol around COMMIT; by hand
//	│  ├─ sqltext        the tables and rows in a SQL text
//	│  └─ catalog        views, triggers, cascades, keys and columns of a database
//	├─ serializer        rows and values as bytes
//	├─ store             the seam to where entries and tags live
//	│  ├─ memory         in the process
//	│  ├─ redisstore     in Redis
//	│  ├─ sealed         encrypts or signs the entries of another
//	│  └─ breaker        leaves another alone while it fails
//	├─ observe           counters and hooks
//	└─ fault             one prefix for errors, whatever they wrap
//
// Imports run downwards only.
package gormcache
