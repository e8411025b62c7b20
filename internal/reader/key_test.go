package reader

import (
	"log/slog"
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// keyed is a query whose key is asked for.
type keyed struct {
	query
	stmt  gorm.Statement
	plan  plan
	class byte
}

// shape is the schema of a model with these fields.
func shape(model any, fields ...schema.Field) *schema.Schema {
	s := &schema.Schema{ModelType: reflect.TypeOf(model)}
	for i := range fields {
		s.Fields = append(s.Fields, &fields[i])
	}
	return s
}

// Two queries that differ in anything but the data have two keys, or the one is given the other's answer.
//
// Falls if: a part is left out of the key, or of the fingerprint of the schema. A program whose struct has changed
// then reads what its older self has stored.
func TestWhatIsPartOfAKey(t *testing.T) {
	type user struct{}
	type account struct{}
	whole, text := reflect.TypeFor[int](), reflect.TypeFor[string]()
	e := engine.New(engine.Config{
		Store: memory.New(), Namespace: "test", Recorder: observe.NewRecorder(nil), Logger: slog.New(slog.DiscardHandler),
		Regions: map[string]engine.Policy{"default": {TTL: time.Hour}, "other": {TTL: time.Hour}},
	})
	t.Cleanup(e.Close)
	regionOf := func(name string) *engine.Region {
		r, err := e.Region(name)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	model := func(s *schema.Schema) func(*keyed) { return func(k *keyed) { k.stmt.Schema = s } }
	seen := map[string]string{}
	changes := map[string]func(*keyed){
		"nothing":          func(*keyed) {},
		"prepared":         func(k *keyed) { k.stmt.ConnPool = &gorm.PreparedStmtDB{} },
		"class":            func(k *keyed) { k.class = classPart },
		"region":           func(k *keyed) { k.region = regionOf("other") },
		"tag":              func(k *keyed) { k.scope = fromcache.Region("default", fromcache.Tags("a")) },
		"two tags":         func(k *keyed) { k.scope = fromcache.Region("default", fromcache.Tags("a", "b")) },
		"database":         func(k *keyed) { k.plan.database = "shop" },
		"how it has times": func(k *keyed) { k.plan.times = "shop" },
		"dialect":          func(k *keyed) { k.cfg.Dialect = "mysql" },
		"using": func(k *keyed) {
			k.stmt.Clauses = map[string]clause.Clause{resolverUsing: {Expression: clause.Expr{SQL: "second"}}}
		},
		"using another": func(k *keyed) {
			k.stmt.Clauses = map[string]clause.Clause{resolverUsing: {Expression: clause.Expr{SQL: "third"}}}
		},
		"table":           func(k *keyed) { k.stmt.Table = "accounts" },
		"text":            func(k *keyed) { k.stmt.SQL.WriteString(" LIMIT 1") },
		"argument":        func(k *keyed) { k.stmt.Vars = []any{1} },
		"key":             func(k *keyed) { k.scope = fromcache.Region("default", fromcache.Key(1)) },
		"model":           model(shape(user{}, schema.Field{DBName: "id", FieldType: whole})),
		"another model":   model(shape(account{}, schema.Field{DBName: "id", FieldType: whole})),
		"another column":  model(shape(user{}, schema.Field{DBName: "no", FieldType: whole})),
		"another type":    model(shape(user{}, schema.Field{DBName: "id", FieldType: text})),
		"one column more": model(shape(user{}, schema.Field{DBName: "id", FieldType: whole}, schema.Field{DBName: "name", FieldType: text})),
		"another order":   model(shape(user{}, schema.Field{DBName: "name", FieldType: text}, schema.Field{DBName: "id", FieldType: whole})),
	}
	for name, change := range changes {
		k := &keyed{query: query{Reader: &Reader{engine: e}, scope: fromcache.Region("default"), region: regionOf("default")}}
		k.stmt.SQL.WriteString("SELECT * FROM users")
		change(k)
		for range 2 { // of the same query it is the same
			key, ok := k.key(&k.stmt, &k.plan, k.class)
			if other, known := seen[key]; !ok || known && other != name {
				t.Errorf("%s: the key is that of %q, ok %v", name, other, ok)
			}
			seen[key] = name
		}
	}
	if len(seen) != len(changes) {
		t.Errorf("%d keys of %d queries", len(seen), len(changes))
	}
}
