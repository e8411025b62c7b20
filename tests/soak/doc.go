// Package soak keeps the cache under load for a while, and looks at what it leaves behind: several
// processes (this test binary, run again), 64 goroutines each, read through the cache, write and run
// transactions on one PostgreSQL and one Redis.
//
// Asserted are that heap and goroutines of each process are as many at the end as after warming up, that
// Redis grows no further, that no query fails, and that nothing is left when all is closed: no goroutine,
// no connection, no invalidation that was not delivered, no mark. Whether reads are fresh is the business
// of package hunt; here only the last state is compared with the database.
//
//	go test ./tests/soak -v                  3 s
//	go test ./tests/soak -v -soak.time=10m   longer: what leaks slowly shows only there
package soak
