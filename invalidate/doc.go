// Package invalidate drops cached data by hand: for writes that GORM does not see. Writes through a *gorm.DB that the
// plugin is registered on invalidate by themselves, when their transaction commits.
//
//	err := invalidate.Tables(ctx, db, "users")      // another program has written to users
//	err = invalidate.Model(ctx, db, &User{})        // the same, by the model
//	err = invalidate.Relation(ctx, db, &user, "Orders")
//	err = invalidate.Region(ctx, db, "reports")     // all entries of a region
//	err = invalidate.Region(ctx, db, "reports", invalidate.Soft()) // the same, served while they are reloaded
//	err = invalidate.Tags(ctx, db, "price list")    // what was stored with fromcache.Tags
//	err = invalidate.All(ctx, db)                   // everything in the namespace
//
// All functions drop in all processes that share the store, and may be called by several goroutines at once. Within a
// transaction of db they take effect when that commits. An error says that the store could not be told; the
// invalidation is queued and retried then, and this process bypasses what it concerns until it lands.
package invalidate
