package serializer_test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/serializer"
)

var update = flag.Bool("update", false, "write the golden files anew")

const drifted = `the bytes of %s are no longer those of format version %d.
Entries written by the released library would be misread, or refused as corrupt.
If the change is meant: raise serializer.FormatVersion, run go test ./serializer -update, and note in
the changelog that all entries will be loaded anew. If it is not meant, undo it.
got  %x
want %x`

// golden compares b with the file of that name.
func golden(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	file := filepath.Join("testdata", name+".hex")
	if *update {
		var out bytes.Buffer
		d := hex.Dumper(&out)
		_, _ = d.Write(b)
		_ = d.Close()
		if err := os.WriteFile(file, []byte(hex.EncodeToString(b)+"\n\n"+out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	want, err := hex.DecodeString(string(line))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf(drifted, name, serializer.FormatVersion, b, want)
	}
	return want
}

func goldenRows() ([]serializer.Column, [][]any) {
	cols := []serializer.Column{
		{Name: "id", DatabaseType: "BIGINT", ScanType: reflect.TypeFor[int64](), HasNullable: true},
		{Name: "v", DatabaseType: "DECIMAL", ScanType: reflect.TypeFor[sql.NullString](), Nullable: true, HasNullable: true,
			Length: 300, HasLength: true, Precision: 10, Scale: 2, HasDecimalSize: true},
	}
	var rows [][]any
	for i, v := range []any{nil, true, false, int64(-1), int64(300), int64(-40000), int64(1 << 40), uint64(1), uint64(300), uint64(70000),
		uint64(1 << 63), float32(1.5), -0.25, "text", "a text that is longer than the thirty-one bytes of a fixstr",
		[]byte(nil), []byte{}, []byte("bytes"), time.Unix(1700000000, 5).UTC(), time.Unix(1700000000, 5),
		time.Unix(1700000000, 5).In(berlin), time.Unix(1700000000, 5).In(time.FixedZone("X", -3600))} {
		rows = append(rows, []any{int64(i), v})
	}
	return cols, rows
}

func TestGoldenRows(t *testing.T) {
	cols, rows := goldenRows()
	view, err := serializer.Parse(golden(t, "rows", encode(t, cols, rows)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(view.Columns(), cols) || !reflect.DeepEqual(decode(view), rows) {
		t.Fatal("the golden rows are read as something else")
	}
}

func TestGoldenEnvelope(t *testing.T) {
	want := envelope()
	var got serializer.Envelope
	if err := got.Decode("key", golden(t, "envelope", seal(t, "key", want))); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Fatalf("got %+v", got)
	}
}

func TestGoldenValue(t *testing.T) {
	want := account{ID: 7, Name: "n", Born: time.Unix(1700000000, 5).UTC(), Home: address{"s", time.Unix(0, 0).In(berlin), nil}}
	b, err := serializer.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got account
	if err := serializer.Unmarshal(golden(t, "value", b), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v", got)
	}
}

// The table of scan types is part of the format: a type's number must never change.
func TestScanTypesAreNotReordered(t *testing.T) {
	var cols []serializer.Column
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
		cols = append(cols, serializer.Column{ScanType: typ})
	}
	view, err := serializer.Parse(golden(t, "scantypes", encode(t, cols, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(view.Columns(), cols) {
		t.Fatalf("got %v", view.Columns())
	}
}

// A column whose type the driver proposes late says so in its flags.
func TestGoldenLate(t *testing.T) {
	cols := []serializer.Column{
		{Name: "flag", DatabaseType: "BOOLEAN", ScanType: reflect.TypeFor[bool](), Late: true},
		{Name: "id", DatabaseType: "INTEGER", ScanType: reflect.TypeFor[int64]()},
	}
	view, err := serializer.Parse(golden(t, "late", encode(t, cols, [][]any{{int64(1), int64(7)}})))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(view.Columns(), cols) {
		t.Fatalf("got %v", view.Columns())
	}
}
