package fromcache

import (
	"context"

	"github.com/seed-4f7f0efa/gormcache/internal/tier"
)

// InRequest returns a context for one request, within which equal reads are answered once: the second is answered from
// what the first one got, and the store is not asked. It is for middleware, around what handles a request:
//
//	next.ServeHTTP(w, r.WithContext(fromcache.InRequest(r.Context())))
//
// It covers queries that read through the cache with the context, what they preload, and the values of regions (but not
// region.Lookup, WithMaxAge, nor calls with In). Reads are equal if they have one region and would have one entry. Each
// caller gets an answer of its own, made from the same bytes.
//
// An answer is as old as its first read in the request: what others commit meanwhile shows in the next request. What the
// request itself commits, invalidates, sets or deletes shows at once, if it is done with the context: by
// db.WithContext(ctx), or by a transaction that was begun with it or has written with it. [Refresh] asks anew.
//
// Within transactions the answers are not used, nor are they while a value is being made, which others will be given. Where
// the request writes in a transaction whose COMMIT gormcache does not see, such as one begun by a text, the request's
// answers are not used any more, and its reads ask the store as ever.
//
// The answers end with ctx. They are bounded: beyond 1024, or 8 MiB, the request begins anew. A context that has them
// already is returned as it is.
func InRequest(ctx context.Context) context.Context { return tier.With(ctx) }
