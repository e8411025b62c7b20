package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// sqliteQuery lists the content of one database file. %[1]s is the file's name as an identifier, %[2]s as a string, %[3]s
// the kind of its tables (in temp: view), and %[4]s their nature.
//
// An index of one column returns the rows with one value in the order of their rowid. Other indexes may return another
// order: an index of several columns for rows with a NULL in the first (deleted_at), a partial index for its rows, and an
// index that has all columns instead of the table. A primary key with an index is not the rowid, whatever its type:
// INTEGER PRIMARY KEY DESC.
const sqliteQuery = `
SELECT CASE type WHEN 'table' THEN CASE WHEN sql LIKE 'CREATE VIRTUAL%%' THEN 'virtual' ELSE %[3]s END ELSE type END,
	CASE type WHEN 'trigger' THEN tbl_name ELSE name END,
	CASE type WHEN 'trigger' THEN name WHEN 'table' THEN %[4]s ELSE '' END, coalesce(sql, '')
FROM %[1]s.sqlite_master
WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\_%%' ESCAPE '\'
UNION ALL
SELECT 'cascade', f."table", m.name, ''
FROM %[1]s.sqlite_master m, pragma_foreign_key_list(m.name, %[2]s) f
WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%%'
	AND (f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR f.on_update IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))
UNION ALL
SELECT 'indirect', name, 'conflict', ''
FROM %[1]s.sqlite_master
WHERE type = 'table' AND instr(lower(sql), 'conflict') > 0
UNION ALL
SELECT 'unsorted', m.name, i.name, ''
FROM %[1]s.sqlite_master m, pragma_index_list(m.name, %[2]s) i
WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%%' AND (i.origin = 'pk' OR i.partial
	OR (SELECT count(*) FROM pragma_index_info(i.name, %[2]s)) > 1
	OR (SELECT count(*) FROM pragma_table_info(m.name, %[2]s)) < 3)`

// sqliteColumns lists the columns of one file. Only a table's text names the collations of its columns.
const sqliteColumns = `
SELECT %[2]s, m.name, x.name, x.type, CASE WHEN instr(lower(m.sql), 'collate') > 0 THEN m.sql ELSE '' END, 0, x.pk,
	x."notnull" OR x.pk > 0 AND upper(x.type) = 'INTEGER', x.dflt_value IS NOT NULL, x.hidden > 0
FROM %[1]s.sqlite_master m, pragma_table_xinfo(m.name, %[2]s) x
WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%%' AND m.name NOT LIKE 'sqlite\_%%' ESCAPE '\'`

// sqliteFiles returns the names of the connection's databases.
func sqliteFiles(ctx context.Context, q Querier) (files []string, err error) {
	err = Each(ctx, q, `SELECT name FROM pragma_database_list UNION SELECT 'temp'`, func(rows *sql.Rows) error {
		var file string
		err := rows.Scan(&file)
		files = append(files, file)
		return err
	})
	return files, err
}

// sqliteQueries returns the query of rows and that of columns, over the main file, the temporary one and the attached ones.
func sqliteQueries(files []string) (rows, columns string) {
	var ofRows, ofColumns []string
	for _, file := range files {
		table, nature := "'"+rowTable+"'", "''"
		if file == "temp" {
			table, nature = "'"+rowView+"'", "'"+natureTemporary+"'"
		}
		name, text := quote(sqltext.SQLite, file), "'"+strings.ReplaceAll(file, "'", "''")+"'"
		ofRows = append(ofRows, fmt.Sprintf(sqliteQuery, name, text, table, nature))
		ofColumns = append(ofColumns, fmt.Sprintf(sqliteColumns, name, text))
	}
	const and = "\nUNION ALL\n"
	return strings.Join(ofRows, and), strings.Join(ofColumns, and)
}

// sqliteType reads a declared type as SQLite does: INT anywhere in the type makes the column an Integer. SQLite ignores
// lengths.
func sqliteType(c *Column, r *columnRow) {
	switch typ := strings.ToLower(r.typ); {
	case strings.Contains(typ, "int"):
		c.Kind, c.lowest, c.highest = Integer, math.MinInt64, math.MaxInt64
	case (strings.Contains(typ, "char") || strings.Contains(typ, "clob") || strings.Contains(typ, "text")) && builtIn(r.detail):
		c.Kind = Text
	}
}

var (
	collation = regexp.MustCompile(`(?i)collate`)
	built     = regexp.MustCompile(strings.ReplaceAll(`(?i)collate\s+(?:name\b|"name"|'name'|\x60name\x60|\[name\])`,
		"name", "(?:binary|nocase|rtrim)"))
)

// builtIn reports whether a CREATE TABLE names only collations that SQLite itself has. To which columns they belong does
// not matter: collations that a program registers are rare.
func builtIn(create string) bool {
	return len(collation.FindAllStringIndex(create, -1)) == len(built.FindAllStringIndex(create, -1))
}

// afterTrigger matches the beginning of an AFTER trigger as SQLite stores it; a trigger without the word is BEFORE.
var afterTrigger = regexp.MustCompile(`(?is)^CREATE TRIGGER ("(?:[^"]|"")*"|\x60(?:[^\x60]|\x60\x60)*\x60|'(?:[^']|'')*'|\[[^\]]*\]|\w+)\s+AFTER\s`)

// after reports whether a trigger of SQLite certainly runs after the row has changed.
func after(create string) bool { return afterTrigger.MatchString(create) }
