// Package policy_test checks which queries go through the cache by policy, that none of them fails or
// changes its answer because of that, and that what Explain says of queries and writes is what they do.
package policy_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }
