package servers

import (
	"path/filepath"
	"testing"
)

// SQLite returns an empty database in a file of its own, which goes when tb ends.
func SQLite(tb testing.TB) *Database {
	return &Database{Kind: "sqlite", DSN: "file:" + filepath.Join(tb.TempDir(), "db") + "?" + sqliteParams}
}
