package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	for _, c := range []struct {
		d           Dialect
		sql, folded string // "": it can't be folded
		places      string // First+Params, c for Compared, and what stands there
	}{
		{SQLite, "SELECT * FROM `t` WHERE `t`.`a` IN (?,?, ?) AND b = ?", "SELECT * FROM `t` WHERE `t`.`a` IN (?) AND b = ?", "0+3c[IN (?)] 3+1c[= ?]"},
		{Postgres, `SELECT * FROM t WHERE x > $1 AND a IN ($2,$3) AND b = $4 LIMIT $5`, `SELECT * FROM t WHERE x > $1 AND a IN ($2) AND b = $3 LIMIT $4`, "0+1[$1] 1+2c[IN ($2)] 3+1c[= $3] 4+1[$4]"},
		{MySQL, "SELECT 'IN (?,?)' FROM t WHERE a in(?,?) -- ?", "SELECT 'IN (?,?)' FROM t WHERE a in(?) -- ?", "0+2c[in(?)]"},
		{SQLite, "SELECT * FROM t WHERE a >= ? AND b == ? AND c != ? AND ? = d", "SELECT * FROM t WHERE a >= ? AND b == ? AND c != ? AND ? = d", "0+1[?] 1+1[?] 2+1[?] 3+1[?]"},
		{SQLite, "SELECT * FROM t WHERE a IN (?) AND (b,c) IN ((?,?)) AND d IN (SELECT ?)", "SELECT * FROM t WHERE a IN (?) AND (b,c) IN ((?,?)) AND d IN (SELECT ?)", "0+1c[IN (?)] 1+1[?] 2+1[?] 3+1[?]"},
		{SQLite, "SELECT * FROM t WHERE a IN (?,5)", "", ""},
		{SQLite, "SELECT * FROM t WHERE a IN (?,?+1)", "", ""},
		{SQLite, "SELECT * FROM t WHERE a IN (?1,?2)", "", ""},
		{Postgres, "SELECT * FROM t WHERE a IN ($2,$1)", "", ""},
		{Postgres, "SELECT * FROM t WHERE a = $1 OR b = $1", "", ""},
		{MySQL, `SELECT * FROM t WHERE s = 'a\' AND a IN (?,?)`, "", ""},
		{MySQL, `SELECT /*!1 */ * FROM t WHERE a IN (?,?)`, "", ""},
		{SQLite, "SELECT * FROM t WHERE a IN (?", "", ""},
	} {
		f, ok := Fold(c.d, c.sql)
		if !ok {
			if c.folded != "" {
				t.Errorf("%s: can't be folded", c.sql)
			}
			continue
		}
		var places []string
		for _, p := range f.Places {
			compared := ""
			if p.Compared {
				compared = "c"
			}
			places = append(places, fmt.Sprintf("%d+%d%s[%s]", p.First, p.Params, compared, f.SQL[p.Start:p.End]))
		}
		if got := strings.Join(places, " "); f.SQL != c.folded || got != c.places {
			t.Errorf("%s\ngot  %s %s\nwant %s %s", c.sql, f.SQL, got, c.folded, c.places)
		}
	}
}

func TestExpand(t *testing.T) {
	pg, ok := Fold(Postgres, "SELECT * FROM t WHERE a IN ($1,$2) AND b IN ($3,$4,$5) AND c = $6 ORDER BY $7")
	if !ok {
		t.Fatal("can't be folded")
	}
	my, ok := Fold(MySQL, "SELECT * FROM t WHERE a IN (?,?) AND b = ? AND c = ?")
	if !ok {
		t.Fatal("can't be folded")
	}
	for _, c := range []struct {
		f        *Folded
		place, n int
		want     string
	}{
		{pg, 1, 1, "SELECT * FROM t WHERE a IN ($1,$2) AND b = $3 AND c = $4 ORDER BY $5"},
		{pg, 1, 2, "SELECT * FROM t WHERE a IN ($1,$2) AND b IN ($3,$4) AND c = $5 ORDER BY $6"},
		{pg, 0, 3, "SELECT * FROM t WHERE a IN ($1,$2,$3) AND b IN ($4,$5,$6) AND c = $7 ORDER BY $8"},
		{pg, 2, 2, "SELECT * FROM t WHERE a IN ($1,$2) AND b IN ($3,$4,$5) AND c IN ($6,$7) ORDER BY $8"},
		{my, 0, 1, "SELECT * FROM t WHERE a = ? AND b = ? AND c = ?"},
		{my, 2, 3, "SELECT * FROM t WHERE a IN (?,?) AND b = ? AND c IN (?,?,?)"},
	} {
		if got := c.f.Expand(c.place, c.n); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestOutline(t *testing.T) {
	for sql, want := range map[string]Outline{
		"SELECT * FROM `t` WHERE a = 1":                             {Plain: true, Whole: true},
		`SELECT "t"."id", name,"t".* FROM t AS u`:                   {Plain: true},
		"SELECT id FROM t ORDER BY id":                              {Plain: true, Ordered: true, Order: "id"},
		`SELECT id FROM t WHERE a IN (?) ORDER BY "t"."ID" DESC`:    {Plain: true, Ordered: true, Order: "id", Desc: true},
		"SELECT id FROM t ORDER BY id ASC, name":                    {Plain: true, Ordered: true},
		"SELECT id FROM t ORDER BY lower(name)":                     {Plain: true, Ordered: true},
		"SELECT id FROM t ORDER BY id DESC NULLS LAST":              {Plain: true, Ordered: true},
		"SELECT id FROM t ORDER BY id COLLATE x":                    {Plain: true, Ordered: true},
		"SELECT id FROM t ORDER BY id LIMIT 3":                      {Ordered: true},
		"SELECT id AS user_id FROM t":                               {},
		"SELECT id user_id FROM t":                                  {},
		"SELECT count(*) FROM t":                                    {},
		"SELECT DISTINCT id FROM t":                                 {},
		"SELECT ALL id FROM t":                                      {},
		"SELECT id + 1 FROM t":                                      {},
		"SELECT id FROM t GROUP BY id":                              {},
		"SELECT id FROM t HAVING id > 1":                            {},
		"SELECT id FROM t OFFSET 1":                                 {},
		"SELECT id FROM t FETCH FIRST 1 ROW ONLY":                   {},
		"SELECT id FROM t FOR UPDATE":                               {},
		"SELECT id FROM t LOCK IN SHARE MODE":                       {},
		"SELECT id FROM t UNION SELECT 1":                           {},
		"SELECT id FROM t WHERE a = (SELECT 1)":                     {},
		"SELECT id, 'user_id' FROM t":                               {},
		"SELECT id FROM t WHERE a = 1 WINDOW w AS (PARTITION BY a)": {},
		"UPDATE t SET a = 1":                                        {},
	} {
		for _, d := range []Dialect{SQLite, Postgres} {
			if got := OutlineOf(d, sql); got != want {
				t.Errorf("%s: %s\ngot  %+v\nwant %+v", d, sql, got, want)
			}
		}
	}
}

func TestAlone(t *testing.T) {
	for where, want := range map[string]bool{
		"id IN (?)":                            true,
		"`t`.`id` IN (?, ?)":                   true,
		"id = ?":                               true,
		"id IN (?) AND `t`.`gone` IS NULL":     true,
		"id IN (?) AND gone IS NOT NULL":       false,
		"id IN (?) AND a IS NULL AND b":        false,
		"id IN (?) AND age > 3":                false,
		"id IN (?) AND name = ?":               false,
		"a IS NULL AND id IN (?)":              false,
		"id IN (?) AND (a IS NULL OR b = 'x')": false,
	} {
		n := Parse(SQLite, "SELECT * FROM t WHERE "+where).Narrow
		if n == nil {
			t.Errorf("%s: not narrow", where)
		} else if got := n.Alone(SQLite); got != want {
			t.Errorf("%s: %v", where, got)
		}
	}
}

// FuzzFold: folding a folded text changes nothing, and expanding a place to what it was gives a text of
// the same fold.
func FuzzFold(f *testing.F) {
	f.Add(uint8(SQLite), "SELECT * FROM t WHERE a IN (?,?) AND b = ?")
	f.Add(uint8(Postgres), "SELECT * FROM t WHERE a IN ($1,$2) AND b = $3 -- IN ($4")
	f.Add(uint8(MySQL), "SELECT * FROM t WHERE a IN(?,/**/?)AND`b`=?")
	f.Fuzz(func(t *testing.T, dialect uint8, sql string) {
		d := Dialect(dialect % 4)
		folded, ok := Fold(d, sql)
		if !ok {
			return
		}
		again, ok := Fold(d, folded.SQL)
		if !ok || again.SQL != folded.SQL || len(again.Places) != len(folded.Places) {
			t.Fatalf("%q folds to %q, and that to %+v", sql, folded.SQL, again)
		}
		for i, p := range folded.Places {
			if !p.Compared {
				continue
			}
			for n := 2; n < 4; n++ {
				wide, ok := Fold(d, folded.Expand(i, n))
				if !ok || len(wide.Places) != len(folded.Places) || wide.Places[i].Params != n {
					t.Fatalf("%q, place %d: %q does not fold", sql, i, folded.Expand(i, n))
				}
			}
		}
		OutlineOf(d, sql)
	})
}

func BenchmarkFold(b *testing.B) {
	sql := "SELECT * FROM `orders` WHERE `orders`.`user_id` IN (?" + strings.Repeat(",?", 99) + ") AND `orders`.`deleted_at` IS NULL"
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Fold(SQLite, sql); !ok {
			b.Fatal("not folded")
		}
	}
}
