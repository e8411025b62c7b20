package forms_test

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// liteForms are SQLite's: a column's declared type says how the driver reads it, its values need not fit.
var liteForms = oddRows(lite,
	form{name: "sqlite/struct", run: func(x *run) {
		var out []struct {
			ID     int
			B      *bool
			Bl     []byte
			Big    *int64
			Twice  int
			Stored string
		}
		x.tx(byOddID(x).Where("id < 4").Find(&out), &out)
	}},
	form{name: "sqlite/times", run: func(x *run) {
		var out []struct {
			T, Day, Stamp *time.Time
		}
		x.tx(byOddID(x).Where("id < 4").Find(&out), &out)
	}},
	form{name: "sqlite/expressions lose the declared type", run: func(x *run) {
		rows, err := byOddID(x).Select("t || '', coalesce(t, 'x'), b + 0, (SELECT day), CAST(d AS text), typeof(r)").Rows()
		x.rows(rows, err, nil)
	}},
	form{name: "sqlite/types after the first row", run: func(x *run) {
		rows, err := byOddID(x).Where("id = 3").Rows()
		x.see("error", err)
		x.see("Next", rows.Next())
		names, err := rows.Columns()
		x.see("Columns", names)
		x.see("error", err)
		x.see("Close", rows.Close())
	}},
)

// pgForms are Postgres's.
var pgForms = oddRows(pg,
	form{name: "postgres/struct", run: func(x *run) {
		var out []struct {
			ID    int64
			N     *string
			U     *string
			J     json.RawMessage
			Jb    *json.RawMessage
			By    []byte
			Ts    *time.Time
			D     *string
			Ip    *string
			Ia    *string
			B     *string
			R     *float64
			M     *Status
			Twice int64
		}
		x.tx(byOddID(x).Where("id <> 2").Find(&out), &out)
	}},
	form{name: "postgres/times", run: func(x *run) {
		var out []struct{ Tz, Ts, D sql.NullTime }
		x.tx(byOddID(x).Where("id <> 2").Find(&out), &out)
	}},
	form{name: "postgres/infinite times", run: func(x *run) {
		rows, err := byOddID(x).Select("tz, ts, d").Where("id = 2").Rows()
		x.rows(rows, err, nil)
	}},
	form{name: "postgres/any and array argument", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("id = ANY(?::bigint[])", "{1,3}").Order("id").Find(&us), &us)
	}},
	form{name: "postgres/array functions", run: func(x *run) {
		rows, err := x.q().Raw("SELECT array_agg(id ORDER BY id), string_agg(name, ',' ORDER BY id), bool_and(active) FROM users").Rows()
		x.rows(rows, err, nil)
	}},
	form{name: "postgres/json operators", run: func(x *run) {
		rows, err := byOddID(x).Select("jb -> 'b' AS b, jb ->> 'b' AS t, jb @> '{}' AS has").Rows()
		x.rows(rows, err, nil)
	}},
	form{name: "postgres/DISTINCT ON and LATERAL", run: func(x *run) {
		var out []struct{ ID, Total int }
		x.tx(x.q().Raw(`SELECT DISTINCT ON (u.active) u.id, o.total FROM users u, LATERAL (SELECT total FROM orders WHERE user_id = u.id ORDER BY id LIMIT 1) o
			ORDER BY u.active, u.id`).Scan(&out), &out)
	}},
)

// myForms are MariaDB's, whose driver gives other types over the text protocol than when prepared.
var myForms = oddRows(my,
	form{name: "mysql/struct", run: func(x *run) {
		var out []struct {
			ID    int64
			Bu    *uint64
			Iu    *uint32
			Ti    *bool
			Bt    []byte
			E, St *Status
			Y     *int
			J     json.RawMessage
			D     *string
			Dt    *time.Time
			F     *float32
			DB    *float64
			Twice int64
			Kept  string
		}
		x.tx(byOddID(x).Find(&out), &out)
	}},
	form{name: "mysql/times", run: func(x *run) {
		var out []struct{ Dt, Ts, Da sql.NullTime }
		x.tx(byOddID(x).Find(&out), &out)
	}},
	form{name: "mysql/decimal as number", run: func(x *run) {
		var out []struct {
			D sql.NullFloat64
			T *string
		}
		x.tx(byOddID(x).Find(&out), &out)
	}},
	form{name: "mysql/uint64", run: func(x *run) {
		var us []uint64
		x.tx(byOddID(x).Where("id < 3").Pluck("bu", &us), &us)
	}},
	form{name: "mysql/uint64 into int64", run: func(x *run) {
		var is []int64
		x.tx(byOddID(x).Where("id < 3").Pluck("bu", &is))
	}, fails: true},
	form{name: "mysql/two result sets", run: func(x *run) {
		rows, err := x.q().Raw("SELECT id, vc FROM odd ORDER BY id; SELECT name FROM users ORDER BY id; SELECT 1 FROM odd WHERE id = 99").Rows()
		x.rows(rows, err, nil)
	}, bypass: observe.NotSelect, textOnly: true},
	form{name: "mysql/first of two result sets", run: func(x *run) {
		var ids []int
		x.tx(x.q().Raw("SELECT id FROM odd ORDER BY id; SELECT id FROM users").Scan(&ids), &ids)
	}, bypass: observe.NotSelect, textOnly: true},
	form{name: "mysql/expressions", run: func(x *run) {
		rows, err := byOddID(x).Select("bu DIV 2 AS a, id IN (1, 2) AS b, concat(vc, id) AS c, d * 2 AS d, e + 0 AS e, group_concat(vc) AS g").Group("id").Rows()
		x.rows(rows, err, nil)
	}},
)
