package narrow_test

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Live has an index from which SQLite answers for rows that are not deleted, in the order of their names.
type Live struct {
	ID        int
	Name      string         `gorm:"index:live,priority:2"`
	DeletedAt gorm.DeletedAt `gorm:"index:live,priority:1"`
	Qty       int
}

// Down has a key that is no rowid, for all its type.
type Down struct {
	ID, Qty int
	Name    string
}

// Label is all in its index, which is shorter than the table.
type Label struct {
	ID   int
	Name string `gorm:"index"`
}

// A list of keys is answered row by row only where their order is certain.
func TestListsThatAnIndexSorts(t *testing.T) {
	w := newWorld(t, "sqlite")
	must(t, w.bare.AutoMigrate(&Live{}, &Label{}))
	must(t, w.bare.Exec("CREATE TABLE downs (id INTEGER PRIMARY KEY DESC, qty integer, name text)").Error)
	var ids []int
	for i := range 60 {
		name := string(rune('z'-i%26)) + string(rune('z'-i/26))
		ids = append(ids, i+1)
		must(t, w.bare.Create(&Live{ID: i + 1, Name: name}).Error)
		must(t, w.bare.Create(&Down{ID: i + 1, Name: name}).Error)
		must(t, w.bare.Create(&Label{ID: i + 1, Name: name}).Error)
	}
	list := func(n int) []read {
		return []read{
			{"live", find[Live](where("id IN ?", ids[:n]))},
			{"down", find[Down](where("id IN ?", ids[:n]))},
			{"label", find[Label](where("id IN ?", ids[:n]))},
		}
	}
	for _, n := range []int{3, 60} {
		for _, r := range list(n) {
			if got, want := r.warm(t, w.reader), r.direct(t, w.bare); !same(got, want) {
				t.Errorf("%d of %s\n got %v\nwant %v", n, r.name, got, want)
			}
		}
	}
}

// A model may keep a key that its row does not get.
func TestModelWithAKeyThatIsNotInserted(t *testing.T) {
	returning := clause.Returning{Columns: []clause.Column{{Name: "name"}}}
	for name, alone := range map[string]bool{"alone": true, "in a transaction": false} {
		t.Run(name, func(t *testing.T) {
			w, _ := newWatched(t)
			must(t, w.writer.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(&Item{ID: 77}).Update("qty", 0).Error)
			row6.warm(t, w.reader) // the writer has seen the catalog
			db := w.writer.Session(&gorm.Session{SkipDefaultTransaction: alone})
			must(t, db.Clauses(returning).Omit("ID").Create(&Item{ID: 77, Name: "f"}).Error)
			w.fresh(t, row6)
		})
	}
}
