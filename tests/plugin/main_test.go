package plugin_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }
