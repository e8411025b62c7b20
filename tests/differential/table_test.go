package differential_test

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
)

// column is one column of a table.
type column struct {
	name  string
	field string
	kind  *kind
}

// link is a foreign key of one column.
type link struct {
	column  string
	to      *table
	toCol   string
	actions string // ON DELETE … ON UPDATE …; "-": there is no constraint
}

// table is what the program knows of a table: enough to make rows, conditions and raw SQL.
type table struct {
	name      string
	typ       reflect.Type // a struct
	named     bool         // GORM finds the table by the type; otherwise by db.Table
	key       []column
	cols      []column // without the key
	soft      bool
	links     []link
	relations []string // to preload
	joins     []string // relations to one, to join
	many      []relation
}

// relation is one to use by db.Association.
type relation struct {
	name string
	to   *table
}

var (
	kindID   = &kind{name: "id", number: true, values: []any{uint(1), uint(2), uint(3), uint(4), uint(5)}}
	kindCode = &kind{name: "code", text: true, values: []any{"x", "y", "Z"}}
	kindSeat = &kind{name: "number", number: true, values: []any{int64(1), int64(2)}}
	kindType = &kind{name: "type", text: true, values: []any{"people", "animal", "companies"}}
)

func newTable(name string, model any, key []column, cols ...column) *table {
	return &table{name: name, typ: reflect.TypeOf(model), named: true, key: key, cols: cols}
}

func id(field string) []column { return []column{{strings.ToLower(field), field, kindID}} }

// family returns the tables of the models.
func (g *gen) family() []*table {
	p := g.prefix
	companies := newTable(p+"companies", company{}, id("ID"),
		column{"name", "Name", kindString}, column{"rating", "Rating", kindPFloat})
	people := newTable(p+"people", person{}, id("ID"),
		column{"name", "Name", kindString}, column{"age", "Age", kindInt}, column{"nick", "Nick", kindPString},
		column{"born", "Born", kindTime}, column{"photo", "Photo", kindBytes}, column{"balance", "Balance", kindDecimal},
		column{"active", "Active", kindBool}, column{"company_id", "CompanyID", kindLink}, column{"manager_id", "ManagerID", kindLink})
	people.soft = true
	pets := newTable(p+"pets", pet{}, id("ID"), column{"name", "Name", kindString}, column{"person_id", "PersonID", kindLink})
	labels := newTable(p+"labels", label{}, []column{{"code", "Code", kindCode}}, column{"name", "Name", kindString})
	memos := newTable(p+"memos", memo{}, id("ID"), column{"text", "Text", kindString}, column{"at", "At", kindPTime},
		column{"owner_id", "OwnerID", kindID}, column{"owner_type", "OwnerType", kindType})
	seats := newTable(p+"seats", seat{}, []column{{"row", "Row", kindCode}, {"number", "Number", kindSeat}},
		column{"taken", "Taken", kindBool}, column{"person_id", "PersonID", kindLink})
	worn := g.joinTable(p+"person_labels", people, "person_id", labels, "label_code")
	friends := g.joinTable(p+"friendships", people, "person_id", people, "friend_id")

	people.links = []link{{"company_id", companies, "id", g.action()}, {"manager_id", people, "id", g.action()}}
	pets.links = []link{{"person_id", people, "id", g.action()}}
	seats.links = []link{{"person_id", people, "id", g.action()}}
	companies.relations = []string{"People", "Memos", "People.Pet", "People.Labels"}
	people.relations = []string{"Company", "Manager", "Reports", "Pet", "Labels", "Friends", "Memos", "Company.Memos", "Pet.Memos", "Manager.Friends"}
	people.joins = []string{"Company", "Manager", "Pet", "Manager.Company"}
	pets.relations, pets.joins = []string{"Person", "Memos", "Person.Labels"}, []string{"Person", "Person.Company"}
	labels.relations = []string{"People", "People.Manager"}
	seats.relations, seats.joins = []string{"Person", "Person.Labels"}, []string{"Person"}
	people.many = []relation{{"Labels", labels}, {"Friends", people}, {"Reports", people}, {"Memos", memos}, {"Pet", pets}, {"Company", companies}}
	companies.many = []relation{{"People", people}, {"Memos", memos}}
	labels.many = []relation{{"People", people}}
	return []*table{companies, people, pets, labels, memos, seats, worn, friends}
}

// joinTable is the table of a many2many relation, used as any other.
func (g *gen) joinTable(name string, from *table, fromCol string, to *table, toCol string) *table {
	t := &table{name: name, key: []column{{fromCol, "From", from.key[0].kind}, {toCol, "To", to.key[0].kind}}}
	t.links = []link{{fromCol, from, from.key[0].name, g.action(always...)}, {toCol, to, to.key[0].name, g.action(always...)}}
	t.typ = structOf(t)
	return t
}

// action draws what a foreign key does. Programs without any constraint are drawn often, since
// constraints refuse many writes.
func (g *gen) action(actions ...string) string {
	if g.loose {
		return "-"
	}
	if len(actions) == 0 {
		actions = append(always, "ON DELETE SET NULL")
	}
	return pick(g, actions...)
}

// always are the actions that columns allow which are not NULL.
var always = []string{"-", "", "ON DELETE CASCADE", "ON DELETE CASCADE ON UPDATE CASCADE", "ON UPDATE CASCADE"}

// random draws a table of random columns.
func (g *gen) random(name string, others []*table) *table {
	t := &table{name: g.prefix + name, key: id("ID"), soft: g.one(3)}
	if g.one(4) {
		t.key = []column{{"k1", "K1", kindCode}, {"k2", "K2", kindSeat}}
	}
	for _, k := range kinds {
		if g.one(5) {
			t.cols = append(t.cols, column{"c_" + k.name, "C" + k.name, k})
		}
	}
	if len(t.cols) == 0 {
		t.cols = []column{{"c_i64", "Ci64", kindInt}}
	}
	var targets []*table
	for _, o := range others {
		if len(o.key) == 1 && o.key[0].kind == kindID {
			targets = append(targets, o)
		}
	}
	if len(t.key) == 1 {
		targets = append(targets, t)
	}
	if len(targets) > 0 && g.one(2) {
		t.cols = append(t.cols, column{"link_id", "LinkID", kindLink})
		t.links = append(t.links, link{"link_id", pick(g, targets...), "id", g.action()})
	}
	t.typ = structOf(t)
	return t
}

// structOf makes the Go type of a table that has none.
func structOf(t *table) reflect.Type {
	var fields []reflect.StructField
	add := func(name, column, tag string, typ reflect.Type) {
		fields = append(fields, reflect.StructField{Name: name, Type: typ, Tag: reflect.StructTag(f(`gorm:"column:%s;%s"`, column, tag))})
	}
	for _, c := range t.key {
		tag := "primaryKey"
		if c.kind == kindCode {
			tag += ";size:8"
		}
		if len(t.key) > 1 {
			tag += ";autoIncrement:false"
		}
		add(c.field, c.name, tag, c.kind.typ())
	}
	for _, c := range t.cols {
		add(c.field, c.name, c.kind.tag, c.kind.typ())
	}
	if t.soft {
		add("DeletedAt", "deleted_at", "", reflect.TypeFor[gorm.DeletedAt]())
	}
	return reflect.StructOf(fields)
}

// all are the key and the other columns.
func (t *table) all() []column { return append(append([]column(nil), t.key...), t.cols...) }

func (t *table) keyNames() (names []string) {
	for _, c := range t.key {
		names = append(names, c.name)
	}
	return names
}

// create makes the table in the database.
func (t *table) create(p *program, db *gorm.DB) error {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(reflect.New(t.typ).Interface()); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	var parts []string
	keyed := false
	for _, name := range stmt.Schema.DBNames {
		def := db.Migrator().FullDataTypeOf(stmt.Schema.FieldsByDBName[name])
		keyed = keyed || strings.Contains(strings.ToUpper(def.SQL), "PRIMARY KEY")
		parts = append(parts, p.quote(name)+" "+db.Dialector.Explain(def.SQL, def.Vars...))
	}
	if !keyed {
		parts = append(parts, "PRIMARY KEY ("+p.columns(t.keyNames())+")")
	}
	for _, l := range t.links {
		if l.actions != "-" {
			parts = append(parts, f("FOREIGN KEY (%s) REFERENCES %s (%s) %s", p.quote(l.column), p.quote(l.to.name), p.quote(l.toCol), l.actions))
		}
	}
	return db.Exec("CREATE TABLE " + p.quote(t.name) + " (" + strings.Join(parts, ", ") + ")").Error
}

// columns writes a list of names.
func (p *program) columns(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = p.quote(n)
	}
	return strings.Join(quoted, ", ")
}

// String describes the table as the program's reader wants it.
func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s(", t.name)
	for i, c := range t.all() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %v", c.name, c.kind.typ())
	}
	if t.soft {
		b.WriteString(", deleted_at")
	}
	fmt.Fprintf(&b, ") PRIMARY KEY %v", t.keyNames())
	for _, l := range t.links {
		if l.actions != "-" {
			fmt.Fprintf(&b, " FOREIGN KEY %s → %s %s", l.column, l.to.name, l.actions)
		}
	}
	return b.String()
}
