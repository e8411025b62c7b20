package differential_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// onEach runs a test of what was found on every database, with two handles and no program.
func onEach(t *testing.T, test func(t *testing.T, m *machine)) {
	for _, dialect := range []string{lite, pg, my} {
		t.Run(dialect, func(t *testing.T) {
			m := &machine{program: &program{dialect: dialect}, t: t, world: newWorld(t, dialect), tally: newTally()}
			defer m.close()
			if err := m.start(inMemory); err != nil {
				t.Fatal(err)
			}
			test(t, m)
		})
	}
}

func exec(t *testing.T, db *gorm.DB, sql string) {
	t.Helper()
	if err := db.Exec(sql).Error; err != nil {
		t.Fatal(err)
	}
}

// TestWritesWithoutRowsEnd: a write that is scanned though it returns nothing has ended when Scan
// returns. Its rows have no columns, which can't be kept; its table was fenced for the write grace.
func TestWritesWithoutRowsEnd(t *testing.T) {
	onEach(t, func(t *testing.T, m *machine) {
		db := m.root[0]
		exec(t, db, "CREATE TABLE things (id int, name varchar(10))")
		exec(t, db, "INSERT INTO things VALUES (1, 'a')")
		for _, sql := range []string{"UPDATE things SET name = 'b'", "DELETE FROM things"} {
			var none []map[string]any
			if tx := db.Raw(sql).Scan(&none); tx.Error != nil || len(none) > 0 {
				t.Errorf("%s: %v, %v", sql, none, tx.Error)
			}
			rows, err := db.Raw(sql).Rows()
			if err != nil {
				t.Fatal(err)
			}
			if names, err := rows.Columns(); err != nil || len(names) > 0 || rows.Next() || rows.Err() != nil {
				t.Errorf("%s: columns %v, %v, %v", sql, names, err, rows.Err())
			}
			if err := rows.Close(); err != nil {
				t.Error(err)
			}
			for range 2 {
				var all []map[string]any
				if err := db.Clauses(fromcache.Region("default")).Table("things").Find(&all).Error; err != nil {
					t.Error(err)
				}
			}
		}
		if s := m.plugin[0].Stats(); s.Bypassed[observe.Marked] > 0 || s.Hits == 0 {
			t.Errorf("%d reads found a mark, %d were hits", s.Bypassed[observe.Marked], s.Hits)
		}
	})
}
