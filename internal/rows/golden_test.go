package rows_test

import (
	"database/sql"
	"reflect"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/golden"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

func goldenRows() ([]rows.Column, [][]any) {
	cols := []rows.Column{
		{Name: "id", DatabaseType: "BIGINT", ScanType: reflect.TypeFor[int64](), HasNullable: true},
		{Name: "v", DatabaseType: "DECIMAL", ScanType: reflect.TypeFor[sql.NullString](), Nullable: true, HasNullable: true,
			Length: 300, HasLength: true, Precision: 10, Scale: 2, HasDecimalSize: true},
	}
	var data [][]any
	for i, v := range []any{nil, true, false, int64(-1), int64(300), int64(-40000), int64(1 << 40), uint64(1), uint64(300), uint64(70000),
		uint64(1 << 63), float32(1.5), -0.25, "text", "a text that is longer than the thirty-one bytes of a fixstr",
		[]byte(nil), []byte{}, []byte("bytes"), time.Unix(1700000000, 5).UTC(), time.Unix(1700000000, 5),
		time.Unix(1700000000, 5).In(berlin), time.Unix(1700000000, 5).In(time.FixedZone("X", -3600))} {
		data = append(data, []any{int64(i), v})
	}
	return cols, data
}

func TestGoldenRows(t *testing.T) {
	cols, data := goldenRows()
	view, err := rows.Parse(golden.Check(t, "rows", encode(t, cols, data)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(view.Columns(), cols) || !reflect.DeepEqual(decode(view), data) {
		t.Fatal("the golden rows are read as something else")
	}
}

// The table of scan types is part of the format: a type's number must never change.
func TestScanTypesAreNotReordered(t *testing.T) {
	var cols []rows.Column
	for _, typ := range []reflect.Type{
		nil, reflect.TypeFor[any](), reflect.TypeFor[*any](), reflect.TypeFor[bool](), reflect.TypeFor[string](),
		reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](), reflect.TypeFor[int](), reflect.TypeFor[int8](),
		reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[uint](),
		reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[sql.RawBytes](), reflect.TypeFor[sql.NullBool](),
		reflect.TypeFor[sql.NullByte](), reflect.TypeFor[sql.NullInt16](), reflect.TypeFor[sql.NullInt32](),
		reflect.TypeFor[sql.NullInt64](), reflect.TypeFor[sql.NullFloat64](), reflect.TypeFor[sql.NullString](),
		reflect.TypeFor[sql.NullTime](), reflect.TypeFor[sql.Null[uint64]](), reflect.TypeFor[sql.Null[int64]](),
		reflect.TypeFor[sql.Null[string]](), reflect.TypeFor[sql.Null[float64]](), reflect.TypeFor[sql.Null[float32]](),
		reflect.TypeFor[sql.Null[bool]](), reflect.TypeFor[sql.Null[time.Time]](), reflect.TypeFor[sql.Null[[]byte]](),
	} {
		cols = append(cols, rows.Column{ScanType: typ})
	}
	view, err := rows.Parse(golden.Check(t, "scantypes", encode(t, cols, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(view.Columns(), cols) {
		t.Fatalf("got %v", view.Columns())
	}
}

// A column whose type the driver proposes late says so in its flags.
func TestGoldenLate(t *testing.T) {
	cols := []rows.Column{
		{Name: "flag", DatabaseType: "BOOLEAN", ScanType: reflect.TypeFor[bool](), Late: true},
		{Name: "id", DatabaseType: "INTEGER", ScanType: reflect.TypeFor[int64]()},
	}
	view, err := rows.Parse(golden.Check(t, "late", encode(t, cols, [][]any{{int64(1), int64(7)}})))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(view.Columns(), cols) {
		t.Fatalf("got %v", view.Columns())
	}
}
