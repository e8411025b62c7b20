package replay

import (
	"database/sql"
	"reflect"
	"sync"
	"time"

	"gorm.io/gorm/schema"
	"gorm.io/gorm/utils"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// plan is how columns of these names are stored in a model. It is immutable, except for its pool.
type plan struct {
	schema   *schema.Schema
	names    []string
	model    reflect.Type
	slice    reflect.Type // []model
	steps    []step
	unusable bool      // GORM must scan instead.
	saved    sync.Pool // of *saved
}

// saved is room for a copy of a destination.
type saved struct{ value reflect.Value }

// step sets either one field by its offset, or a run of adjacent columns through GORM.
type step struct {
	column int
	offset uintptr
	set    setter // nil: through GORM.

	columns []int
	fields  []*schema.Field
}

// newPlan matches columns with fields as gorm.Scan does. Special cases make the plan unusable: joined relations, one name
// twice, a single column that is not a field.
func newPlan(sch *schema.Schema, columns []rows.Column) *plan {
	p := &plan{schema: sch, model: sch.ModelType, names: make([]string, len(columns))}
	seen := make(map[string]bool, len(columns))
	for i := range columns {
		// A copy: the name aliases an entry, which the plan would keep alive.
		name := string([]byte(columns[i].Name))
		p.names[i] = name
		field := sch.LookUpField(name)
		switch {
		case seen[name]:
			p.unusable = true
		case field != nil && field.Readable:
			p.add(i, field)
		case len(columns) == 1 || len(utils.SplitNestedRelationName(name)) > 1:
			p.unusable = true
		}
		seen[name] = true
	}
	if p.unusable = p.unusable || scannedWhole(p.model); p.unusable {
		p.steps = nil
		return p
	}
	p.slice = reflect.SliceOf(p.model)
	p.saved.New = func() any { return &saved{reflect.New(p.model).Elem()} }
	return p
}

// scannedWhole reports whether GORM scans t as a whole, at least sometimes, instead of its fields.
func scannedWhole(t reflect.Type) bool {
	return t.ConvertibleTo(reflect.TypeFor[time.Time]()) || reflect.PointerTo(t).Implements(scannerType)
}

var scannerType = reflect.TypeFor[sql.Scanner]()

func (p *plan) add(column int, field *schema.Field) {
	if offset, ok := offsetOf(p.model, field); ok {
		if set := setterOf(field); set != nil {
			p.steps = append(p.steps, step{column: column, offset: offset, set: set})
			return
		}
	}
	last := len(p.steps) - 1
	if last < 0 || p.steps[last].set != nil {
		p.steps = append(p.steps, step{})
		last++
	}
	s := &p.steps[last]
	s.columns, s.fields = append(s.columns, column), append(s.fields, field)
}

// offsetOf returns the offset of the field in the model. A field behind a pointer to an embedded struct, for which GORM has
// a negative index, has no fixed offset.
func offsetOf(model reflect.Type, field *schema.Field) (offset uintptr, ok bool) {
	t := model
	for _, i := range field.StructField.Index {
		if i < 0 || t.Kind() != reflect.Struct || i >= t.NumField() {
			return 0, false
		}
		f := t.Field(i)
		offset += f.Offset
		t = f.Type
	}
	return offset, t == field.FieldType
}
