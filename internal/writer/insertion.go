package writer

import (
	"context"
	"reflect"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// insertion is an INSERT whose keys the database makes. They are known when GORM has read them back into its models.
type insertion struct{ *schema.Edit }

// awaits reports, before the statement runs, whether its models will show the keys that the database makes: they
// have no values in those columns yet. One that has a value there, which the statement leaves out (Omit) or
// changes on the way (GormValue), would keep it.
func (e insertion) awaits(stmt *gorm.Statement) bool {
	models, ok := e.models(stmt)
	if !ok {
		return false
	}
	for row, v := range models {
		for i, given := range e.Given[row] {
			value, _ := e.value(stmt, i, v)
			if value != given {
				return false
			}
		}
	}
	return true
}

// complete is told of the models that GORM has inserted, with the keys that it has read back.
func (e insertion) complete(stmt *gorm.Statement) {
	models, ok := e.models(stmt)
	if !e.Pending || !ok {
		return
	}
	rows := make([]string, len(models))
	for row, v := range models {
		key := make([]string, len(e.Layout.Key))
		for i, given := range e.Given[row] {
			value, ok := e.value(stmt, i, v)
			if !ok || given != "" && value != given {
				return
			}
			key[i] = value
		}
		rows[row] = schema.JoinKey(key)
	}
	e.Rows, e.Pending = rows, false
}

// models are those that GORM inserts, one for each row; ok is false if it inserts something else.
func (e insertion) models(stmt *gorm.Statement) (models []reflect.Value, ok bool) {
	if stmt.Schema == nil || store.TableName(stmt.Table) != e.Table {
		return nil, false
	}
	switch v := stmt.ReflectValue; v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			models = append(models, reflect.Indirect(v.Index(i)))
		}
	case reflect.Struct:
		models = append(models, v)
	}
	if len(models) != e.Inserts {
		return nil, false
	}
	for _, v := range models {
		if v.Kind() != reflect.Struct || v.Type() != stmt.Schema.ModelType {
			return nil, false
		}
	}
	return models, true
}

// value is the text that a model has in a column of the primary key. ok is false if it has none; the text
// is "" then only if it is the zero value.
func (e insertion) value(stmt *gorm.Statement, column int, v reflect.Value) (text string, ok bool) {
	field := stmt.Schema.FieldsByDBName[e.Layout.Key[column].Name]
	if field == nil {
		return unknownValue, false
	}
	value, zero := field.ValueOf(context.WithoutCancel(stmt.Context), v)
	if zero {
		return "", false
	}
	text, null, ok := e.Layout.Key[column].Argument(value)
	if null || !ok {
		return unknownValue, false
	}
	return text, true
}

// unknownValue is the text of no value.
const unknownValue = "\x00"
