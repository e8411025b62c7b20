package plugin_test

import (
	"gorm.io/gorm"
)

// The tables of the tests. Every one but the join table has an id and a name.
type (
	// User is what most paths write to.
	User struct {
		ID        uint
		Name      string
		Age       int
		Orders    []Order
		Tags      []Tag `gorm:"many2many:user_tags"`
		DeletedAt gorm.DeletedAt
	}
	// Order belongs to a user; deleting the user does not touch it.
	Order struct {
		ID     uint
		UserID *uint
		Name   string
	}
	// Tag hangs on users by the join table user_tags.
	Tag struct {
		ID   uint
		Name string
	}
	// Island depends on nothing and nothing depends on it: what is cached of it is always kept.
	Island struct {
		ID   uint
		Name string
	}
	// Parent is the table whose deletes cascade in the database.
	Parent struct {
		ID       uint
		Name     string
		Children []Child `gorm:"constraint:OnDelete:CASCADE"`
	}
	// Child goes with its parent.
	Child struct {
		ID       uint
		ParentID uint
		Name     string
	}
	// Watched has a trigger that writes an Audit.
	Watched struct {
		ID   uint
		Name string
	}
	// Audit is written by the trigger on Watched only.
	Audit struct {
		ID   uint
		Name string
	}
	// Hooked writes an Audit of its own, in Go.
	Hooked struct {
		ID   uint
		Name string
	}
)

// AfterCreate writes to another table within the same transaction.
func (h *Hooked) AfterCreate(tx *gorm.DB) error {
	return tx.Create(&Audit{ID: h.ID, Name: "hooked"}).Error
}

// watched are the tables whose cached reads every path is checked against; behind is what changes one
// behind the cache's back, by a handle without the plugin.
var watched = []struct{ table, order, behind string }{
	{"users", "id", ""},
	{"orders", "id", ""},
	{"tags", "id", ""},
	{"user_tags", "user_id, tag_id", "INSERT INTO user_tags (user_id, tag_id) VALUES (2, 3)"},
	{"islands", "id", ""},
	{"parents", "id", ""},
	{"children", "id", ""},
	{"watcheds", "id", ""},
	{"audits", "id", ""},
	{"hookeds", "id", ""},
	{"user_names", "id", "-"},
}

func orderOf(table string) string {
	for _, w := range watched {
		if w.table == table {
			return w.order
		}
	}
	return "id"
}

// schema makes tables, view and trigger.
func schema(kind string, plain *gorm.DB) error {
	if err := plain.AutoMigrate(&Tag{}, &User{}, &Order{}, &Island{}, &Parent{}, &Child{}, &Watched{}, &Audit{}, &Hooked{}); err != nil {
		return err
	}
	ddl := []string{"CREATE VIEW user_names AS SELECT id, name FROM users"}
	const insert = "INSERT INTO audits (id, name) VALUES (NEW.id, NEW.name)"
	switch kind {
	case "sqlite":
		ddl = append(ddl, "CREATE TRIGGER watch AFTER INSERT ON watcheds BEGIN "+insert+"; END")
	case "postgres":
		ddl = append(ddl,
			"CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "+insert+"; RETURN NEW; END $$",
			"CREATE TRIGGER watch AFTER INSERT ON watcheds FOR EACH ROW EXECUTE FUNCTION watch()")
	case "mariadb":
		ddl = append(ddl, "CREATE TRIGGER watch AFTER INSERT ON watcheds FOR EACH ROW "+insert)
	}
	for _, s := range ddl {
		if err := plain.Exec(s).Error; err != nil {
			return err
		}
	}
	return nil
}

// seed brings the tables back to what every path begins with.
func seed(plain *gorm.DB) error {
	return plain.Transaction(func(tx *gorm.DB) error {
		for _, s := range []string{
			"DELETE FROM user_tags", "DELETE FROM orders", "DELETE FROM users", "DELETE FROM tags", "DELETE FROM islands",
			"DELETE FROM children", "DELETE FROM parents", "DELETE FROM watcheds", "DELETE FROM audits", "DELETE FROM hookeds",
			"INSERT INTO users (id, name, age) VALUES (1, 'ann', 30), (2, 'bob', 40), (3, 'cy', 50)",
			"INSERT INTO orders (id, user_id, name) VALUES (1, 1, 'o1'), (2, 1, 'o2'), (3, 2, 'o3')",
			"INSERT INTO tags (id, name) VALUES (1, 't1'), (2, 't2'), (3, 't3')",
			"INSERT INTO user_tags (user_id, tag_id) VALUES (1, 1), (1, 2)",
			"INSERT INTO islands (id, name) VALUES (1, 'i1')",
			"INSERT INTO parents (id, name) VALUES (1, 'p1'), (2, 'p2')",
			"INSERT INTO children (id, parent_id, name) VALUES (1, 1, 'c1'), (2, 2, 'c2')",
			"INSERT INTO hookeds (id, name) VALUES (1, 'h1')",
			"INSERT INTO watcheds (id, name) VALUES (1, 'w1')",
		} {
			if err := tx.Exec(s).Error; err != nil {
				return err
			}
		}
		return nil
	})
}
