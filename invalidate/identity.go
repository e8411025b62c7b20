package invalidate

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// identity names the database, so that entries of two databases in one namespace differ. One that exists
// in this process only (SQLite's memory) is like no other. reading is how the connection gives times:
// MySQL's driver reads a DATETIME as text, or in a zone that its DSN names, so that two processes get
// different values from the same rows.
func identity(ctx context.Context, q catalog.Querier, d sqltext.Dialect, random string) (name, reading string, err error) {
	query := "SELECT current_database(), ''"
	switch d {
	case sqltext.SQLite:
		query = "SELECT file, '' FROM pragma_database_list WHERE name = 'main'"
	case sqltext.MySQL:
		query = "SELECT DATABASE(), TIMESTAMP '2000-01-01 12:00:00'"
	}
	var database, sample any
	err = catalog.Each(ctx, q, query, func(rows *sql.Rows) error { return rows.Scan(&database, &sample) })
	if err != nil {
		return "", "", err
	}
	if name = text(database); name == "" {
		name = random
	}
	reading = "text"
	if at, ok := sample.(time.Time); ok {
		reading = zoneOf(at.Location())
	}
	return name, reading, nil
}

// zoneOf names a zone so that other processes know it. The one called "Local", as in the DSN that GORM's
// documentation gives, is the machine's, and only its offsets tell which.
func zoneOf(loc *time.Location) string {
	if loc.String() != "Local" {
		return loc.String()
	}
	const day = 24 * 60 * 60
	var b []byte
	last, end := -1, time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for at := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); at < end; at += day {
		if _, offset := time.Unix(at, 0).In(loc).Zone(); offset != last {
			b = binary.AppendVarint(binary.AppendVarint(b, at), int64(offset))
			last = offset
		}
	}
	return fmt.Sprintf("Local %x", sha256.Sum256(b))
}

// text is a driver's text, whatever it is given as.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}
