package observe

// Outcome is how a cached read ended. There are no others.
type Outcome uint8

const (
	// Hit was answered from the cache.
	Hit Outcome = iota + 1
	// Miss was answered by the database, and the answer was offered to the cache.
	Miss
	// Stale was answered from an entry past its TTL whose data nobody has changed since.
	Stale
	// Bypass was answered by the database with the cache left alone; a [Reason] says why.
	Bypass
)

// String returns the outcome in lower case.
func (o Outcome) String() string {
	switch o {
	case Hit:
		return "hit"
	case Miss:
		return "miss"
	case Stale:
		return "stale"
	case Bypass:
		return "bypass"
	}
	return "unknown"
}

// Reason says why a read was bypassed. It is one of a small set of constants, fit for a metric's
// label; the detail (a function's name, a table's) stands beside it in [Read].
type Reason string

const (
	// Asked: the query said so (fromcache.Bypass).
	Asked Reason = "asked"
	// Policy: the query is one by policy, and reads a table whose policy is Off.
	Policy Reason = "policy"
	// Transaction: the query runs inside a transaction.
	Transaction Reason = "transaction"
	// Locking: FOR UPDATE, FOR SHARE and the like must lock rows.
	Locking Reason = "locking"
	// DryRun: the query is only being printed (DryRun, ToSQL) or is part of another.
	DryRun Reason = "dry_run"
	// Volatile: the SQL gives another answer each time (now(), random(), …).
	Volatile Reason = "volatile"
	// Tables: the tables that the query reads can't be told, or a view is not declared.
	Tables Reason = "tables"
	// NotSelect: the statement is not a plain SELECT.
	NotSelect Reason = "not_select"
	// Argument: an argument can't be made part of a key, or the arguments are too large.
	Argument Reason = "argument"
	// TooLarge: the result exceeds MaxRows or MaxBytes.
	TooLarge Reason = "too_large"
	// Unencodable: the result holds a value that the row format can't carry.
	Unencodable Reason = "unencodable"
	// Primary: the query asked for the primary (dbresolver.Write).
	Primary Reason = "primary"
	// Replaced: another plugin put a callback of its own in the place of GORM's before this one was registered,
	// and what that makes of queries and answers is not known.
	Replaced Reason = "replaced"
	// Marked: a writer is just committing to something the query depends on.
	Marked Reason = "marked"
	// Pending: an invalidation of this process has not reached the store yet.
	Pending Reason = "pending"
	// StoreError: the store failed or was too slow.
	StoreError Reason = "store_error"
	// Catalog: the database's catalog, which tells tables from views, can't be read.
	Catalog Reason = "catalog"
	// Closed: Plugin.Close was called.
	Closed Reason = "closed"
)
