package replay_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/replay"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

type audit struct {
	CreatedBy string
	At        *time.Time
}

type place struct {
	City string
	Zip  *int
}

type company struct {
	ID   uint
	Name string
}

type person struct {
	gorm.Model
	Name      string
	Company   *company
	CompanyID *uint
	Audit     audit             `gorm:"embedded;embeddedPrefix:audit_"`
	Place     *place            `gorm:"embedded;embeddedPrefix:place_"`
	Prefs     map[string]string `gorm:"serializer:json"`
	Tags      []string          `gorm:"serializer:json"`
	Loud      shout
	Hidden    string `gorm:"->:false"`
	Unix      int64  `gorm:"serializer:unixtime;type:time"`
	Seen      witness
}

// witness is a serializer that notes what of the struct was set before it.
type witness string

func (w *witness) Scan(_ context.Context, _ *schema.Field, dst reflect.Value, v any) error {
	p := reflect.Indirect(dst).Interface().(person)
	*w = witness(fmt.Sprintf("%v: %d %s %v", v, p.ID, p.Name, p.Prefs))
	return nil
}

func (w witness) Value(context.Context, *schema.Field, reflect.Value, any) (any, error) {
	return string(w), nil
}

func people() *result {
	at := time.Unix(1700000000, 0).UTC()
	return &result{
		names: []string{"id", "created_at", "deleted_at", "name", "company_id", "audit_created_by", "audit_at", "place_city", "place_zip",
			"prefs", "loud", "hidden", "unknown", "seen", "tags"},
		rows: [][]any{
			{int64(1), at, nil, "a", int64(7), "x", at, "Berlin", int64(10115), `{"k":"v"}`, "hey", "h", "u", "s", []byte(`["t"]`)},
			{int64(2), at, at, []byte("b"), nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
			{int64(3), nil, nil, nil, int64(8), "z", nil, nil, int64(1), []byte(`{}`), "ho", "h", 1.5, "s", "[]"},
		},
	}
}

// without drops some columns, and keeps some rows.
func (r *result) without(rows int, columns ...string) *result {
	out := &result{}
	for i, name := range r.names {
		if strings.Contains(","+strings.Join(columns, ",")+",", ","+name+",") {
			continue
		}
		out.names = append(out.names, name)
		for j := range min(rows, len(r.rows)) {
			if len(out.rows) <= j {
				out.rows = append(out.rows, nil)
			}
			out.rows[j] = append(out.rows[j], r.rows[j][i])
		}
	}
	return out
}

type dto struct {
	ID    int32
	Name  *string
	Extra any `gorm:"-"`
}

// twin has two fields for each of two columns.
type twin struct {
	ID    uint
	Name  string
	Other company `gorm:"embedded"`
}

// destinations make a destination, as a program may have left it, and query into it.
var destinations = map[string]func(db *gorm.DB) (any, *gorm.DB){
	"struct":      func(db *gorm.DB) (any, *gorm.DB) { var p person; return &p, db.Find(&p) },
	"first":       func(db *gorm.DB) (any, *gorm.DB) { var p person; return &p, db.First(&p) },
	"take":        func(db *gorm.DB) (any, *gorm.DB) { var p person; return &p, db.Take(&p) },
	"pointer":     func(db *gorm.DB) (any, *gorm.DB) { var p *person; return &p, db.Find(&p) },
	"used struct": func(db *gorm.DB) (any, *gorm.DB) { p := used(); return &p, db.Find(&p) },
	"slice":       func(db *gorm.DB) (any, *gorm.DB) { var p []person; return &p, db.Find(&p) },
	"empty slice": func(db *gorm.DB) (any, *gorm.DB) { p := []person{}; return &p, db.Find(&p) },
	"slice with room": func(db *gorm.DB) (any, *gorm.DB) {
		p := []person{used(), used(), used(), used()}
		return &p, db.Find(&p)
	},
	"slice, seen from elsewhere": func(db *gorm.DB) (any, *gorm.DB) {
		p := []person{used(), used(), used(), used()}
		q := p
		tx := db.Find(&q)
		return []any{p, q}, tx
	},
	"slice with little room": func(db *gorm.DB) (any, *gorm.DB) { p := make([]person, 0, 1); return &p, db.Find(&p) },
	"slice of pointers":      func(db *gorm.DB) (any, *gorm.DB) { var p []*person; return &p, db.Find(&p) },
	"pointers with room": func(db *gorm.DB) (any, *gorm.DB) {
		u := used()
		p := []*person{&u, &u, &u, &u}
		q := p
		tx := db.Find(&q)
		return []any{p, q, u}, tx
	},
	"pointer to a slice of pointers": func(db *gorm.DB) (any, *gorm.DB) { var p *[]*person; return &p, db.Find(&p) },
	"slice of pointers to pointers":  func(db *gorm.DB) (any, *gorm.DB) { var p []**person; return &p, db.Find(&p) },
	"array":                          func(db *gorm.DB) (any, *gorm.DB) { var p [2]person; return &p, db.Find(&p) },
	"array of pointers":              func(db *gorm.DB) (any, *gorm.DB) { var p [5]*person; return &p, db.Find(&p) },
	"map": func(db *gorm.DB) (any, *gorm.DB) {
		p := map[string]any{"id": "old"}
		return p, db.Model(&person{}).Find(&p)
	},
	"nil map":        func(db *gorm.DB) (any, *gorm.DB) { var p map[string]any; return &p, db.Model(&person{}).Find(&p) },
	"map of a table": func(db *gorm.DB) (any, *gorm.DB) { var p map[string]any; return &p, db.Table("x").Find(&p) },
	"slice of maps":  func(db *gorm.DB) (any, *gorm.DB) { var p []map[string]any; return &p, db.Table("x").Find(&p) },
	"dto":            func(db *gorm.DB) (any, *gorm.DB) { var p dto; return &p, db.Model(&person{}).Find(&p) },
	"slice of dto":   func(db *gorm.DB) (any, *gorm.DB) { var p []dto; return &p, db.Model(&person{}).Find(&p) },
	"dto alone":      func(db *gorm.DB) (any, *gorm.DB) { var p []*dto; return &p, db.Table("x").Find(&p) },
	"int":            func(db *gorm.DB) (any, *gorm.DB) { var p int; return &p, db.Table("x").Find(&p) },
	"strings":        func(db *gorm.DB) (any, *gorm.DB) { var p []string; return &p, db.Model(&person{}).Pluck("name", &p) },
	"ints":           func(db *gorm.DB) (any, *gorm.DB) { var p []*int64; return &p, db.Model(&person{}).Pluck("id", &p) },
	"count":          func(db *gorm.DB) (any, *gorm.DB) { var p int64; return &p, db.Model(&person{}).Count(&p) },
	"time":           func(db *gorm.DB) (any, *gorm.DB) { var p time.Time; return &p, db.Table("x").Find(&p) },
	"interface":      func(db *gorm.DB) (any, *gorm.DB) { var p any = &person{}; return &p, db.Model(&person{}).Find(p) },
	"mapped": func(db *gorm.DB) (any, *gorm.DB) {
		var p []person
		return &p, db.MapColumns(map[string]string{"name": "audit_created_by", "id": "company_id"}).Find(&p)
	},
	"twins":     func(db *gorm.DB) (any, *gorm.DB) { var p []twin; return &p, db.Find(&p) },
	"not found": func(db *gorm.DB) (any, *gorm.DB) { var p []person; return &p, db.Last(&p) },
}

// try returns what into panics with as text.
func try(into func(*gorm.DB) (any, *gorm.DB), db *gorm.DB) (dest any, tx *gorm.DB, panics string) {
	defer func() {
		if p := recover(); p != nil {
			panics = fmt.Sprint(p)
		}
	}()
	dest, tx = into(db)
	return dest, tx, ""
}

func used() person {
	one, at := uint(1), time.Unix(5, 0).UTC()
	zip := 4
	return person{Model: gorm.Model{CreatedAt: at, UpdatedAt: at, DeletedAt: gorm.DeletedAt{Time: at, Valid: true}}, Name: "used",
		CompanyID: &one, Audit: audit{"used", &at}, Place: &place{"used", &zip}, Prefs: map[string]string{"used": "1"}, Loud: "used", Tags: []string{"u"}}
}

func TestEveryDestinationIsAsFromGORM(t *testing.T) {
	h := newHarness(t)
	slow := []string{"place_city", "place_zip", "prefs", "loud", "seen", "tags", "hidden"}
	all := map[string]*result{
		"all":        people(),
		"one row":    people().without(1),
		"row 2":      {names: people().names, rows: people().rows[1:2]},
		"row 3":      {names: people().names, rows: people().rows[2:]},
		"no row":     {names: people().names},
		"plain":      people().without(3, slow...),
		"plain one":  people().without(1, slow...),
		"one column": {names: []string{"id"}, rows: [][]any{{int64(1)}, {int64(2)}}},
		"a name":     {names: []string{"name"}, rows: [][]any{{"a"}, {nil}}},
		"unknown":    {names: []string{"nothing"}, rows: [][]any{{int64(1)}}},
		"twice":      {names: []string{"id", "name", "id", "name"}, rows: [][]any{{int64(1), "a", int64(2), "b"}}},
		"joined":     {names: []string{"id", "Company__id", "Company__name"}, rows: [][]any{{int64(1), int64(5), "acme"}, {int64(2), nil, nil}}},
		"odd names":  {names: []string{"id", "Nothing__name", "ID", "Name"}, rows: [][]any{{int64(1), "x", int64(9), "n"}}},
		"bad value":  {names: []string{"name", "id", "prefs"}, rows: [][]any{{"a", int64(1), "{}"}, {"b", "not a number", "{}"}, {"c", int64(3), "{}"}}},
		"bad json":   {names: []string{"name", "prefs", "id"}, rows: [][]any{{"a", "{", int64(1)}}},
	}
	for what, res := range all {
		for name, into := range destinations {
			t.Run(name+", "+what, func(t *testing.T) {
				got, gotTx, gotPanic := try(into, h.on(res, fromReplay))
				want, wantTx, wantPanic := try(into, h.on(res, fromLive))
				if wantPanic != gotPanic {
					t.Fatalf("panics with %s, want %s", gotPanic, wantPanic)
				}
				if wantPanic != "" {
					return // GORM's own.
				}
				if g, w := fmt.Sprint(gotTx.Error), fmt.Sprint(wantTx.Error); g != w || gotTx.RowsAffected != wantTx.RowsAffected {
					t.Fatalf("got %d, %s\nwant %d, %s", gotTx.RowsAffected, g, wantTx.RowsAffected, w)
				}
				if errors.Is(wantTx.Error, gorm.ErrRecordNotFound) != errors.Is(gotTx.Error, gorm.ErrRecordNotFound) {
					t.Fatal("the errors differ in kind")
				}
				if (wantTx.Error == nil || errors.Is(wantTx.Error, gorm.ErrRecordNotFound)) && !reflect.DeepEqual(got, want) {
					t.Fatalf("got  %+v\nwant %+v", got, want)
				}
			})
		}
	}
}

// A read that began before Close gets its answer after it.
func TestScanAfterClose(t *testing.T) {
	h := newHarness(t)
	r := replay.New()
	c := r.Collect(query(t, h.live, people().without(1)), rows.Limits{})
	view, err := rows.Parse(c.Payload)
	if err != nil {
		t.Fatal(err)
	}
	scan := func() person {
		p := used()
		tx := statement(t, h.db, &p)
		if err := r.Scan(tx, view); err != nil || tx.Error != nil || tx.RowsAffected != 1 {
			t.Fatal(err, tx.Error, tx.RowsAffected)
		}
		return p
	}
	want := scan()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := scan(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// What one caller got, it may change without changing what the next one gets.
func TestCallersShareNothingTheyCanChange(t *testing.T) {
	h := newHarness(t)
	type blob struct {
		ID   int
		B    []byte
		P    *string
		Json map[string]string `gorm:"serializer:json"`
	}
	c := h.rep.Collect(query(t, h.live, &result{names: []string{"id", "b", "p", "json"},
		rows: [][]any{{int64(1), []byte("abc"), "p", `{"a":"b"}`}, {int64(2), []byte("def"), "q", `{}`}}}), rows.Limits{})
	view, err := rows.Parse(c.Payload)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var got []blob
		if err := h.rep.Scan(statement(t, h.db, &got), view); err != nil {
			t.Fatal(err)
		}
		if string(got[0].B) != "abc" || *got[0].P != "p" || got[0].Json["a"] != "b" || string(got[1].B) != "def" {
			t.Fatalf("%+v", got)
		}
		got[0].B = append(got[0].B[:1], "zzzzzz"...)
		*got[0].P, got[0].Json["a"] = "changed", "changed"
	}
}

// The plans of a replayer are bounded, and shared by goroutines.
func TestManyPlans(t *testing.T) {
	h := newHarness(t)
	done := make(chan error)
	for g := range 4 {
		go func() {
			for i := range 600 {
				c := h.rep.Collect(query(t, h.live, &result{names: []string{"id", fmt.Sprintf("c%d", i*4+g)}, rows: [][]any{{int64(i), "x"}}}), rows.Limits{})
				view, err := rows.Parse(c.Payload)
				if err != nil {
					done <- err
					return
				}
				var p company
				if err := h.rep.Scan(statement(t, h.db, &p), view); err != nil || p.ID != uint(i) {
					done <- fmt.Errorf("%d: %v %w", i, p, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := replay.Plans(h.rep); n > replay.MaxPlans || n == 0 {
		t.Errorf("%d plans are kept", n)
	}
}
