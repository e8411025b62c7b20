package catalog

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/invalidate/sqltext"
)

// sqliteQuery lists what one database file holds. %[1]s is its name as an identifier, %[2]s as a
// string, and %[3]s what a table in it is: in temp, a view.
const sqliteQuery = `
SELECT CASE type WHEN 'table' THEN CASE WHEN sql LIKE 'CREATE VIRTUAL%%' THEN 'virtual' ELSE %[3]s END ELSE type END,
	CASE type WHEN 'trigger' THEN tbl_name ELSE name END, name, coalesce(sql, '')
FROM %[1]s.sqlite_master
WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\_%%' ESCAPE '\'
UNION ALL
SELECT 'cascade', f."table", m.name, ''
FROM %[1]s.sqlite_master m, pragma_foreign_key_list(m.name, %[2]s) f
WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%%'
	AND (f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR f.on_update IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))`

// loadSQLite reads the main file, the temporary one and the attached ones.
func (c *Catalog) loadSQLite(ctx context.Context, q Querier) error {
	files, err := sqliteFiles(ctx, q)
	if err != nil {
		return err
	}
	// A function in a trigger is harmless, like any that the program registers, except those of
	// extensions that run what they are given.
	for _, name := range []string{"eval", "load_extension"} {
		c.unsure[node(name)] = name
	}
	var queries []string
	for _, file := range files {
		table := "'" + rowTable + "'"
		if file == "temp" {
			table = "'" + rowView + "'"
		}
		queries = append(queries, fmt.Sprintf(sqliteQuery,
			`"`+strings.ReplaceAll(file, `"`, `""`)+`"`, "'"+strings.ReplaceAll(file, "'", "''")+"'", table))
	}
	return c.loadRows(ctx, q, sqltext.SQLite, strings.Join(queries, "\nUNION ALL\n"))
}

// sqliteFiles names the databases of the connection.
func sqliteFiles(ctx context.Context, q Querier) (files []string, err error) {
	rows, err := q.QueryContext(ctx, `SELECT name FROM pragma_database_list UNION SELECT 'temp'`)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for rows.Next() {
		var file string
		if err := rows.Scan(&file); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, rows.Err()
}
