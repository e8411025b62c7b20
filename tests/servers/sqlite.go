package servers

import (
	"path/filepath"
	"testing"
)

// SQLite returns an empty database in a file of its own, which goes when tb ends.
func SQLite(tb testing.TB) *Database {
	// WAL, so that readers are not kept off by a writer.
	return &Database{Kind: "sqlite", DSN: "file:" + filepath.Join(tb.TempDir(), "db") +
		"?_journal_mode=WAL&_synchronous=OFF&_busy_timeout=10000&_foreign_keys=on"}
}
