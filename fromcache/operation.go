package fromcache

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Operations is a set of kinds of queries. Zero means all.
type Operations uint8

const (
	// Get is a query into one struct: First, Take, Last, Find(&user).
	Get Operations = 1 << iota
	// List is a query into anything else: slices, maps, Pluck, Scan, Rows, Row.
	List
	// Count is what gorm.DB.Count sends.
	Count
	// Relation is what Preload and Association send, whatever they read into.
	Relation

	allOperations = Get | List | Count | Relation
)

// String names the operations, joined by |.
func (o Operations) String() string {
	if o == 0 {
		o = allOperations
	}
	var names []string
	for i, name := range []string{"Get", "List", "Count", "Relation"} {
		if o&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|")
}

// operationOf tells what kind of query a statement is before its SQL is built. rows tells that it is one for
// Rows, Row or Scan.
func operationOf(stmt *gorm.Statement, rows bool) Operations {
	switch {
	case preloaded(stmt) != nil || associated(stmt):
		return Relation
	case rows:
		return List
	case counts(stmt):
		return Count
	case stmt.ReflectValue.Kind() == reflect.Struct:
		return Get
	}
	return List
}

// counts recognises what gorm.DB.Count makes.
func counts(stmt *gorm.Statement) bool {
	if _, ok := stmt.Dest.(*int64); !ok {
		return false
	}
	text := strings.Join(stmt.Selects, ",")
	if c, ok := stmt.Clauses["SELECT"]; ok {
		if expr, ok := c.Expression.(clause.Expr); ok {
			text = expr.SQL
		}
	}
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "count(")
}

// associated recognises what gorm.DB.Association makes: it names the table in its conditions, where others
// say clause.CurrentTable, and joins the table of a relation of many to many by a clause.
func associated(stmt *gorm.Statement) bool {
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

// names tells that one of the conditions is a list of values for columns of the table, by its name.
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
