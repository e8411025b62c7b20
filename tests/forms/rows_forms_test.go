package forms_test

import (
	"database/sql"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"
)

// column is what a program can learn of a column.
type column struct {
	Name, Type       string
	ScanType         reflect.Type
	Nullable, HasN   bool
	Length           int64
	HasLength        bool
	Precision, Scale int64
	HasDecimal       bool
}

func columnsOf(types []*sql.ColumnType) []column {
	var all []column
	for _, t := range types {
		c := column{Name: t.Name(), Type: t.DatabaseTypeName(), ScanType: t.ScanType()}
		c.Nullable, c.HasN = t.Nullable()
		c.Length, c.HasLength = t.Length()
		c.Precision, c.Scale, c.HasDecimal = t.DecimalSize()
		all = append(all, c)
	}
	return all
}

// rows reads a result to its end and notes all there is to see. Each row is also scanned into the
// destinations of typed, which makes new ones.
func (x *run) rows(rows *sql.Rows, err error, typed func() []any) {
	x.see("Rows error", err)
	x.see("rows are nil", rows == nil)
	if rows == nil {
		return
	}
	for set := 0; set == 0 || rows.NextResultSet(); set++ {
		names, err := rows.Columns()
		x.see("Columns", names)
		x.see("Columns error", err)
		types, err := rows.ColumnTypes()
		x.see("ColumnTypes", columnsOf(types))
		x.see("ColumnTypes error", err)
		for n := 0; rows.Next(); n++ {
			x.row(fmt.Sprintf("set %d row %d", set, n), rows, len(names), typed)
		}
		x.see("Err", rows.Err())
	}
	x.see("Err after all sets", rows.Err())
	x.see("Close", rows.Close())
	_, err = rows.Columns()
	x.see("Columns of closed rows", err)
	x.see("Next of closed rows", rows.Next())
	x.see("Close again", rows.Close())
}

// row scans one row in many ways. RawBytes come last: rows that hold them can't be scanned again.
func (x *run) row(name string, rows *sql.Rows, n int, typed func() []any) {
	for _, as := range []struct {
		kind  string
		dests func() []any
	}{
		{"any", anys[any](n)}, {"strings", anys[*string](n)}, {"bytes", anys[[]byte](n)}, {"typed", typed}, {"ints", anys[*int64](n)},
		{"times", anys[sql.NullTime](n)}, {"too few", anys[any](n - 1)}, {"raw bytes", anys[sql.RawBytes](n)},
	} {
		if as.dests == nil {
			continue
		}
		values := as.dests()
		err := rows.Scan(values...)
		x.see(name+" as "+as.kind+" error", fmt.Sprint(err))
		if err != nil {
			continue
		}
		for i, v := range values {
			if raw, ok := v.(*sql.RawBytes); ok { // valid until the next call only
				values[i] = []any{string(*raw), *raw == nil}
			}
		}
		x.see(name+" as "+as.kind, values)
	}
}

func anys[T any](n int) func() []any {
	if n < 1 {
		return nil
	}
	return func() []any {
		values := make([]any, n)
		for i := range values {
			values[i] = new(T)
		}
		return values
	}
}

// fewUsers is a query for Rows.
func (x *run) fewUsers() *gorm.DB {
	return x.q().Model(&User{}).Select("id", "name", "nick", "born", "active", "company_id").Order("id")
}

func fewUsersTyped() []any {
	return []any{new(uint), new(string), new(*string), new(time.Time), new(bool), new(sql.NullInt32)}
}

// rowsForms are Rows, Row and ScanRows.
var rowsForms = []form{
	{name: "rows/rows", run: func(x *run) {
		rows, err := x.fewUsers().Rows()
		x.rows(rows, err, fewUsersTyped)
	}},
	{name: "rows/kinds", run: func(x *run) {
		rows, err := x.q().Table("kinds").Order("id").Rows()
		x.rows(rows, err, nil)
	}},
	{name: "rows/aggregates", run: func(x *run) {
		rows, err := x.q().Model(&User{}).Select("count(*), sum(age), avg(age), max(born), min(nick), max(company_id + NULL)").Rows()
		x.rows(rows, err, nil)
	}},
	{name: "rows/none", run: func(x *run) {
		rows, err := x.fewUsers().Where("id > 100").Rows()
		x.rows(rows, err, fewUsersTyped)
	}},
	{name: "rows/types after the first row", run: func(x *run) {
		rows, err := x.q().Table("kinds").Where("id = 1").Rows()
		x.see("error", err)
		x.see("Next", rows.Next())
		types, err := rows.ColumnTypes()
		x.see("ColumnTypes", columnsOf(types))
		x.see("error", err)
		x.see("Close", rows.Close())
	}},
	{name: "rows/closed early", run: func(x *run) {
		rows, err := x.fewUsers().Rows()
		x.see("error", err)
		x.see("Next", rows.Next())
		x.see("Close", rows.Close())
		x.see("Next after", rows.Next())
		x.see("Err", rows.Err())
		x.see("Scan", rows.Scan(fewUsersTyped()...))
	}},
	{name: "rows/scan before Next", run: func(x *run) {
		rows, err := x.fewUsers().Rows()
		x.see("error", err)
		x.see("Scan", rows.Scan(fewUsersTyped()...))
		x.see("Close", rows.Close())
	}},
	{name: "rows/error", run: func(x *run) {
		rows, err := x.q().Table("users").Select("no_such_column").Rows()
		x.see("rows are nil", rows == nil)
		x.see("error", err)
	}, outcomes: missTwice},
	{name: "rows/ScanRows", run: func(x *run) {
		rows, err := x.fewUsers().Rows()
		x.see("error", err)
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var u User
			x.see("ScanRows", x.DB.ScanRows(rows, &u))
			x.see("user", &u)
		}
		x.see("Err", rows.Err())
	}},
	{name: "rows/ScanRows into maps and values", run: func(x *run) {
		rows, err := x.q().Model(&User{}).Select("age").Order("id").Rows()
		x.see("error", err)
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			m, n := map[string]any{}, 0
			x.see("ScanRows", x.DB.ScanRows(rows, &m))
			x.see("map", m)
			x.see("ScanRows", x.DB.ScanRows(rows, &n))
			x.see("int", n)
		}
	}},
	{name: "rows/row", run: func(x *run) {
		row := x.fewUsers().Row()
		x.see("Err", row.Err())
		dests := fewUsersTyped()
		x.see("Scan", row.Scan(dests...))
		x.see("values", dests)
		x.see("Scan again", row.Scan(dests...))
	}},
	{name: "rows/row of none", run: func(x *run) {
		row := x.fewUsers().Where("id > 100").Row()
		x.see("Err", row.Err())
		x.see("Scan", row.Scan(fewUsersTyped()...))
	}},
	{name: "rows/row with an error", run: func(x *run) {
		row := x.q().Table("users").Select("no_such_column").Row()
		x.see("Err", row.Err())
		x.see("Scan", row.Scan(new(any)))
	}, outcomes: missTwice, textOnly: true},
	{name: "rows/row into too few", run: func(x *run) {
		x.see("Scan", x.fewUsers().Row().Scan(new(int)))
	}},
	{name: "rows/row does not fit", run: func(x *run) {
		x.see("Scan", x.q().Model(&User{}).Select("name").Order("id").Row().Scan(new(int)))
	}, fails: true},
	{name: "rows/joined", run: func(x *run) {
		rows, err := x.q().Model(&User{}).Select("users.id, companies.name").Joins("LEFT JOIN companies ON companies.id = users.company_id").Order("users.id").Rows()
		x.rows(rows, err, func() []any { return []any{new(uint), new(*string)} })
	}},
	{name: "rows/too many, read to the end", run: func(x *run) {
		rows, err := x.DB.Clauses(x.region("few_rows")).Model(&User{}).Select("id", "name", "nick", "born", "active", "company_id").Order("id").Rows()
		x.rows(rows, err, fewUsersTyped)
	}, bypass: "too_large"},
	{name: "rows/too many, row", run: func(x *run) {
		var id uint
		x.see("Scan", x.DB.Clauses(x.region("few_rows")).Model(&User{}).Select("id").Order("id").Row().Scan(&id))
		x.see("id", id)
	}, bypass: "too_large"},
	{name: "rows/too large, closed early", run: func(x *run) {
		rows, err := x.DB.Clauses(x.region("small")).Table("kinds").Order("id").Rows()
		x.see("error", err)
		x.see("Next", rows.Next())
		x.see("Close", rows.Close())
	}, bypass: "too_large"},
}
