// Package hunt looks for stale reads. A coordinator starts processes (this test binary, run again) that
// share one PostgreSQL or MariaDB, and one Redis or Redis Cluster; each of them writes and reads through a
// plugin of its own, while the coordinator makes things fail.
//
// # What is asserted
//
// All processes map one file, the board. After a commit has returned, its writer notes the row's new
// version there. A reader loads the note BEFORE it starts, so that "returned before it began" is exact,
// whatever the clocks say. Of each read that got an answer:
//
//	strict      no row is older than the newest commit that had returned, and whose tokens had landed
//	            in the store, when the read began. Always, in every process, under every fault.
//	own         no row is older than the newest commit of the reader's own process that had returned,
//	            landed or not. Always, under every fault.
//	monotonic   no row is older than what any read, in any process, had already returned, cached or
//	            direct. This is what marks buy: between a COMMIT and its tokens nobody may fall back.
//	            While a write is under way whose mark could not be set (AllowStale only: CAVEATS 11) it
//	            is not asserted; nor under faults that take marks out of the store (CAVEATS 9 and 12).
//	            What a cell must contain is asserted as well: an item that was in it by these three
//	            measures, and has not been written to since, is not absent.
//	torn        the parts of an answer fit together: a query of all accounts gives the sum that every
//	            transfer keeps, a list of items has all of them, an item has its cell; always. And no item
//	            is in two cells of one preload, where "monotonic" is asserted.
//	dirty       no version that was rolled back, by a transaction or to a savepoint. Always.
//	error       no read fails, unless the database does or the reader's own context ends.
//
// With FailWrite, commits count for "strict" as soon as they return, whether or not their tokens have
// landed: the mark without which they would have been refused keeps others off for the write grace.
//
// With AllowStale a commit whose tokens could not be delivered counts for other processes from the
// moment when Stats().Pending of its own process is back at 0, which is what CAVEATS 11 promises.
// Until then an item may also be seen in the cell from which such a commit has taken it, though others have
// moved it on since and their tokens have landed: theirs are those of other cells.
//
// Queries are lookups by primary key, by lists of them and by a foreign key, counts, joins, whole tables, and
// relations: has many, belongs to, many to many, and those of an association. One of the processes reads
// all of this by policy, the others by scopes. Writes name one row, several, or a condition, insert, delete
// and move rows, append to a join table, with and without a transaction.
//
// # Faults
//
// Where a fault makes Redis lose what it has acknowledged (a restart, a failover to a replica that had been
// left behind, FLUSHALL, evictions), "monotonic" is not asserted: what is lost may be a mark, and until its
// writer's tokens land nobody keeps readers off (CAVEATS 9 and 12). "strict" and "own" are.
//
// Redis's own clock decides when marks run out. It jumps, forward by less than the write grace (by more is
// CAVEATS 8, and one of the teeth) and back. The clocks of processes jump too, by up to 100 minutes among
// them with a TTL of an hour: freshness must not depend on them.
//
// Outside of faults and what they leave behind, most reads must be hits ("calm" in the table): a cache that
// is bypassed shows no violations either.
//
// The same is asserted on memcached, one and two, and on the deploys of a migration from Redis to memcached, of which two run
// side by side.
//
// At the end of each fault, when all is healed, every query is compared with the database once more
// ("final"): nothing stale is left behind.
//
// A writer that was held up for longer than the write grace between its mark and its COMMIT (CAVEATS
// 8), by a machine that is too busy, say, is counted as an overrun; what a hunt with overruns finds is
// no violation.
//
//	go test ./tests/hunt -v -run Hunt                               3 s a fault, with -short 2 s
//	go test ./tests/hunt -v -run Hunt -hunt.time=10m -hunt.seed=7   longer, with another seed
//	go test ./tests/hunt -v -run Hunt -hunt.reads=1000000           until so many reads have gone through the cache
//	go test ./tests/hunt -v -run 'Hunt/kill'                        one fault
//	make compat OTHER=c4f5dae                                       every second process is of another version
//
// The seed gives the schedule of faults and of operations; what the machine makes of it differs from
// run to run.
package hunt
