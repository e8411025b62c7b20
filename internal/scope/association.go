package scope

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Associated reports whether gorm.DB.Association made the statement. Such a statement names the table in its
// conditions, where others say clause.CurrentTable, and joins the table of a relation of many to many by a clause.
func Associated(stmt *gorm.Statement) bool {
	if stmt.Schema == nil {
		return false
	}
	if from, ok := stmt.Clauses["FROM"].Expression.(clause.From); ok && len(from.Joins) > 0 {
		if table := from.Joins[0].Table.Name; table != "" && names(from.Joins[0].ON.Exprs, table) {
			return true
		}
	}
	where, ok := stmt.Clauses["WHERE"].Expression.(clause.Where)
	return ok && names(where.Exprs, stmt.Schema.Table)
}

// names reports whether one of the conditions is a list of values for columns of the table, by its name.
func names(conditions []clause.Expression, table string) bool {
	for _, c := range conditions {
		in, ok := c.(clause.IN)
		if !ok {
			continue
		}
		switch column := in.Column.(type) {
		case clause.Column:
			return column.Table == table
		case []clause.Column:
			return len(column) > 0 && column[0].Table == table
		}
	}
	return false
}
