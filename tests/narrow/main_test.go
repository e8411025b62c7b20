// Package narrow_test checks which cached reads a write evicts and which it keeps, where queries and writes
// are pinned to rows and values.
package narrow_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }
