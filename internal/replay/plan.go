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

// plan says how columns of these names go into a model. It is immutable, but for its pool.
type plan struct {
	schema *schema.Schema
	names  []string
	model  reflect.Type
	slice  reflect.Type // []model
	steps  []step
	unfit  bool      // leave it to GORM.
	saved  sync.Pool // of *saved
}

// saved is room for a copy of a destination.
type saved struct{ value reflect.Value }

// step sets either one field by its offset, or a run of neighbouring columns through GORM.
type step struct {
	column int
	offset uintptr
	set    setter // nil: through GORM.

	columns []int
	fields  []*schema.Field
}

// newPlan follows what gorm.Scan does to match columns with fields. Whatever is not plain there
// makes the plan unfit: relations that are joined, one name twice, a single column that is no field.
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
			p.unfit = true
		case field != nil && field.Readable:
			p.add(i, field)
		case len(columns) == 1 || len(utils.SplitNestedRelationName(name)) > 1:
			p.unfit = true
		}
		seen[name] = true
	}
	if p.unfit = p.unfit || scannedWhole(p.model); p.unfit {
		p.steps = nil
		return p
	}
	p.slice = reflect.SliceOf(p.model)
	p.saved.New = func() any { return &saved{reflect.New(p.model).Elem()} }
	return p
}

// scannedWhole reports whether GORM does not look for the fields of t, or not always.
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

// offsetOf returns where in the model the field lies. It has no fixed place behind a pointer to an
// embedded struct, which GORM writes as a negative index.
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
