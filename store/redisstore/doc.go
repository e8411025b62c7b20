// Package redisstore is a store in Redis: what several processes share.
//
//	rdb := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
//	p, err := gormcache.New(gormcache.Config{Store: redisstore.New(rdb), Namespace: "shop"})
//
// It needs Redis 7.0 or later, alone or as a Cluster, or several through a redis.Ring, and go-redis.
// A lookup is one MGET, or one pipeline of GETs where there are several servers. Tags are changed by a
// script that touches one key, so nothing needs to be atomic across slots.
//
// # Deadlines
//
// Every method returns by the deadline of its context. go-redis ignores deadlines by default, so a
// *redis.Client is used through a clone on the same connections that keeps them; the client itself
// stays as it is. A client of several servers, of which some calls take the read timeout whatever the
// context says, is called on a goroutine that is left behind when time is up, and ends by the
// client's own timeouts. That makes a call 15 to 35 % slower, and no more than 128 are left behind at
// once (see [ErrBusy]). A context that is canceled before its deadline ends a call of a *redis.Client
// by the deadline only. Hooks that trace commands don't see those of the store, which go through the
// clone, unless ContextTimeoutEnabled is set: then the client itself is used.
//
// # Rights
//
// A user that is limited by an ACL needs the keys of the plugin's namespace, and these commands:
//
//	~shop:* +get +mget +set +unlink +pexpire +time +eval +evalsha +info
//
// in a Cluster also +cluster|slots and +command, behind a redis.Ring also +ping, with another DB than 0 also
// +select, with [Wait] also +wait. The categories read, write and scripting are not enough: TIME and INFO belong
// to none of them. db.Use refuses a user who lacks one of these rights. One that is taken away later counts as a
// server that fails.
//
// Claims (loads that one process does for all, locks) need no more. But those who wait for one are woken by its release
// only if the user also has the channels of the namespace and the commands of Pub/Sub:
//
//	&shop:* +publish +subscribe +unsubscribe
//
// Without them, or while the connection is lost, they ask again now and then, and the store says so once (see [Logger]).
//
// # Claims
//
// A claim lies under its name, with its owner and deadline by the server's clock. A failover to a replica that lags, a
// restart from old data, FLUSHALL or an eviction loses claims that were granted: two owners may then believe that they
// have the name. The fence of the later one is greater, as long as the clocks of the servers do not differ by more than
// the time between the two; [Wait] makes a claim with a fence wait for the replicas. Names without a fence are gone with
// their last claim; the last fence of a name is kept for a day after it.
//
// # Memory
//
// A server with a limit evicts tags as well as entries. A tag that is gone is a miss. But one that
// goes while it bears a mark no longer keeps readers off: between that writer's commit and its
// settling, which comes right after, a read may be stale. Of the eviction policies, allkeys-lru and
// volatile-lru make that improbable, since a marked tag is among the keys used last; allkeys-random
// does not. With noeviction a full server refuses entries, while marks and new tokens still land.
//
// # Servers that come back
//
// A restart from an old snapshot, or a failover to a replica that lags, brings old tokens back together
// with the entries that carry them. So readers see each token combined with a value that is derived from
// the run_id and the replication id of all masters: whatever was filled before such an event, or is
// filled later by a load that began before it, is never served again. All processes derive the same
// value. After it the whole cache is cold.
//
//	               dial counted                INFO: same servers?
//	                    │                             │
//	call ──▶ anything new since they were asked? ──yes─┴─▶ changed during the call: an error
//	                    └─no─▶ the answer is believed
//
// [New] adds a hook to the client that counts its connections, since a server that was started or
// promoted is reached only over a new one; the store asks who the servers are when there are new ones,
// and every so often (see [Recheck]). The user needs the right to INFO. Make one store for each client,
// for hooks stay. A client that wraps another can't be watched: there tokens are bound to nothing, and
// the entries' time to live is the bound.
//
// # What Redis can lose
//
// A mark that was lost in such an event no longer keeps readers off: those of writers between COMMIT and
// new token, of tags that replicas lag behind, and of commits whose outcome is unknown. [Wait] makes
// writers wait for replicas, so that a failover loses less. A master that was replaced and does not
// know it yet goes on answering those who are still connected to it. Deadlines of marks are kept by the
// server's clock: one that jumps forward, or a replica with a faster clock that takes over, ends marks
// before their writers are done. Keys that are put back by hand (RESTORE, SWAPDB, DEBUG RELOAD) are not
// noticed. Clients that read from replicas or from a client-side cache are refused.
//
// A redis.Ring moves keys while a shard is down; the store stops working until all are back (see
// [ErrRingIncomplete]), since tokens would otherwise come back with the shard. Changing the shards of
// a ring in place is not supported: make a new client and store, with another namespace.
package redisstore
