// Package fromcache holds the words by which a query is read through the cache, and the policies that say so of a
// model.
//
//	db.Clauses(fromcache.Region("default", fromcache.TTL(time.Minute))).Where("age > ?", 18).Find(&users)
//	db.Scopes(fromcache.Scope("default")).First(&user, 5)
//	gorm.G[User](db, fromcache.Region("default")).Where("age > ?", 18).Find(ctx)
//
// The scope covers the query it is given to, in all its forms: Find, First, Take, Last, Count, Pluck,
// Scan, Rows, Row, Raw, Joins, FindInBatches, FirstOrCreate's read, Association().Find. It does not
// cover what the query preloads. On creates, updates and deletes it has no meaning.
//
// What is stored are the values as the driver gave them, by column. So one entry serves every
// destination that the same SQL is scanned into, and a hit gives what the database would give: each
// column, whatever the struct's tags say; NULLs; times in their zone; types that scan themselves;
// hooks run as usual.
//
// A query that must not or cannot be answered from the cache is answered by the database, silently:
// Stats and Hooks say why (see the observe package).
//
// With [InRequest] equal reads of one request are answered once, from the answer of the first.
package fromcache
