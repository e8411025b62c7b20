package invalidate

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/writer"
)

// Tables drops what depends on the tables: for writes that were made outside GORM. Name them without quotes, and with
// them what their triggers and cascades have changed: unlike for a statement, the catalog is not asked for these.
// A name that the database has not is no error, since another database may have the table, or a migration have dropped
// it just now: what depends on it is dropped, and a warning says so, once.
func Tables(ctx context.Context, db *gorm.DB, tables ...string) error {
	return writer.Tables(ctx, db, tables...)
}

// Model drops what depends on the tables of the models: values, pointers or slices of them, as in gorm.DB.Model. It
// works as [Tables].
func Model(ctx context.Context, db *gorm.DB, models ...any) error {
	return writer.Model(ctx, db, models...)
}

// Relation drops what a model has in a relation: a pointer to the model, or a slice of them, as read from the
// database. name is that of a field, "Orders", or of one in an embedded struct, "Home.City". Dropped are the
// relation's entries of these models, and queries that depend on the whole table; what other models have in the
// relation, and rows read by their own keys, stay cached: for these there is [Model]. Of a relation of many to many
// it is the rows of the join table, not those at the far end. It works as [Tables].
func Relation(ctx context.Context, db *gorm.DB, model any, name string) error {
	return writer.Relation(ctx, db, model, name)
}

// Region drops all entries of the regions. It works as [Tables].
//
//	err := invalidate.Region(ctx, db, "reports", "prices")
//	err = invalidate.Region(ctx, db, "reports", invalidate.Soft())
//
// With [Soft] or [Grace] among the names, what the regions hold becomes old and is not dropped: in all processes, for all
// queries, relations and values of the regions. Entries that a write drops stay dropped.
func Region(ctx context.Context, db *gorm.DB, regions ...string) error {
	return writer.Region(ctx, db, regions...)
}

// Soft, among the names given to [Region], lets what the regions hold be served as stale while one caller reloads it. The
// regions must have a StaleWhileRevalidate, which bounds how long an entry is served so; of one that is older nothing is
// left to be served. Entries of relations, which are parts of an answer, are reloaded before they are served.
func Soft() string { return writer.Soft }

// Grace, among the names given to [Region], lets what the regions hold be reloaded before it is served; where that fails,
// the old value stays, if there is one, and is served as stale. The regions must have a StaleIfError, which bounds how
// long an entry is kept.
func Grace() string { return writer.Grace }

// Tags drops what was stored with one of the user's own tags. It works as [Tables].
func Tags(ctx context.Context, db *gorm.DB, tags ...string) error {
	return writer.Tags(ctx, db, tags...)
}

// All drops everything in the plugin's namespace. It works as [Tables].
func All(ctx context.Context, db *gorm.DB) error { return writer.All(ctx, db) }

// SQLTx returns the *sql.Tx in which the handle runs its statements, for libraries that want one, such as job queues
// and outboxes. tx.Statement.ConnPool is no *sql.Tx with the plugin, nor with PrepareStmt. ok is false outside a
// transaction, and where the application's own pool begins transactions of another type.
//
//	err := db.Transaction(func(tx *gorm.DB) error {
//		…
//		sqlTx, ok := invalidate.SQLTx(tx)
//		if !ok {
//			return errors.New("not in a transaction")
//		}
//		_, err := river.InsertTx(ctx, sqlTx, args, nil)
//		return err
//	})
//
// What runs on it is not seen. Name the tables that it writes to by [Tables], with tx as the handle, if they are
// cached. Leave Commit and Rollback to GORM: after a commit on it others read what is old until GORM ends the
// transaction, and if GORM never does, for as long as the TTL. Afterwards no query takes its answer from the cache in
// this transaction, nor stores one.
func SQLTx(tx *gorm.DB) (_ *sql.Tx, ok bool) { return writer.SQLTx(tx) }
