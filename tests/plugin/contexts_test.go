package plugin_test

import (
	"context"
	"testing"

	"gorm.io/gorm"
)

// bag is a context of a type whose values can't be compared, as programs make them of a map of a request's values.
type bag struct {
	context.Context
	values map[string]any
}

// Value gives those of the bag first.
func (b bag) Value(key any) any {
	if name, ok := key.(string); ok && b.values[name] != nil {
		return b.values[name]
	}
	return b.Context.Value(key)
}

// Falls if: contexts are compared, which panics.
func TestContextsThatCannotBeCompared(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "users")
		ctx := bag{t.Context(), map[string]any{"user": 7}}
		must(t, rename(s.writer.db.WithContext(ctx), 1, "x"))
		s.fresh(t, "users")
		must(t, s.writer.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return rename(tx, 1, "y") }))
		s.fresh(t, "users")
	})
}
