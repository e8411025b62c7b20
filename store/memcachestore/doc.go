// Package memcachestore is a store in memcached, one or several: what several processes share.
//
//	s := memcachestore.New([]string{"cache1:11211", "cache2:11211"})
//	p, err := gormcache.New(gormcache.Config{Store: s, Namespace: "shop"})
//
// It was run with memcached 1.6.18 and gomemcache of 2026-04-22; from 1.4.8 on memcached has the commands that it uses (gets, cas,
// touch). It is a module of its own. With [github.com/seed-4f7f0efa/gormcache/store/fallback] a program moves here from
// another store, or back, while it runs.
//
// A lookup is one multi-get for each server that has some of the names, all at once; of several entries on several servers two,
// one after the other. A mark takes three trips and one more for each tag beyond the first on the same server, a
// settling two and the same: where writes are many and the network is slow, Redis is faster.
//
// # Tags and marks
//
// A tag is one item: its token, and a list of the marks on it. It is changed by cas, and repeated where others were faster.
// Each mark has a timer, an item whose expiry is the mark's deadline, so the server's clock alone decides:
//
//	timer stored ──▶ mark listed ──▶ settled or unmarked: taken off the list
//	                     │
//	                     └─ the timer has run out: who changes the tag next takes the mark off, and draws a new token
//
// memcached counts whole seconds, by ticks. A timer runs up to two seconds longer than asked for, and never shorter. An entry
// expires up to a second before or after its time to live. More than 30 days count as 30 days: to memcached a greater number is a
// date. Times by which marks and claims are shown to people are those of the machines.
//
// # Limits
//
// A value of more than 1 MB, less its key, is refused with [github.com/seed-4f7f0efa/gormcache/store.ErrTooLarge], unless memcached
// runs with a greater -I; what was under its key before a Set is gone. Names over 250 bytes, or with spaces, are hashed.
//
// # Several servers
//
// Rendezvous hashing over the spelling of the addresses decides which server has a name. So all processes must name the same
// servers in the same spelling. A server that is away keeps its names: calls that need it fail, which for a reader is a
// bypass and for a commit what Config.WritePolicy says. Nothing is routed elsewhere, since others may still reach the
// server, and see its tags. To change the list, deploy as package fallback says, from the store of one list to that of the other.
// Name the servers themselves: a proxy that routes by its own rules (mcrouter, twemproxy) may do what is said here not to be done.
//
// # Deadlines
//
// gomemcache takes no contexts. Each call has a connection to itself, with the deadline of the call's context, and a context
// that is canceled interrupts it. A server that has let several readers in a row wait in vain is asked by one of them each quarter of a
// second ([ErrAway]).
//
// # What memcached can lose
//
// A restart or flush_all takes everything. No token comes back: a missing tag is unknown, and its next token is new. An
// eviction takes single items:
//
//	an entry                 a miss
//	a tag without marks      a miss of all that depends on the tag
//	a tag with a mark        nobody keeps readers off until the writer settles: one who makes the tag anew and loads before the
//	                         commit stores what is stale from the commit until the settling, which follows at once
//	the timer of a mark      who looks is kept off still; who changes the tag takes the writer for dead, and then as above
//	the name of a claim      another may get the claim beside the holder, with a greater fence
//	the timer of a claim     the same
//
// The writer learns that its mark was lost, and drops more than it had to. See CAVEATS 9 and 12. Timers and marked tags are
// among what was used last, but each slab class evicts by itself: give memcached room. With -M it refuses instead, marks and new
// tokens too: what could not be settled stays marked, and is retried.
//
// # Claims
//
// Nobody is told of a release by memcached: in the process that releases waiters are woken at once, in others a
// goroutine that asks each [PollEvery] wakes them.
package memcachestore
