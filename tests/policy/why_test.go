package policy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Odd is a model whose keys some databases compare by rules of their own.
type Odd struct {
	ID   string `gorm:"type:uuid;primaryKey"`
	Name string
}

// Even is the same with the remedy that the message names.
type Even struct {
	ID   string `gorm:"type:text;primaryKey"`
	Name string
}

// Pair has a key of two columns.
type Pair struct {
	A, B  int `gorm:"primaryKey;autoIncrement:false"`
	Share int
}

const someKey = "00000000-0000-0000-0000-00000000abcd"

// TestExplainSaysWhyTheTable: a query that depends on its whole table says why, or is said to depend on rows.
//
// Falls if: a refusal of sqltext's narrower, or of the catalog's layout, has no words.
func TestExplainSaysWhyTheTable(t *testing.T) {
	cases := []struct {
		name  string
		kinds string // "": all
		query query
		why   string // "": it depends on rows
	}{
		{"a row", "", where(first[User], "id = ?", 1), ""},
		{"no WHERE", "", find[User], "it has no WHERE"},
		{"a limit", "", func(db *gorm.DB) (any, error) { return find[User](db.Limit(1)) }, "it has no WHERE"},
		{"a range", "", where(find[User], "id > ?", 1), "no column = value"},
		{"OR", "", where(find[User], "id = ? OR age = ?", 1, 2), "no column = value"},
		{"another column", "", where(find[User], "age = ?", 1), "its WHERE names age, which is neither the primary key nor in Config.Tracked"},
		{"a join", "", raw("SELECT u.name FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id = 1"), "it reads several tables"},
		{"a subquery", "", raw("SELECT * FROM users WHERE id = 1 AND age IN (SELECT age FROM users)"), "a subquery"},
		{"a union", "", raw("SELECT * FROM users WHERE id = 1 UNION SELECT * FROM users WHERE id = 2"), "UNION"},
		{"another type", "", where(find[User], "id = ?", 1.5), "an argument for id can't be compared"},
		{"half a key", "", where(find[Pair], "a = ?", 1), "each column of the primary key (a, b) one value"},
		{"a key of two", "", where(find[Pair], "a = ? AND b = ?", 1, 2), ""},
		{"uuid", "sqlite", where(find[Odd], "id = ?", someKey), `SQLite compares its type "uuid" by rules that depend on each value: declare it as INTEGER or TEXT`},
		{"uuid", "postgres", where(find[Odd], "id = ?", someKey), ""},
		{"text", "sqlite postgres", where(find[Even], "id = ?", someKey), ""},
		{"a text by an odd collation", "mariadb", raw("SELECT * FROM odds WHERE id = '" + someKey + "'"), "its collation utf8mb4_lithuanian_ci may find texts equal that differ"},
		{"a text by a usual collation", "mariadb", raw("SELECT * FROM evens WHERE id = '" + someKey + "'"), ""},
		{"an odd text", "sqlite postgres", where(find[Even], "id = ?", "né"), "an argument for id can't be compared"},
	}
	for _, kind := range servers.Kinds {
		w := oddWorld(t, kind)
		for _, c := range cases {
			if c.kinds != "" && !strings.Contains(c.kinds, kind) {
				continue
			}
			e, err := gormcache.Explain(w.db, discard(c.query))
			must(t, err)
			q := e.Statements[0].Query
			switch {
			case q.Bypass != "":
				t.Errorf("%s, %s: it is not cached:\n%s", kind, c.name, e)
			case c.why == "" && (q.Class == observe.ClassTable || q.Coarse != ""):
				t.Errorf("%s, %s: it depends on its table:\n%s", kind, c.name, e)
			case c.why != "" && (q.Class != observe.ClassTable || !strings.Contains(e.String(), c.why)):
				t.Errorf("%s, %s: it does not say %q:\n%s", kind, c.name, c.why, e)
			}
		}
	}
}

// oddWorld is a world with further models.
func oddWorld(t *testing.T, kind string) *world {
	t.Helper()
	w, _ := recorded(t, kind, every)
	if kind != "sqlite" && kind != "postgres" { // has no such types of keys
		must(t, w.db.AutoMigrate(&Pair{}))
		must(t, w.db.Exec("CREATE TABLE odds (id varchar(40) COLLATE utf8mb4_lithuanian_ci PRIMARY KEY, name text) CHARACTER SET utf8mb4").Error)
		must(t, w.db.Exec("CREATE TABLE evens (id varchar(40) COLLATE utf8mb4_general_ci PRIMARY KEY, name text) CHARACTER SET utf8mb4").Error)
	} else {
		must(t, w.db.AutoMigrate(&Odd{}, &Even{}, &Pair{}))
	}
	return w
}

// TestExplainSaysWhyAWriteIsCoarse: what a write drops too much, it says why.
func TestExplainSaysWhyAWriteIsCoarse(t *testing.T) {
	w := oddWorld(t, "sqlite")
	for sql, why := range map[string]string{
		"INSERT INTO labels (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y'": "ON CONFLICT or ON DUPLICATE KEY UPDATE",
		"INSERT OR REPLACE INTO labels (id, name) VALUES (1, 'x')":                                "REPLACE, INSERT OR",
		"REPLACE INTO labels (id, name) VALUES (1, 'x')":                                          "REPLACE, INSERT OR",
		"INSERT INTO labels (id, name) SELECT id, name FROM companies":                            "its rows come from a query",
		"INSERT INTO labels VALUES (7, 'x')":                                                      "does not name its columns",
		"UPDATE labels SET name = 'x' FROM companies WHERE labels.id = companies.id":              "another table says which rows it changes",
		"UPDATE labels SET name = (SELECT 'x') WHERE id = 1":                                      "",
		"UPDATE labels SET id = 8 WHERE id = 1":                                                   "it changes a primary key",
		"DELETE FROM odds WHERE id = '" + someKey + "'":                                           "declare it as INTEGER or TEXT",
		"DELETE FROM labels WHERE id = 1":                                                         "",
	} {
		e, err := gormcache.Explain(w.db, func(tx *gorm.DB) *gorm.DB { return tx.Exec(sql) })
		must(t, err)
		x := e.Statements[0].Write
		if why == "" && !x.Narrow || why != "" && (x.Narrow || !strings.Contains(x.Coarse, why)) {
			t.Errorf("it does not say %q:\n%s", why, e)
		}
	}
}

// TestExplainNeedsItsHandle: statements on another handle run, and that is said.
//
// Falls if: Explain takes what it has not seen for an explanation.
func TestExplainNeedsItsHandle(t *testing.T) {
	w, _ := recorded(t, "sqlite", every)
	var users []User
	for name, fn := range map[string]func(tx *gorm.DB) *gorm.DB{
		"outer":           func(*gorm.DB) *gorm.DB { return w.db.Find(&users) },
		"outer, and none": func(*gorm.DB) *gorm.DB { w.db.Find(&users); return nil },
		"outer, and own":  func(tx *gorm.DB) *gorm.DB { w.db.Find(&users); return tx },
		"both":            func(tx *gorm.DB) *gorm.DB { tx.Find(&users); return w.db.Find(&users) },
		"nothing":         func(tx *gorm.DB) *gorm.DB { return tx },
	} {
		if _, err := gormcache.Explain(w.db, fn); !errors.Is(err, gormcache.ErrNotExplained) || !strings.Contains(err.Error(), "func(tx *gorm.DB) *gorm.DB { return tx.Find(&users) }") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, fn := range map[string]func(tx *gorm.DB) *gorm.DB{
		"own":               func(tx *gorm.DB) *gorm.DB { return tx.Find(&users) },
		"with a context":    func(tx *gorm.DB) *gorm.DB { return tx.WithContext(context.Background()).Find(&users) },
		"in a session":      func(tx *gorm.DB) *gorm.DB { return tx.Session(&gorm.Session{}).Find(&users) },
		"in a new session":  func(tx *gorm.DB) *gorm.DB { return tx.Session(&gorm.Session{NewDB: true}).Find(&users) },
		"and returns none":  func(tx *gorm.DB) *gorm.DB { tx.Find(&users); return nil },
		"twice":             func(tx *gorm.DB) *gorm.DB { tx.Find(&users); return tx.Find(&users) },
		"a write":           func(tx *gorm.DB) *gorm.DB { return tx.Create(&Label{Name: "n"}) },
		"a write, with ctx": func(tx *gorm.DB) *gorm.DB { return tx.WithContext(context.Background()).Create(&Label{Name: "n"}) },
	} {
		users = nil
		e, err := gormcache.Explain(w.db, fn)
		must(t, err)
		if len(e.Statements) == 0 || len(users) > 0 {
			t.Errorf("%s: %d statements, %d rows:\n%s", name, len(e.Statements), len(users), e)
		}
	}
	var n int64
	must(t, w.bare.Model(&Label{}).Count(&n).Error)
	if n != 1 {
		t.Errorf("%d labels: a write has run", n)
	}
}

// TestExplainSaysWhyNotSelect: what is no SELECT is said in words.
func TestExplainSaysWhyNotSelect(t *testing.T) {
	for _, c := range []struct{ kind, sql, words string }{
		{"sqlite", "PRAGMA table_info(users)", "it asks the database about itself"},
		{"mariadb", "SHOW TABLES", "it asks the database about itself"},
		{"sqlite", "SELECT 1; SELECT 2", "2 statements: send them one by one"},
		{"sqlite", "SELECT * FROM sqlite_master", "sqlite_master, which belongs to the database itself"},
		{"postgres", "SELECT * FROM information_schema.tables", "tables, which belongs to the database itself"},
		{"postgres", "SELECT my_own(id) FROM users", "my_own, which is no function that gormcache knows"},
		{"postgres", "VALUES (1)", "VALUES: write it as a plain SELECT"},
		{"sqlite", "SELECT random()", "pass its value as an argument"},
	} {
		w, _ := recorded(t, c.kind, every)
		w.outcomes.Reads()
		tx := w.db.Clauses(fromcache.Region("default")).Raw(c.sql)
		var got []map[string]any
		_ = tx.Scan(&got).Error
		if reads := w.outcomes.Reads(); len(reads) != 1 || !strings.Contains(reads[0].Detail, c.words) {
			t.Errorf("%s: it does not say %q: %+v", c.sql, c.words, reads)
		}
	}
}

// TestRemediesOfReasonsHelp follows what details say.
func TestRemediesOfReasonsHelp(t *testing.T) {
	w := newWorld(t, "sqlite", func(c *gormcache.Config) {
		c.Regions = map[string]region.Config{"small": {TTL: time.Hour, MaxRows: 1}, "large": {TTL: time.Hour, MaxRows: 10}, "second": {TTL: time.Hour}}
	})
	read := func(db *gorm.DB, query query) observe.Read {
		t.Helper()
		w.outcomes.Reads()
		_, err := query(db)
		must(t, err)
		reads := w.outcomes.Reads()
		if len(reads) != 1 {
			t.Fatalf("%d reads", len(reads))
		}
		return reads[0]
	}
	small := w.db.Clauses(fromcache.Region("small")).Session(&gorm.Session{})
	large := w.db.Clauses(fromcache.Region("large")).Session(&gorm.Session{})
	tx := w.db.Begin()
	defer tx.Rollback()
	for _, c := range []struct {
		without, with *gorm.DB
		query, better query
		says          string
	}{
		{small, large, find[User], find[User], "raise MaxRows or MaxBytes of the region"},
		{large, large, where(find[User], "age < random()"), where(find[User], "age < ?", 5), "pass its value as an argument"},
		{tx.Clauses(fromcache.Region("large")), tx.Clauses(fromcache.Region("large", fromcache.InTransaction())), find[User], find[User], "give it fromcache.InTransaction()"},
		{large.Clauses(fromcache.Bypass()), large, find[User], find[User], "fromcache.Bypass() is on it"},
	} {
		if r := read(c.without.Session(&gorm.Session{}), c.query); r.Outcome != observe.Bypass || !strings.Contains(r.Detail, c.says) {
			t.Errorf("it does not say %q: %+v", c.says, r)
		}
		if r := read(c.with.Session(&gorm.Session{}), c.better); r.Outcome == observe.Bypass {
			t.Errorf("%s: it does not help: %+v", c.says, r)
		}
	}
}
