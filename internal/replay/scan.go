package replay

import (
	"reflect"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// Scan gives the rows of view to the statement of db: what gorm.Scan(rows, db, 0) would do with the
// database's rows, to its destination, RowsAffected and Error.
//
// It returns an error only if it could not begin: nothing of db has then been touched. What goes wrong
// while scanning is added to db, as GORM does.
//
// Of what Scan stores, strings alias the bytes that view was parsed from, and the structs of one
// slice of pointers share one allocation: keeping one of them keeps all.
func (r *Replayer) Scan(db *gorm.DB, view *rows.Set) error {
	if done, err := r.scanFast(db, view); done || err != nil {
		return err
	}
	return r.scanSlowly(db, view)
}

// scanSlowly leaves everything to GORM.
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
// slice of pointers to structs of the schema's own model. It reports false when it does not apply, or
// when a value does not fit: GORM then begins anew, so that errors, and what a failed scan leaves
// behind, are GORM's own.
func (r *Replayer) scanFast(db *gorm.DB, view *rows.Set) (bool, error) {
	stmt := db.Statement
	plain := stmt.Schema != nil && len(stmt.ColumnMapping) == 0
	if !plain || db.Error != nil {
		return false, nil //nolint:nilerr // GORM has failed before; what to do now is GORM's
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
	if p.unfit {
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
