// Package relation caches what a query preloads: one entry for each parent and relation.
//
//	db.Clauses(fromcache.Region("default"), relation.Cache("Orders", "default")).Preload("Orders").Find(&users)
//
// It is a scope of its own. [fromcache.Region] caches the query and not what it preloads; [Cache] caches what
// is preloaded and not the query. Together they cache both.
//
// A relation is loaded by a list of parents, which differs from page to page. Its answer is divided: each
// parent's rows are one entry, which all lists share that have that parent, and of a list only the parents that
// have no entry are asked for. Parents without rows are remembered too. A write drops the entries of the parents
// that it touches, the old one and the new one of a child that moves.
//
//	user 1: orders 11, 12     hit
//	user 2: none              hit
//	user 3                    miss   → SELECT … WHERE user_id = 3
//
// Conditions, order and columns of the preload are part of what is cached: two preloads that differ in them do
// not share entries. What can't be divided is one entry with the whole answer, which a write to its tables
// drops:
//
//   - preloads with LIMIT, OFFSET, DISTINCT, GROUP BY, joins, subqueries or columns that are computed;
//   - keys of several columns, or of types that compare in ways of their own;
//   - tables whose writes may change more than they say: partitions, views, rules, a cascade back to itself;
//   - of a relation of many to many, the rows at the far end where their order is not certain: it is by an
//     ORDER BY on their primary key, and on SQLite where no index of several columns or of some rows can sort
//     them. The join table's rows are divided in any case.
package relation
