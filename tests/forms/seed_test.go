package forms_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"gorm.io/gorm"
)

var (
	noon = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	zone = time.FixedZone("elsewhere", 5*3600+1800)
)

func seed(db *gorm.DB) error {
	if err := db.AutoMigrate(&Country{}, &Company{}, &User{}, &Account{}, &Order{}, &Item{}, &Language{}, &Seat{}, &Kinds{}); err != nil {
		return err
	}
	// The clock of the forms stands still.
	db = db.Session(&gorm.Session{NowFunc: func() time.Time { return noon }})
	for _, rows := range []any{
		[]Country{{ID: 1, Name: "Norway"}, {ID: 2, Name: "Chile"}},
		[]Company{{ID: 1, Name: "Fjord", CountryID: ptr(uint(1))}, {ID: 2, Name: "Andes", CountryID: ptr(uint(2))}, {ID: 3, Name: "Nowhere"}},
		[]Language{{"de", "German"}, {"en", "English"}, {"fr", "French"}},
		[]Seat{{"A", 1, true}, {"A", 2, false}, {"B", 1, false}},
	} {
		if err := db.Create(rows).Error; err != nil {
			return err
		}
	}
	for i := uint(1); i <= 7; i++ {
		if err := db.Create(user(i)).Error; err != nil {
			return err
		}
	}
	if err := db.Delete(&User{}, 7).Error; err != nil {
		return err
	}
	if err := db.Create(kinds()).Error; err != nil {
		return err
	}
	if err := db.Exec("UPDATE kinds SET no_read = 'x' WHERE id = 1").Error; err != nil {
		return err
	}
	if err := db.Exec("INSERT INTO kinds (id) VALUES (4)").Error; err != nil { // NULL wherever it can be
		return err
	}
	if err := db.Exec("UPDATE kinds SET read_only = NULL WHERE id = 4").Error; err != nil {
		return err
	}
	for _, ddl := range dialectTables[db.Name()] {
		if err := db.Exec(ddl).Error; err != nil {
			return fmt.Errorf("%s: %w", ddl, err)
		}
	}
	return nil
}

func user(i uint) *User {
	u := &User{Name: fmt.Sprintf("user %d", i), Age: 20 + int(i), Active: i%2 == 0, Secret: fmt.Sprint("secret ", i)}
	u.ID = i
	u.Born = noon.AddDate(-20-int(i), 0, int(i))
	u.Address = Address{City: []string{"Oslo", "Arica", ""}[i%3]}
	if i%2 == 1 {
		u.Nick, u.Address.Zip = ptr(fmt.Sprint("nick", i)), ptr("0150")
		u.Extra = &Extra{Points: int(i) * 10, Note: sql.NullString{String: "ö☃", Valid: true}}
	}
	if i <= 4 {
		u.CompanyID = ptr((i-1)%3 + 1)
		u.Account = Account{Number: fmt.Sprint("acc-", i)}
		u.Orders = []Order{
			{Total: Cents(100 * i), Status: "paid", Items: []Item{{SKU: "a"}, {SKU: "b"}}},
			{Total: Cents(200 * i), Status: "open"},
		}
		u.Languages = []Language{{"de", "German"}, {"en", "English"}}
	}
	if i > 1 {
		u.ManagerID = ptr(uint(1))
	}
	return u
}

// kinds are three rows: full, all NULL or zero, and extremes.
func kinds() []Kinds {
	full := Kinds{
		ID: 1, I8: -8, I16: -16, I32: -32, I64: -64, U8: 8, U16: 16, U32: 32, F32: 0.1, F64: 0.1, B: true, S: "säö\n☃",
		Bytes: []byte{0, 1, 255}, Raw: json.RawMessage(`{"a": [1, null]}`), PI: ptr(int64(5)), PS: ptr("p"), PB: ptr(true), PF: ptr(1.5),
		PT: ptr(noon), PBytes: &[]byte{1, 2}, NS: sql.NullString{String: "ns", Valid: true}, NI64: sql.NullInt64{Int64: 64, Valid: true},
		NI32: sql.NullInt32{Int32: 32, Valid: true}, NI16: sql.NullInt16{Int16: 16, Valid: true}, NB: sql.NullBool{Bool: true, Valid: true},
		NF: sql.NullFloat64{Float64: 2.5, Valid: true}, NT: sql.NullTime{Time: noon, Valid: true}, NAny: sql.Null[string]{V: "any", Valid: true},
		Status: "open", Cents: 1234, Level: 7, Ratio: 0.3, PStatus: ptr(Status("closed")), Took: 3 * time.Second,
		T: noon.In(zone), Micro: noon.Add(123456 * time.Microsecond), UUID: UUID{1, 2, 3}, PUUID: &UUID{9}, Words: Words{Text: "a,b"},
		Box: &Box{"full"}, JSON: map[string]any{"k": []any{1.0, "x", nil}}, List: []string{"x", ""}, Gob: Address{City: "Gob", Zip: ptr("z")},
		Unix: noon.Unix(), Hidden: "hidden", WriteMe: "written", NoRead: "no", Odd: "odd",
	}
	empty := Kinds{ID: 2, T: noon, Micro: noon, Unix: 86400}
	extreme := Kinds{
		ID: 3, I8: math.MinInt8, I16: math.MaxInt16, I32: math.MinInt32, I64: math.MinInt64, U8: math.MaxUint8, U16: math.MaxUint16,
		U32: math.MaxUint32, U64: math.MaxInt64, F32: math.SmallestNonzeroFloat32, F64: math.MaxFloat64, S: " \\ ' \" %", Bytes: []byte{},
		Raw: json.RawMessage(`null`), PS: ptr(""), T: noon.Add(-time.Second), Micro: noon, Words: Words{Text: "w"},
		JSON: map[string]any{}, List: []string{}, Took: -1, Unix: noon.Unix(),
	}
	return []Kinds{full, empty, extreme}
}

// dialectTables are of types that one database has and others have not.
var dialectTables = map[string][]string{
	lite: {
		`CREATE TABLE odd (id integer PRIMARY KEY, d decimal(10,5), b boolean, t datetime, day date, stamp timestamp, txt varchar(20) NOT NULL, bare,
			weird "my own type", bl blob, big bigint, r real, twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL, stored text GENERATED ALWAYS AS (txt || '!') STORED)`,
		`INSERT INTO odd (id, d, b, t, day, stamp, txt, bare, weird, bl, big, r) VALUES
			(1, '1.50000', 1, '2024-02-29 12:00:00', '2024-02-29', '2024-02-29T12:00:00+05:30', 'a', 12, 'w', x'00ff', 9223372036854775807, 0.1),
			(2, 'not a number', 0, '2024-02-29 12:00:00.123456789+02:00', '2024-02-29', 1709208000, 'b', 1.5, 7, '', -9223372036854775808, 1e300),
			(3, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL),
			(4, 2, 5, 1709208000, 1709208000000, '2024-02-29', 'c', x'01', x'02', 'text', 1, 9e999)`,
	},
	pg: {
		`CREATE TYPE mood AS ENUM ('sad', 'glad')`,
		`CREATE TABLE odd (id bigint PRIMARY KEY, n numeric(20,5), nn numeric, u uuid, j json, jb jsonb, by bytea, tz timestamptz, ts timestamp(3), d date, t time,
			ttz timetz, iv interval, ip inet, cd cidr, mac macaddr, ia integer[], ta text[], r real, dp double precision, m mood, b bit(4), vb bit varying, c char(5),
			vc varchar(7) NOT NULL, x xml, pt point, rg int4range, si smallint, mo money, twice bigint GENERATED ALWAYS AS (id * 2) STORED)`,
		`INSERT INTO odd VALUES
			(1, 12345.67890, 1e40, '00112233-4455-6677-8899-aabbccddeeff', '{"a": 1}', '{"b": [1, 2]}', '\x00ff', '2024-02-29 12:00:00.123456+05:30', '2024-02-29 12:00:00.125',
				'2024-02-29', '12:34:56.789', '12:34:56+02', '1 year 2 days 03:04:05', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '{1,2,NULL}', '{"a b",NULL,""}',
				0.1, 0.1, 'glad', B'1010', B'101', 'ab', 'vc', '<a/>', '(1,2)', '[1,5)', -7, '12.34'),
			(2, -1, 'NaN', NULL, 'null', 'null', '', 'infinity', '-infinity', 'infinity', '24:00', NULL, '-1 mon', '::1', NULL, NULL, '{}', '{}',
				'NaN', '-Infinity', 'sad', B'0000', B'', '', '', NULL, NULL, 'empty', 7, NULL),
			(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
				NULL, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL)`,
	},
	my: {
		"CREATE TABLE odd (id bigint PRIMARY KEY, bu bigint unsigned, iu int unsigned, ti tinyint(1), bt bit(12), e enum('a','b'), st set('x','y','z'), y year, j json, d decimal(20,5), " +
			"dt datetime(6), ts timestamp(3) NULL, da date, t time(3), f float, db double, bl blob, tx text, vb varbinary(8), bi binary(4), c char(5), vc varchar(7) NOT NULL, mi mediumint, " +
			"twice bigint GENERATED ALWAYS AS (id * 2) VIRTUAL, kept varchar(9) GENERATED ALWAYS AS (concat(vc, '!')) STORED)",
		`INSERT INTO odd (id, bu, iu, ti, bt, e, st, y, j, d, dt, ts, da, t, f, db, bl, tx, vb, bi, c, vc, mi) VALUES
			(1, 5, 4294967295, 1, b'101010101010', 'a', 'x,z', 2024, '{"a": [1, null]}', 12345.67890, '2024-02-29 12:00:00.123456', '2024-02-29 12:00:00.125', '2024-02-29',
				'-12:34:56.789', 0.1, 0.1, x'00ff', 'tö☃xt', x'01', x'0102', 'ab', 'vc', -7),
			(2, 18446744073709551615, 0, 0, b'0', 'b', '', 0, 'null', -1, '1000-01-01 00:00:00', '1970-01-02 00:00:01', '9999-12-31', '838:59:59', 16777217, 1e300, '', '', '', '', '', '', 8388607),
			(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL)`,
	},
}
