// Package fallback is a store that stands before another one: a new one before an old one while a program moves.
//
// # A migration
//
// Each deploy may run beside the one before it, and beside no other: wait until the last process of that has ended.
//
//	0  old
//	1  fallback.New(old, fallback.Marks(new))
//	2  fallback.New(new, fallback.From(old))
//	3  fallback.New(new, fallback.Marks(old))
//	4  new
//
// The first argument is the home: the store whose tags are read, and where entries are stored. Marks, settles and deletes reach
// the others too, so that in each pair of neighbors whoever writes marks where the other reads. In deploy 2 entries fall through:
// what the new store does not have and the old one does, valid by the old one's tags, is served and promoted with the tokens of
// the home. Stay there until the hits are where they were. Deploy 2 may be left out, at the price of a cold start; 1 and
// 3 may not. The order was run with Redis 7.0 and memcached 1.6.18, each pair side by side under load.
//
// To go back, take the deploys in reverse. To go back further than one at once is what a deploy left out is: what is stale
// then is served. An old store that was written past for a while, as deploy 4 does, must be empty before it is a neighbor
// again, or be invalidated in deploy 3 (invalidate.All, which reaches both); likewise the new one after deploy 0.
//
// Close closes all stores. Seal and compress below: fallback.New(sealed.New(new, …), fallback.From(sealed.New(old, …))), since
// entries get other tokens on the way.
//
// # When one of them fails
//
// An old store's error in a lookup is a miss; it may take half of the time that the caller has, and is then not asked for a
// second. A mark, a settling, a delete or a value that does not reach one of the stores is an error: somebody may look
// there. The home's errors are errors.
//
// # Values, changes by comparison, claims
//
// Values fall through too. What is set, changed or deleted by key is copied to all stores, so that no process goes on serving what
// was there, and a load that began before it is defeated everywhere. Changes by comparison (region.Update, Add and their like) and
// claims are the home's. Between deploys 1 and 2 the home differs, so there, and there alone:
//
//	process of 1          process of 2
//	compares, swaps       compares, swaps            each in its home: one change is lost, or a counter begins anew
//	claims a lock         claims the same lock       both have it, with fences that say nothing about each other
//
// No row is stale by that. Keep locks that matter in a store of their own (lock.New with the old store) until all is done, and stop all
// processes once to move them.
//
// # A region with a store of its own
//
// Entries that are looked up without tags are served as they are, and promoted as they are: their tags live elsewhere, and whoever asked
// compares them. So such a region moves by fallback.New(new, fallback.From(old)) alone, between two deploys, as long as nothing is
// stored in it by key; with values it takes all deploys, as above.
package fallback
