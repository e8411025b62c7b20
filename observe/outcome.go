package observe

// Outcome is how a cached read ended. There are no other outcomes than these.
type Outcome uint8

const (
	// Hit was answered from the cache.
	Hit Outcome = iota + 1
	// Miss was answered by the database, and the answer was offered to the cache.
	Miss
	// Stale was answered from an entry past its TTL whose data has not changed.
	Stale
	// Bypass was answered by the database without using the cache; a [Reason] says why.
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

// Reason is why a read was bypassed. It is one of a small set of constants, fit for a metric's label. [Read] has the detail,
// such as the name of a function or a table.
type Reason string

const (
	// Asked: the query asked for it (fromcache.Bypass).
	Asked Reason = "asked"
	// Policy: a policy sends the query through the cache, but the query reads a table whose policy is Off.
	Policy Reason = "policy"
	// Transaction: the query runs inside a transaction.
	Transaction Reason = "transaction"
	// Locking: FOR UPDATE, FOR SHARE and the like must lock rows.
	Locking Reason = "locking"
	// DryRun: the query is only being printed (DryRun, ToSQL) or is part of another.
	DryRun Reason = "dry_run"
	// Volatile: the SQL gives another answer each time (now(), random(), …).
	Volatile Reason = "volatile"
	// Tables: it is unknown which tables the query reads, or a view is not declared.
	Tables Reason = "tables"
	// NotSelect: the statement is not a plain SELECT.
	NotSelect Reason = "not_select"
	// Argument: an argument cannot be made part of a key, or the arguments are too large.
	Argument Reason = "argument"
	// TooLarge: the result exceeds MaxRows or MaxBytes.
	TooLarge Reason = "too_large"
	// Unencodable: the result contains a value that cannot be encoded.
	Unencodable Reason = "unencodable"
	// Primary: the query asked for the primary (dbresolver.Write).
	Primary Reason = "primary"
	// Replaced: another plugin replaced a callback of GORM before gormcache was registered, and it is unknown what that
	// callback does to queries and answers.
	Replaced Reason = "replaced"
	// Marked: a writer is about to commit to something that the query depends on.
	Marked Reason = "marked"
	// Pending: an invalidation of this process has not reached the store yet.
	Pending Reason = "pending"
	// StoreError: the store failed or was too slow.
	StoreError Reason = "store_error"
	// Catalog: the database's catalog, which distinguishes tables from views, cannot be read.
	Catalog Reason = "catalog"
	// LoadFailed: not a bypass. The load failed, and the old value was served (StaleIfError).
	LoadFailed Reason = "load_failed"
	// LoadSlow: not a bypass. The load took longer than SoftTimeout, and the old value was served.
	LoadSlow Reason = "load_slow"
	// InRequest: not a bypass. A request's own tier gave the answer (fromcache.InRequest).
	InRequest Reason = "in_request"
	// Closed: Plugin.Close was called.
	Closed Reason = "closed"
)
