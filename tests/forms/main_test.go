// Package forms_test compares, form by form, three ways to the same answer: the database itself, a
// read that missed the cache and one that hit it. Nothing may tell them apart: not the destination,
// RowsAffected, the error, the hooks, nor the columns.
//
//	form ─┬─ plain handle   ── direct
//	      └─ cached handle ─┬─ miss (proved by the read hook)
//	                        └─ hit  (proved by the hook, and by the connector that counts SQL)
//
// A form that must be left to the database states its reason, and that is checked instead. What does
// not fit a comparison is a story: it runs in the same worlds.
package forms_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }
