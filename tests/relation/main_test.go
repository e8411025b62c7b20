// Package relation_test checks what is answered part by part: relations, one entry for each parent, and lists
// of keys, one entry for each row.
package relation_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }
