package sqltext

import (
	"strings"
	"testing"
)

func BenchmarkParseSelect(b *testing.B) {
	sql := "SELECT `users`.`id`,`users`.`name`,`users`.`age` FROM `users` LEFT JOIN `pets` ON `pets`.`user_id` = `users`.`id` WHERE `users`.`age` > ? AND `users`.`deleted_at` IS NULL ORDER BY `users`.`id` LIMIT 10"
	b.SetBytes(int64(len(sql)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(MySQL, sql)
	}
}

func BenchmarkParseNarrow(b *testing.B) {
	sql := "SELECT * FROM `users` WHERE `users`.`id` = ? AND `users`.`deleted_at` IS NULL ORDER BY `users`.`id` LIMIT 1"
	b.SetBytes(int64(len(sql)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(MySQL, sql)
	}
}

func BenchmarkParseInsert(b *testing.B) {
	for name, row := range map[string]string{"params": "(?,?,?,?),", "values": "('some name, or so',12345,'2020-01-01 00:00:00',NULL),"} {
		sql := "INSERT INTO users (a,b,c,d) VALUES " + strings.Repeat(row, 1<<20/len(row)) + "(1,2,3,4)"
		for _, d := range []Dialect{MySQL, Postgres} {
			b.Run(name+"/"+d.String(), func(b *testing.B) {
				b.SetBytes(int64(len(sql)))
				b.ReportAllocs()
				for b.Loop() {
					Parse(d, sql)
				}
			})
		}
	}
}

func BenchmarkCacheHit(b *testing.B) {
	c := NewCache(MySQL, 1024)
	sql := "SELECT * FROM `users` WHERE `users`.`id` = ? AND `users`.`deleted_at` IS NULL ORDER BY `users`.`id` LIMIT 1"
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Info(sql)
		}
	})
}

func BenchmarkMayWrite(b *testing.B) {
	sql := "SELECT * FROM `users` WHERE `users`.`id` = ? AND `users`.`deleted_at` IS NULL ORDER BY `users`.`id` LIMIT 1"
	b.ReportAllocs()
	for b.Loop() {
		MayWrite(sql)
	}
}
