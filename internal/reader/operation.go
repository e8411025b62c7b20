package reader

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
)

// operationOf returns the kind of query that a statement is, before its SQL is built. rows reports whether it is for
// Rows, Row or Scan.
func operationOf(stmt *gorm.Statement, rows bool) fromcache.Operations {
	switch {
	case preloaded(stmt) != nil || scope.Associated(stmt):
		return fromcache.Relation
	case rows:
		return fromcache.List
	case counts(stmt):
		return fromcache.Count
	case stmt.ReflectValue.Kind() == reflect.Struct:
		return fromcache.Get
	}
	return fromcache.List
}

// counts recognizes what gorm.DB.Count makes.
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
