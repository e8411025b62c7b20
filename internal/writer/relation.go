package writer

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	gormschema "gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Relation drops what a model has in a relation: a pointer to the model, or a slice of them, as read from the
// database. name is that of a field, "Orders", or of one in an embedded struct, "Home.City". Dropped are the
// relation's entries of these models, and queries that depend on the whole table; what other models have in the
// relation, and rows read by their own keys, stay cached: for these there is [Model]. Of a relation of many to many
// it is the rows of the join table, not those at the far end. It works as [Tables].
func Relation(ctx context.Context, db *gorm.DB, model any, name string) error {
	return byHand(ctx, db, []string{name}, func(w *Writer, name string) ([]string, error) {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			if errors.Is(err, gormschema.ErrUnsupportedDataType) {
				err = gormschema.ErrUnsupportedDataType // GORM's text shows the value, with all that it holds
			}
			return nil, fault.Errorf("invalidate.Relation: %T is not a model: %w", model, err)
		}
		rel, err := relationOf(stmt.Schema, name)
		if err != nil {
			return nil, err
		}
		return relationTags(ctx, w, db, rel, reflect.ValueOf(model)), nil
	})
}

// relationOf finds a relation by its name.
func relationOf(s *gormschema.Schema, name string) (*gormschema.Relationship, error) {
	all, path := &s.Relationships, strings.Split(name, ".")
	for len(path) > 1 && all.EmbeddedRelations[path[0]] != nil {
		all, path = all.EmbeddedRelations[path[0]], path[1:]
	}
	if rel := all.Relations[path[0]]; rel != nil && len(path) == 1 {
		return rel, nil
	}
	var names []string
	for known := range all.Relations {
		if !strings.HasPrefix(known, "_") { // GORM's own
			names = append(names, known)
		}
	}
	slices.Sort(names)
	return nil, fault.Errorf("invalidate.Relation: %w: %s has no relation %q: use one of %q", gorm.ErrUnsupportedRelation, s.Name, name, names)
}

// relationTags are the tags of a relation's rows, as they belong to these models.
func relationTags(ctx context.Context, w *Writer, db *gorm.DB, rel *gormschema.Relationship, models reflect.Value) []string {
	table := rel.FieldSchema.Table
	if rel.JoinTable != nil {
		table = rel.JoinTable.Table
	}
	table = store.TableName(table)
	var key *Key
	column, from := relationKey(rel)
	pool := db.Statement.ConnPool
	s := w.schema.Known(w.pools.Base(pool))
	if s == nil && !w.StateOf(pool).In { // a transaction must not be disturbed
		s = w.loadCatalog(ctx, pool)
	}
	if s != nil && column != "" {
		key = w.Key(schema.ReadingOf(s), table, column)
	}
	if key == nil {
		return schema.TableTags(w.cfg.Namespace, table)
	}
	tags, ok := key.tagsOf(ctx, []string{w.cfg.Namespace.Table(table)}, from, models)
	if !ok {
		return schema.TableTags(w.cfg.Namespace, table)
	}
	return tags
}

// relationKey is the column by which a relation's rows, or those of its join table, refer to a model, and
// the field of the model that has its value; "": there are several.
func relationKey(rel *gormschema.Relationship) (column string, from *gormschema.Field) {
	for _, ref := range rel.References {
		name, field := "", (*gormschema.Field)(nil)
		switch {
		case ref.OwnPrimaryKey:
			name, field = ref.ForeignKey.DBName, ref.PrimaryKey
		case rel.JoinTable == nil && ref.PrimaryValue == "":
			name, field = ref.PrimaryKey.DBName, ref.ForeignKey
		default:
			continue
		}
		if column != "" {
			return "", nil
		}
		column, from = strings.ToLower(name), field
	}
	return column, from
}

// tagsOf appends the tags of the values that models have in a field; ok is false if one can't be compared.
func (k *Key) tagsOf(ctx context.Context, tags []string, from *gormschema.Field, models reflect.Value) (_ []string, ok bool) {
	for models.Kind() == reflect.Pointer || models.Kind() == reflect.Interface {
		models = models.Elem()
	}
	switch models.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range models.Len() {
			if tags, ok = k.tagsOf(ctx, tags, from, models.Index(i)); !ok {
				return nil, false
			}
		}
		return tags, true
	case reflect.Struct:
		value, _ := from.ValueOf(ctx, models)
		text, null, ok := k.Argument(value)
		if ok && !null {
			tags = append(tags, k.Tag(text))
		}
		return tags, ok
	}
	return nil, false
}
