// Package plugin_test checks the whole plugin, as a process of an application has it: what a write by any path drops, in
// any transaction and under any schedule; what DDL drops; what happens while the store fails; what is said about it.
// Two processes share a store, and gates between them and it stop or fail at the protocol's steps.
package plugin_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }
