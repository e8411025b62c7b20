// Package servers starts the real servers that the tests need: Redis, a Redis Cluster, a Redis behind sentinels, Valkey,
// PostgreSQL, MariaDB and memcached, on free ports and in temporary folders, and stops them at the end. What tests open
// on them is closed before.
//
//	rdb := servers.Redis(t).Client(t)
//	db := servers.Postgres(t).Open(t)
//	p := servers.Plugin(t, db, gormcache.Config{Store: servers.Redis(t).Store(t)})
//
// Redis, RedisWithClock, RedisCluster, Sentinel, Valkey and Memcached start processes of their own at every call, so a test
// may stop, kill or pause them. Postgres and MariaDB take longer to start: one server serves all tests of
// a test binary, and each call makes a database of its own, dropped when the test ends.
//
// A package whose tests call Postgres or MariaDB hands its TestMain to [Main], which stops the shared
// servers:
//
//	func TestMain(m *testing.M) { os.Exit(servers.Main(m).Run()) }
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }
//
// [Run] starts a program of ours, such as an example, and [Chromium] finds the browser for its page.
//
// Where a server's program is not installed the test is skipped, and names the Debian package; with
// GORMCACHE_REQUIRE_SERVERS=1 in the environment it fails instead.
//
// On Linux no server outlives a test binary that is killed: the kernel signals it. The folders that
// such a binary leaves behind are removed by the next one. When the tests run as root, the servers run
// as the user that their Debian package has made, because PostgreSQL and others refuse to be root.
package servers
