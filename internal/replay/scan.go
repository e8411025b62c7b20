package replay

import (
	"reflect"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// Scan does with the rows of view what gorm.Scan(rows, db, 0) would do with the database's rows: it sets the statement's
// destination, and RowsAffected and Error of db.
//
// It returns an error only if it could not begin: then it has not touched db. Errors while scanning are added to db, as
// GORM does.
//
// Strings that Scan stores alias the bytes that view was parsed from, and the structs of one slice of pointers share one
// allocation: keeping one of them keeps all in memory.
func (r *Replayer) Scan(db *gorm.DB, view *rows.Set) error {
	if done, err := r.scanFast(db, view); done || err != nil {
		return err
	}
	return r.scanSlowly(db, view)
}

// scanSlowly lets GORM do everything.
func (r *Replayer) scanSlowly(db *gorm.DB, view *rows.Set) error {
	rows, err := r.Rows(view)
	if err != nil {
		return err
	}
	defer rows.Close()
	gorm.Scan(rows, db, 0)
	return nil
}

// scanFast scans by a compiled plan, for a destination that is a struct, a slice of structs, or a
// slice of pointers to structs of the schema's own model. It reports false if it does not apply, or
// if a value does not fit: then GORM starts over, so errors, and what a failed scan leaves in the destination, are those
// of GORM.
func (r *Replayer) scanFast(db *gorm.DB, view *rows.Set) (bool, error) {
	stmt := db.Statement
	plain := stmt.Schema != nil && len(stmt.ColumnMapping) == 0
	if !plain || db.Error != nil {
		return false, nil //nolint:nilerr // GORM has failed before, and handles that itself
	}
	dest := stmt.ReflectValue
	kind, model := dest.Kind(), stmt.Schema.ModelType
	switch {
	case kind == reflect.Struct && dest.Type() == model && dest.CanSet():
	case kind == reflect.Slice && dest.CanSet():
		elem := dest.Type().Elem()
		if elem != model && (elem.Kind() != reflect.Pointer || elem.Elem() != model) {
			return false, nil
		}
	default:
		return false, nil
	}
	p := r.plans.find(stmt.Schema, view.Columns())
	if p.unusable {
		return false, nil
	}
	run := run{r: r, ctx: stmt.Context, view: view, plan: p}
	ok := false
	if kind == reflect.Struct {
		ok = run.intoStruct(dest)
	} else {
		ok = run.intoSlice(dest)
	}
	if run.err != nil || !ok {
		return false, run.err
	}
	db.RowsAffected = int64(view.Len())
	if kind == reflect.Struct {
		db.RowsAffected = min(db.RowsAffected, 1)
	}
	if db.RowsAffected == 0 && stmt.RaiseErrorOnNotFound {
		_ = db.AddError(gorm.ErrRecordNotFound)
	}
	return true, nil
}
