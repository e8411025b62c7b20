package rows

import (
	"database/sql"
	"fmt"
	"reflect"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
)

// Column is what the driver reports about a column, so that replayed *sql.Rows report the same.
type Column struct {
	// Name is the column's name or alias.
	Name string
	// DatabaseType is the driver's name of the type, such as VARCHAR. It may be empty.
	DatabaseType string
	// ScanType is the Go type that the driver proposes for scanning. nil is a type of its own: some
	// drivers propose none. Only the types that known drivers propose can be encoded.
	ScanType reflect.Type
	// Late is set if the driver proposes ScanType only for rows whose value is not NULL, and nil for others. If ScanType
	// is nil too, the driver proposes the type of the value.
	Late bool
	// Nullable is set if the column may be NULL. Meaningful only if HasNullable.
	Nullable, HasNullable bool
	// Length is the length of a type of variable length. Meaningful only if HasLength.
	Length    int64
	HasLength bool
	// Precision and Scale are the size of a decimal type. Meaningful only if HasDecimalSize.
	Precision, Scale int64
	HasDecimalSize   bool
}

// ColumnOf returns what the driver reports about a column.
func ColumnOf(t *sql.ColumnType) Column {
	c := Column{Name: t.Name(), DatabaseType: t.DatabaseTypeName(), ScanType: t.ScanType()}
	c.Nullable, c.HasNullable = t.Nullable()
	c.Length, c.HasLength = t.Length()
	c.Precision, c.Scale, c.HasDecimalSize = t.DecimalSize()
	return c
}

// scanTypes are the types that go-sqlite3, the pure Go sqlite, pgx and go-sql-driver/mysql propose,
// and similar types. A type's index is its number in the format: append, never reorder.
var scanTypes = [...]reflect.Type{
	0: nil,
	reflect.TypeFor[any](), reflect.TypeFor[*any](),
	reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](),
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[sql.RawBytes](), reflect.TypeFor[sql.NullBool](), reflect.TypeFor[sql.NullByte](),
	reflect.TypeFor[sql.NullInt16](), reflect.TypeFor[sql.NullInt32](), reflect.TypeFor[sql.NullInt64](),
	reflect.TypeFor[sql.NullFloat64](), reflect.TypeFor[sql.NullString](), reflect.TypeFor[sql.NullTime](),
	reflect.TypeFor[sql.Null[uint64]](), reflect.TypeFor[sql.Null[int64]](), reflect.TypeFor[sql.Null[string]](),
	reflect.TypeFor[sql.Null[float64]](), reflect.TypeFor[sql.Null[float32]](), reflect.TypeFor[sql.Null[bool]](),
	reflect.TypeFor[sql.Null[time.Time]](), reflect.TypeFor[sql.Null[[]byte]](),
}

// scanTypeNumbers is the inverse of scanTypes.
var scanTypeNumbers = func() map[reflect.Type]int {
	m := make(map[reflect.Type]int, len(scanTypes))
	for i, t := range scanTypes {
		m[t] = i
	}
	return m
}()

// The flags of a column.
const (
	flagNullable = 1 << iota
	flagHasNullable
	flagHasLength
	flagHasDecimalSize
	flagLate
	flagsKnown = 1<<iota - 1
)

// columnFields is the number of fields of an encoded column, its block of values included.
const columnFields = 8

func (c *Column) check() error {
	if _, ok := scanTypeNumbers[c.ScanType]; !ok {
		return fmt.Errorf("%w: column %q has scan type %v", entry.ErrUnsupported, c.Name, c.ScanType)
	}
	return nil
}

// append appends the column without its values.
func (c *Column) append(b []byte) []byte {
	flags := int64(0)
	for i, on := range []bool{c.Nullable, c.HasNullable, c.HasLength, c.HasDecimalSize, c.Late} {
		if on {
			flags |= 1 << i
		}
	}
	b = appendString(appendArray(b, columnFields), c.Name)
	b = appendString(b, c.DatabaseType)
	b = AppendInt(b, int64(scanTypeNumbers[c.ScanType]))
	b = AppendInt(b, flags)
	b = AppendInt(b, c.Length)
	b = AppendInt(b, c.Precision)
	return AppendInt(b, c.Scale)
}

// read reads what append wrote, except for the array's header.
func (c *Column) read(r *reader) {
	c.Name, c.DatabaseType = r.text(), r.text()
	number, flags := r.int(), r.int()
	c.Length, c.Precision, c.Scale = r.int(), r.int(), r.int()
	if number < 0 || number >= int64(len(scanTypes)) || flags&^flagsKnown != 0 {
		r.bad = true
		return
	}
	c.ScanType = scanTypes[number]
	c.Nullable, c.HasNullable = flags&flagNullable != 0, flags&flagHasNullable != 0
	c.HasLength, c.HasDecimalSize = flags&flagHasLength != 0, flags&flagHasDecimalSize != 0
	c.Late = flags&flagLate != 0
}
