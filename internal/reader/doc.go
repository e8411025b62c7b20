// Package reader answers statements from the cache: statement → plan → one entry or more → rows.
//
//	GORM's callback   Query, Row           reader.go
//	scope             its own, or that of a policy: policed.go, policies.go
//	request           query.divide or query.whole (query.go, parts.go): keys (key.go) and tags
//	                  by what planner.go finds out of the text: plan.go, parting.go
//	read              engine.Region.Read
//	rows              parsed, or joined from parts; internal/replay puts them where GORM wants them
//
// What is stored are the values as the driver gave them, by column. So one entry serves every destination that the
// same SQL is scanned into, and a hit gives what the database would give. A query that must not or cannot be answered
// from the cache is answered by the database: reasons.go has the words for why.
package reader
