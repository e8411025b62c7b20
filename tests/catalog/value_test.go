package catalog_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

type (
	number int32
	word   string
)

// arguments makes random values of the kinds that programs give to database/sql.
type arguments struct{ *rand.Rand }

func (a arguments) text() string {
	letters := []rune("aAbBiIyYjJvVcsCSzZ01-_.:@/ ßäıİ'\\")
	n := a.IntN(5)
	if a.IntN(10) == 0 {
		n += 8
	}
	var b strings.Builder
	for range n {
		b.WriteRune(letters[a.IntN(len(letters))])
	}
	return b.String()
}

func (a arguments) number() int64 {
	edges := []int64{0, 1, -1, math.MaxInt8, math.MinInt8, math.MaxUint8, math.MaxInt16, math.MinInt16, math.MaxUint16, 1<<23 - 1, -1 << 23, 1<<24 - 1,
		math.MaxInt32, math.MinInt32, math.MaxUint32, math.MaxInt64, math.MinInt64}
	i := edges[a.IntN(len(edges))]
	return i + int64(a.IntN(3)) - 1 // wraps around at the ends, which is fine
}

func (a arguments) uuid() string {
	u := []byte("123e4567-e89b-12d3-a456-42661417400" + string("aAbB"[a.IntN(4)]))
	if a.IntN(2) == 0 {
		u = []byte(strings.ToUpper(string(u)))
	}
	switch a.IntN(6) {
	case 0:
		return strings.ReplaceAll(string(u), "-", "")
	case 1:
		return "{" + string(u) + "}"
	}
	return string(u)
}

func (a arguments) next() any {
	switch i := a.number(); a.IntN(14) {
	case 0:
		return i
	case 1:
		return number(i)
	case 2:
		return uint64(i)
	case 3:
		return int8(i)
	case 4:
		return &i
	case 5:
		return sql.NullInt64{Int64: i, Valid: a.IntN(9) > 0}
	case 6:
		return float64(i) / 2
	case 7:
		return fmt.Sprint(i)
	case 8:
		return []byte(a.text())
	case 9:
		return word(a.text())
	case 10:
		return a.uuid()
	case 11:
		return []any{true, nil, (*string)(nil), "0", "+1", "1e0", "01"}[a.IntN(7)]
	}
	return a.text()
}

// sameText checks, for a table of one column c, that what the database finds equal has one text. It must
// find at least some of that.
func sameText(t *testing.T, db database, table string, kind catalog.ColumnKind) {
	t.Helper()
	l := db.load(t).Layout(table)
	if l == nil {
		t.Fatalf("%s has no layout", table)
	}
	col, ok := l.Column("c")
	if !ok || col.Kind != kind {
		t.Errorf("the column of %s is %+v, want a %v", table, col, kind)
		return
	}
	mark := "?"
	if db.dialect == sqltext.Postgres {
		mark = "$1"
	}
	random := arguments{rand.New(rand.NewPCG(1, uint64(len(table))))}
	for range 200 {
		insert(t, db, table, mark, col, random.next())
	}
	equal := 0
	for range 300 {
		arg := random.next()
		text, _, ok := col.Argument(arg)
		if !ok {
			continue
		}
		for _, v := range values(db, fmt.Sprintf("SELECT c FROM %s WHERE c = %s", table, mark), arg) {
			if stored, _, ok := col.Stored(v); ok {
				equal++
				if stored != text {
					t.Errorf("%s: %#v is %q, but equals %#v, which is %q", table, arg, text, v, stored)
				}
			}
		}
	}
	if equal < 10 {
		t.Errorf("%s: only %d pairs are equal", table, equal)
	}
}

// insert writes one value, and checks that it is stored under the text that it had as an argument.
func insert(t *testing.T, db database, table, mark string, col *catalog.Column, arg any) {
	t.Helper()
	ctx := context.Background()
	if _, err := db.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE fresh = 1", table)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (c) VALUES (%s)", table, mark), arg); err != nil {
		return
	}
	list := values(db, fmt.Sprintf("SELECT c FROM %s WHERE fresh = 1", table))
	if len(list) != 1 {
		t.Fatalf("%s has %d fresh rows", table, len(list))
	}
	text, null, ok := col.Argument(arg)
	stored, storedNull, storedOK := col.Stored(list[0])
	if ok && (!storedOK || text != stored || null != storedNull) {
		t.Errorf("%s: %#v is %q (null %v), but is stored as %#v, which is %q (%v)", table, arg, text, null, list[0], stored, storedOK)
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET fresh = 0", table)); err != nil {
		t.Fatal(err)
	}
}

// values are those of the first column; none where the database refuses the query.
func values(db database, query string, args ...any) (list []any) {
	rows, err := db.QueryContext(context.Background(), query, args...)
	if err != nil {
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var v any
		if rows.Scan(&v) == nil {
			list = append(list, v)
		}
	}
	return list
}

// columnsAre makes a table for each type, with its kind.
func columnsAre(t *testing.T, db database, prefix string, types map[string]catalog.ColumnKind) {
	t.Helper()
	i := 0
	for typ, kind := range types {
		i++
		t.Run(typ, func(t *testing.T) {
			table := fmt.Sprintf("%s%d", prefix, i)
			db.exec(t, fmt.Sprintf("CREATE TABLE %s (c %s, fresh int DEFAULT 1)", table, typ))
			sameText(t, db, table, kind)
		})
	}
}

func TestValuesSQLite(t *testing.T) {
	db := openSQLite(t)
	db.exec(t, "PRAGMA synchronous = OFF", "PRAGMA journal_mode = MEMORY")
	columnsAre(t, db, "v", map[string]catalog.ColumnKind{"integer": catalog.Integer, "unsigned tinyint": catalog.Integer, "integer primary key": catalog.Integer,
		"text": catalog.Text, "varchar(3)": catalog.Text, "char(9) COLLATE nocase": catalog.Text, "text collate rtrim": catalog.Text})
}

func TestValuesPostgres(t *testing.T) {
	db := openPostgres(t)
	types := map[string]catalog.ColumnKind{"smallint": catalog.Integer, "int": catalog.Integer, "bigint": catalog.Integer, "text": catalog.Text,
		"varchar(3)": catalog.Text, "char(3)": catalog.Text, "bpchar": catalog.Text, `text COLLATE "C"`: catalog.Text,
		`varchar(9) COLLATE "en-x-icu"`: catalog.Text, "uuid": catalog.UUID}
	for _, v := range values(db, "SELECT collname FROM pg_collation WHERE collname = 'en_US.utf8'") {
		types[fmt.Sprintf("text COLLATE %q", v)] = catalog.Text
	}
	columnsAre(t, db, "v", types)
	db.exec(t, `CREATE COLLATION shifted (provider = icu, locale = 'und-u-ka-shifted')`, `CREATE TABLE shifted (c text COLLATE shifted, fresh int DEFAULT 1)`)
	sameText(t, db, "shifted", catalog.Text)
}

func TestValuesMariaDB(t *testing.T) {
	db := openMariaDB(t)
	types := map[string]catalog.ColumnKind{"tinyint": catalog.Integer, "tinyint unsigned": catalog.Integer, "bool": catalog.Integer, "smallint": catalog.Integer,
		"smallint unsigned": catalog.Integer, "mediumint": catalog.Integer, "mediumint unsigned NOT NULL": catalog.Integer, "int": catalog.Integer, "int unsigned": catalog.Integer,
		"bigint": catalog.Integer, "bigint unsigned": catalog.Integer, "bigint AUTO_INCREMENT PRIMARY KEY": catalog.Integer, "char(3)": catalog.Text, "varchar(3) NOT NULL": catalog.Text,
		"tinytext": catalog.Text, "text CHARACTER SET latin1": catalog.Text, "uuid": catalog.UUID}
	for _, c := range []string{"utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_bin", "utf8mb4_czech_ci", "utf8mb4_swedish_ci", "utf8mb4_turkish_ci",
		"utf8mb4_hungarian_ci", "utf8mb4_uca1400_ai_ci", "utf8mb4_unicode_520_nopad_ci", "latin1_german2_ci"} {
		types["varchar(9) COLLATE "+c] = catalog.Text
	}
	columnsAre(t, db, "v", types)
	t.Run("lenient", func(t *testing.T) {
		db.exec(t, "SET SESSION sql_mode = ''")
		columnsAre(t, db, "lenient", types)
	})
}

// TestCollationsMariaDB: every collation of the server's that is taken for known tells texts apart but for
// case, those in which two letters make one, or two words of them one, included.
func TestCollationsMariaDB(t *testing.T) {
	db := openMariaDB(t)
	texts := plainTexts()
	db.exec(t, "CREATE TABLE texts (s varchar(9) CHARACTER SET ascii COLLATE ascii_bin) ENGINE=MEMORY",
		"INSERT INTO texts VALUES ('"+strings.Join(texts, "'),('")+"')")
	var names []string
	for _, v := range values(db, "SELECT full_collation_name FROM information_schema.collation_character_set_applicability") {
		name := string(v.([]byte))
		names = append(names, name)
	}
	known := 0
	for i, part := range slices.Collect(slices.Chunk(names, 200)) {
		var list []string
		for j, name := range part {
			charset, _, _ := strings.Cut(name, "_")
			list = append(list, fmt.Sprintf("c%d varchar(9) CHARACTER SET %s COLLATE %s", j, charset, name))
		}
		db.exec(t, fmt.Sprintf("CREATE TABLE k%d (%s)", i, strings.Join(list, ",")))
		l := db.load(t).Layout(fmt.Sprintf("k%d", i))
		for j, name := range part {
			if _, ok := l.Column(fmt.Sprintf("c%d", j)); !ok {
				continue
			}
			known++
			charset, _, _ := strings.Cut(name, "_")
			n := values(db, fmt.Sprintf("SELECT count(DISTINCT convert(s USING %s) COLLATE %s) FROM texts", charset, name))
			if len(n) != 1 || fmt.Sprint(n[0]) != fmt.Sprint(len(texts)) {
				t.Errorf("%s tells %v of %d texts apart", name, n, len(texts))
			}
		}
	}
	t.Logf("%d of %d collations are known", known, len(names))
	if known < 50 {
		t.Errorf("only %d of %d collations are known", known, len(names))
	}
}

// plainTexts are all pairs of plain characters, and their repetitions.
func plainTexts() (texts []string) {
	const plain = "abcdefghijklmnopqrstuvwxyz0123456789_.:@/-"
	for _, a := range plain {
		texts = append(texts, string(a))
		for _, b := range plain {
			texts = append(texts, string([]rune{a, b}))
			if a != b {
				texts = append(texts, string([]rune{a, b, a, b}), string([]rune{a, a, b}))
			}
		}
	}
	return texts
}
