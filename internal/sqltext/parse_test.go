package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

// brief puts an Info on one line: verb, reads, writes, then what else is set.
func brief(i *Info) string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%v r:%s", i.Verb, strings.Join(i.Reads, ","))
	if len(i.Writes) > 0 {
		fmt.Fprintf(b, " w:%s", strings.Join(i.Writes, ","))
	}
	if len(i.Maybe) > 0 {
		fmt.Fprintf(b, " maybe:%s if:%s", strings.Join(i.Maybe, ","), strings.Join(i.Loose, ","))
	}
	if i.Volatile != "" {
		fmt.Fprintf(b, " volatile:%s", i.Volatile)
	}
	if i.Opaque != "" {
		fmt.Fprintf(b, " opaque:%s", i.Opaque)
	}
	if len(i.Calls) > 0 {
		fmt.Fprintf(b, " calls:%s", strings.Join(i.Calls, ","))
	}
	if i.Savepoint != "" {
		fmt.Fprintf(b, " savepoint:%s", i.Savepoint)
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"lock", i.Locking}, {"ddl", i.DDL}, {"cascades", i.Cascades}, {"tx", i.Transaction}, {"write", i.Write}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	if i.Statements != 1 {
		fmt.Fprintf(b, " n:%d", i.Statements)
	}
	return b.String()
}

type reading struct {
	dialects string // s, p, m, u
	sql      string
	want     string
}

var dialectLetters = map[rune]Dialect{'s': SQLite, 'p': Postgres, 'm': MySQL, 'u': Unknown}

func check(t *testing.T, list []reading) {
	t.Helper()
	for _, r := range list {
		for _, letter := range r.dialects {
			d := dialectLetters[letter]
			if got := brief(Parse(d, r.sql)); got != r.want {
				t.Errorf("%v: %s\n got %s\nwant %s", d, r.sql, got, r.want)
			}
		}
	}
}

// TestGORM holds what GORM and its drivers print.
func TestGORM(t *testing.T) {
	check(t, []reading{
		{"sm", "SELECT * FROM `users` WHERE `users`.`id` = ? AND `users`.`deleted_at` IS NULL ORDER BY `users`.`id` LIMIT 1", "select r:users"},
		{"pu", `SELECT * FROM "users" WHERE "users"."id" = $1 ORDER BY "users"."id" LIMIT $2`, "select r:users"},
		{"sm", "SELECT `id`,`name` FROM `users` WHERE `id` IN (?,?,?) OR (name = ? AND age > ?)", "select r:users"},
		{"smp", "SELECT count(*) FROM users WHERE name LIKE ?", "select r:users"},
		{"sm", "SELECT COUNT(DISTINCT(`name`)) FROM `users`", "select r:users"},
		{"p", `SELECT "users"."id","Company"."id" AS "Company__id" FROM "users" LEFT JOIN "companies" "Company" ON "users"."company_id" = "Company"."id" AND "Company"."deleted_at" IS NULL`, "select r:companies,users"},
		{"sm", "SELECT `users`.`id` FROM `users` `u` INNER JOIN `a`.`pets` ON pets.user_id = u.id WHERE EXISTS (SELECT 1 FROM toys)", "select r:pets,toys,users"},
		{"smp", "SELECT * FROM (SELECT age FROM users) as u, (SELECT id FROM pets) AS p WHERE age = 10", "select r:pets,users"},
		{"sm", "SELECT * FROM `orders` WHERE amount > (SELECT AVG(amount) FROM `sums` WHERE x = 1) GROUP BY a,b HAVING max(c) > 1", "select r:orders,sums"},
		{"m", "SELECT * FROM `users` ORDER BY FIELD(id, ?,?,?)", "select r:users"},
		{"m", "SELECT * FROM `users` USE INDEX FOR ORDER BY (`a`,`b`), pets IGNORE INDEX (c) JOIN `toys` FORCE INDEX FOR JOIN (x) ON 1", "select r:pets,toys,users"},
		{"m", "SELECT * /*+ MAX_EXECUTION_TIME(10) */ FROM `users` FOR UPDATE SKIP LOCKED", "select r:users lock"},
		{"p", `SELECT * FROM "users" FOR NO KEY UPDATE OF "users" NOWAIT`, "select r:users lock"},
		{"mp", "SELECT * FROM users FOR SHARE", "select r:users lock"},
		{"m", "SELECT * FROM users LOCK IN SHARE MODE", "select r:users lock"},

		{"sm", "INSERT INTO `users` (`name`,`age`) VALUES (?,?),(?,?) ", "insert r: w:users write"},
		{"s", "INSERT INTO `users` (`name`) VALUES (?) ON CONFLICT (`id`) DO UPDATE SET `name`=`excluded`.`name`,`age`=1 RETURNING `id`", "insert r: w:users write"},
		{"p", `INSERT INTO "users" ("name") VALUES ($1) ON CONFLICT ON CONSTRAINT "x" DO NOTHING RETURNING "id"`, "insert r: w:users write"},
		{"m", "INSERT INTO `users` (`name`) VALUES (?) ON DUPLICATE KEY UPDATE `name`=VALUES(`name`),`id`=`id`", "insert r: w:users write"},
		{"sp", `INSERT INTO "users" DEFAULT VALUES RETURNING "id"`, "insert r: w:users write"},
		{"m", "INSERT INTO `users` VALUES ()", "insert r: w:users write"},
		{"s", "INSERT OR IGNORE INTO `users` (`a`) VALUES (1)", "insert r: w:users write"},
		{"m", "INSERT LOW_PRIORITY IGNORE INTO `users` (`a`) VALUES (1)", "insert r: w:users write"},
		{"sm", "INSERT INTO `t__temp`(`a`,`b`) SELECT `a`,`b` FROM `t`", "insert r:t w:t__temp write"},
		{"s", "UPDATE `users` SET `name`=?,`updated_at`=? WHERE `users`.`deleted_at` IS NULL AND `id` = ?", "update r: w:users write"},
		{"p", `UPDATE "users" SET "age"=age + 1 FROM "pets" WHERE "users"."id" = $1 RETURNING *`, "update r:pets w:users write"},
		{"m", "UPDATE `users` SET `deleted_at`=? WHERE id = 1 ORDER BY id LIMIT 10", "update r:users w:users write"},
		{"sp", `DELETE FROM "users" WHERE "users"."id" IN (1,2,3) RETURNING *`, "delete r: w:users write"},
		{"m", "DELETE FROM `users` WHERE `users`.`id` = ?", "delete r:users w:users write"},

		{"smp", "SAVEPOINT sp0xc000", "savepoint r: savepoint:sp0xc000 tx"},
		{"smp", "ROLLBACK TO SAVEPOINT sp0xc000", "rollback to r: savepoint:sp0xc000 tx"},
		{"s", "SELECT count(*) FROM sqlite_master WHERE type='table' AND name=?", "select r:sqlite_master opaque:system table sqlite_master"},
		{"p", "SELECT count(*) FROM information_schema.tables WHERE table_schema = CURRENT_SCHEMA() AND table_name = ?", "select r:tables volatile:current_schema opaque:system table tables"},
		{"m", "SELECT TABLE_NAME FROM information_schema.tables where TABLE_SCHEMA=?", "select r:tables opaque:system table tables"},
		{"s", "SELECT * FROM PRAGMA_index_list(?)", "select r: opaque:table function pragma_index_list calls:pragma_index_list"},
		{"m", "SET FOREIGN_KEY_CHECKS = 0;", "session r: opaque:session"},
		{"s", "PRAGMA foreign_keys = OFF", "session r: opaque:session"},
		{"s", "PRAGMA foreign_keys", "inspect r: opaque:inspect"},
		{"s", "select sqlite_version()", "select r: volatile:sqlite_version"},
		{"m", "SELECT VERSION()", "select r: volatile:version"},
		{"m", "SELECT DATABASE()", "select r: volatile:database"},
		{"sp", "CREATE TABLE `x` (`id` integer, PRIMARY KEY (`id`))", "ddl r: opaque:ddl ddl write"},
		{"m", "CREATE TABLE `x` (`id` bigint AUTO_INCREMENT)", "ddl r: opaque:ddl ddl tx write"},
		{"p", `ALTER TABLE "x" ALTER COLUMN "a" TYPE int USING "a"::int`, "ddl r: opaque:ddl ddl write"},
		{"p", `COMMENT ON COLUMN "a"."b" IS 'x;y'`, "session r: opaque:session"},
	})
}
