// Package preload gives the queries of GORM's preloads, associations and join tables the scopes that package relation
// has put on the query that sends them.
package preload
