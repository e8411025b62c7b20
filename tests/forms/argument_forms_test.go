package forms_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
)

// where is a form with one argument.
func where(name, condition string, args ...any) form {
	return form{name: "argument/" + name, run: func(x *run) {
		var us []User
		x.tx(x.q().Where(condition, args...).Order("id").Find(&us), &us)
	}}
}

func with(f form, change func(f *form)) form {
	change(&f)
	return f
}

// failing marks a form whose rows do not fit.
func failing(f form) form { return with(f, func(f *form) { f.fails = true }) }

func bypassed(f form) form { return with(f, func(f *form) { f.bypass = "argument" }) }

// valueless is a Valuer that does not give a value.
type valueless struct{}

func (valueless) Value() (driver.Value, error) { return nil, errors.New("no value") }

// byPointer is a Valuer that must not be printed by its address.
type byPointer struct{ name string }

func (v *byPointer) Value() (driver.Value, error) { return v.name, nil }

var (
	tenMB    = strings.Repeat("x", 10<<20)
	manyKeys = func() []int {
		keys := make([]int, 100_000)
		for i := range keys {
			keys[i] = i * 2
		}
		return keys
	}()
)

// argumentForms are queries with arguments of every sort.
var argumentForms = []form{
	where("pointer", "name = ?", ptr("user 3")),
	where("nil pointer", "name = ?", (*string)(nil)),
	where("pointer to pointer", "name = ?", ptr(ptr("user 3"))),
	where("valuer", "name = ?", sql.NullString{String: "user 3", Valid: true}),
	where("pointer valuer", "name = ?", &byPointer{"user 3"}),
	where("nil valuer", "nick = ?", sql.NullString{}),
	where("named kinds", "name = ? AND age = ?", Status("user 3"), Cents(23)),
	where("bool", "active = ?", true),
	where("float", "age > ?", 22.5),
	where("time", "created_at = ?", noon),
	where("time in a zone", "created_at = ?", noon.In(zone)),
	where("time range", "born BETWEEN ? AND ?", noon.AddDate(-24, 0, 0), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)),
	where("bytes", "name = ?", []byte("user 3")),
	where("slice", "id IN ?", []int64{1, 2}),
	where("array", "id IN ?", [2]int16{1, 2}),
	where("slice of strings", "name IN ?", []string{"user 1", "user 2"}),
	where("empty slice", "name IN ?", []string{}),
	where("like", "name LIKE ?", "%r 3"),
	where("quote and backslash", "name = ? OR name = ?", `\' OR 1=1 --`, "user 3"),
	where("10 strings", "name IN ?", strings.Fields(strings.Repeat("user ", 10))),
	with(where("invalid UTF-8", "name = ? OR id = 3", "a\xffb\xc3"), func(f *form) { f.on = []string{lite, my} }),
	with(where("invalid UTF-8 is an error", "name = ?", "a\xffb"), func(f *form) { f.on, f.outcomes = []string{pg}, missTwice }),
	with(where("NUL", "name = ? OR id = 3", "a\x00b"), func(f *form) { f.on = []string{lite, my} }),
	with(where("NUL is an error", "name = ?", "a\x00b"), func(f *form) { f.on, f.outcomes = []string{pg}, missTwice }),
	where("gorm expression", "age > ?", gorm.Expr("? + 1", 22)),
	bypassed(where("valuer that fails", "name = ?", valueless{})),
	bypassed(where("channel", "name = ?", make(chan int))),
	bypassed(where("10 MB", "name <> ?", tenMB)),
	// More than a protocol takes: the database's error is the answer.
	bypassed(where("100 000 keys", "id IN ?", manyKeys)),
	where("300 keys", "id IN ?", manyKeys[:300]),
}
