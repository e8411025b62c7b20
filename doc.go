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
//	├─ fromcache         the scope of a query, its options, policies for models
//	├─ region            named policies, get-or-create: one load for all who may share it
//	├─ invalidate        invalidation by hand
//	├─ lock              locks and pools among processes, with a fence
//	├─ serializer        typed values as bytes
//	├─ store             the seam to where entries and tags live
//	│  ├─ memory         in the process
//	│  ├─ redisstore     in Redis
//	│  └─ sealed         encrypts or signs the entries of another
//	└─ observe           counters, hooks, explanations, inspections
//
// These are the words that a program uses. What makes them work stands under internal/, of which docs/development.md
// has a map.
package gormcache
