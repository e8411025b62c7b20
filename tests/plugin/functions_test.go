package plugin_test

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

// A function may write, though it is called in a SELECT: the catalog tells which does, and what.
func TestFunctionsThatWrite(t *testing.T) {
	for name, create := range map[string]string{
		"postgres": "CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS $$ UPDATE users SET name = 'fn' WHERE id = 1 RETURNING 1 $$",
		"mariadb":  "CREATE FUNCTION bump() RETURNS int MODIFIES SQL DATA BEGIN UPDATE users SET name = 'fn' WHERE id = 1; RETURN 1; END",
		// What it writes nobody can tell, and so it may be anything.
		"postgres, by text": `CREATE FUNCTION bump() RETURNS int LANGUAGE plpgsql AS
			$$ BEGIN EXECUTE concat('UPDATE us', 'ers SET name = ''fn'' WHERE id = 1'); RETURN 1; END $$`,
	} {
		t.Run(name, func(t *testing.T) {
			kind, _, _ := strings.Cut(name, ",")
			s := newScene(t, kind, "memory")
			must(t, s.writer.db.Exec(create).Error)
			quoted := map[string]string{"postgres": `"bump"`, "mariadb": "`bump`"}[kind]
			for _, call := range []func() error{
				func() error { var n int; return s.writer.db.Raw("SELECT bump()").Scan(&n).Error },
				func() error { var n int; return s.writer.db.Raw("SELECT " + quoted + "()").Scan(&n).Error },
				func() error { var n []int; return s.writer.db.Raw("SELECT " + quoted + " ()").Find(&n).Error },
				func() error { return s.writer.db.Exec("SELECT bump()").Error },
				func() error {
					return s.writer.db.Transaction(func(tx *gorm.DB) error { return tx.Exec("SELECT bump()").Error })
				},
			} {
				must(t, s.plain.Exec("UPDATE users SET name = 'back' WHERE id = 1").Error)
				must(t, invalidate.Tables(t.Context(), s.other.db, "users"))
				warm(t, s.other.db, "users")
				must(t, call())
				reading(t, s.other.db, "users", direct(t, s.plain, "users"), miss, bypass)
			}
		})
	}
}
