// Package lock lets one process at a time do something, or a given number of them, with the store of a cache as the
// place where they agree.
//
//	locks := p.Locks()                            // of the plugin; lock.New(store, "shop") without GORM
//	l, err := locks.Acquire(ctx, "nightly")       // waits until ctx ends; TryAcquire: ErrLocked
//	if err != nil { … }
//	defer l.Release(ctx)
//
//	once := lock.Once(locks, "update-user-{user_id}", update)  // a second call meanwhile: ErrLocked
//	pool := lock.NewPool(locks, "imports", 4)                  // at most four at a time
//
// # The life of a lock
//
//	         Acquire, TryAcquire                Release
//	free ───────────────────────▶ held ──────────────────────▶ free
//	                               │ ▲
//	           renewed each third  │ │
//	           of the TTL          └─┘
//	                               │  not renewed within the TTL, broken,
//	                               ▼  or forgotten by the store
//	                              lost ─▶ Lost, Err, Context and Release tell the holder
//
// A lock lasts for its [TTL], by the store's clock, and is renewed in the background until it is released: so work may take
// as long as it takes, and a holder that dies (kill -9, a power cut) keeps others waiting for at most the TTL. Each
// holder has a random name in the store, so Release and the renewal reach the holder's own claim and never that of who came
// later. The holder's own clock decides when to stop: a lock counts as lost a TTL after the last renewal that was
// answered was sent, which is never later than the store gives it to another.
//
// Who waits is woken by the release, and asks again each [Poll] besides. The waiters of one process stand in a line, in the
// order in which they came, and only the first asks the store. Among processes there is no order: each wake is a
// fair race. A TryAcquire does not stand in line.
//
// Locks are not reentrant: who has a lock and acquires it again waits for itself. Where the context comes from
// [Lock.Context], as that of a function of [Func] does, the answer is [ErrReentrant] at once.
//
// # What a lock does not do
//
// A lock saves work that is done twice. It does not by itself keep two holders from writing, and no lock with a TTL does:
//
//   - A process may stand still at any instruction (a pause of the garbage collector, SIGSTOP, a virtual machine that is moved)
//     for longer than the TTL. Another gets the lock, and the first goes on where it was, before it
//     looks at Held again. A machine that was suspended may not even see that time has passed.
//   - A Redis that fails over has confirmed claims that the new master has not got: replication is asynchronous. The lock is
//     free there, and a second holder gets it while the first is at work, which learns of it by its next renewal. So does a Redis
//     that starts again from an old snapshot, or empty, or that evicts keys which have an expiry when memory is short. redisstore's
//     documentation says what it does about that, such as redisstore.Wait.
//   - [Locks.Break] takes a lock from a holder that may be at work.
//
// Where two holders would only do the work twice, that is fine. Where data would be damaged, use the fence.
//
// # The fence
//
// [Lock.Fence] grows with each holder of a lock. What the lock protects remembers the greatest number that it has seen, and
// refuses smaller ones. In a database one column is enough, and the database itself makes it atomic:
//
//	res, err := db.ExecContext(ctx, "UPDATE reports SET body = ?, fence = ? WHERE id = ? AND fence < ?",
//		body, l.Fence(), id, l.Fence())
//	// no row affected: a later holder has written, and this one has lost the lock
//
// A holder that writes the same row several times compares with <=. The number is a BIGINT. A failover or restart that
// loses what the store had confirmed may lose the last numbers too; the store's documentation says whether they can come again.
// What must never be written twice by any fault of the store belongs under a lock of the database itself, such as SELECT … FOR
// UPDATE.
package lock
