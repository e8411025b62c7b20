package sqltext

// Dialect says by which rules a text is read.
type Dialect uint8

// The dialects. Unknown is the most careful reading: a text counts as understood only if all the
// others agree on it.
const (
	Unknown Dialect = iota
	SQLite
	Postgres
	MySQL
)

// DialectOf is the dialect of a GORM dialector, by its name.
func DialectOf(gormName string) Dialect {
	switch gormName {
	case "sqlite":
		return SQLite
	case "postgres":
		return Postgres
	case "mysql":
		return MySQL
	}
	return Unknown
}

// String is the dialect's name as GORM has it.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "sqlite"
	case Postgres:
		return "postgres"
	case MySQL:
		return "mysql"
	}
	return "unknown"
}

// Verb is what a statement does.
type Verb uint8

// The verbs. Other is the zero value, so that whoever forgets to ask is careful.
const (
	Other      Verb = iota // anything else: CALL, DO, EXECUTE, …: it may write any table
	Select                 // also VALUES, TABLE and COPY … TO, which are opaque
	Insert                 // also REPLACE, LOAD DATA and COPY … FROM
	Update                 // also MERGE and REFRESH MATERIALIZED VIEW
	Delete                 // also TRUNCATE
	DDL                    // CREATE, ALTER, DROP, GRANT, …, and SELECT … INTO of PostgreSQL
	Begin                  // also START TRANSACTION
	Commit                 // also END
	Rollback               // also ABORT
	Savepoint              // SAVEPOINT x
	RollbackTo             // ROLLBACK TO x
	Release                // RELEASE x
	Session                // SET, USE, RESET, LOCK, ANALYZE t, …: changes no rows
	Inspect                // SHOW, DESCRIBE, EXPLAIN that does not execute, PRAGMA that only reads
)

var verbNames = [...]string{"other", "select", "insert", "update", "delete", "ddl", "begin", "commit",
	"rollback", "savepoint", "rollback to", "release", "session", "inspect"}

// String is the verb in lower case.
func (v Verb) String() string {
	if int(v) < len(verbNames) {
		return verbNames[v]
	}
	return "other"
}

// Info is what a text touches. It is shared between callers: don't change it.
type Info struct {
	// Verb is that of the first statement. It is Other if of any statement the tables written can't
	// be told: then Writes is not complete, and everything may have changed.
	Verb Verb
	// Statements counts them; they are separated by ';', and an empty one does not count.
	Statements int
	// Reads are the tables read, in canonical form (store.TableName), sorted, each once. Names of
	// common table expressions and derived tables are left out; so is the target of a write
	// that names but one table, unless it is read elsewhere too; the tables that MySQL lists behind UPDATE are read.
	Reads []string
	// Writes are the tables written, in the same form: the targets of data-modifying common table
	// expressions too. Of several tables that an UPDATE or DELETE of MySQL joins, these are the ones that it
	// sets columns of, or deletes from; all of them where the text does not tell.
	Writes []string
	// Maybe are those of Writes that are written only if one of the columns Loose, which an UPDATE of joined tables
	// sets without saying of which, is theirs. Each of Loose is a column of one of Writes.
	Maybe, Loose []string
	// Volatile is empty, or the function or keyword that makes two runs differ.
	Volatile string
	// Locking is set if rows are locked: FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
	Locking bool
	// Opaque is empty, or why the tables read can't be told.
	Opaque string
	// Calls are the functions called that are not known to be pure, lower case, qualified as in the
	// text, sorted, each once. Such a function may read and write tables: a SELECT that calls one is
	// opaque, yet not a Write, for most are harmless and only the database's catalog can tell.
	Calls []string
	// DDL is set if a statement changes the database's catalog.
	DDL bool
	// Cascades is set if the tables that refer to Writes by foreign keys are emptied with them, whatever else these
	// keys say: TRUNCATE … CASCADE.
	Cascades bool
	// Write is set if a statement may write a table; DDL and Other do.
	Write bool
	// Transaction is set if a statement begins or ends a transaction or a savepoint, or may do so
	// unasked: MySQL commits before DDL, TRUNCATE, LOCK TABLES, ANALYZE TABLE and the like. It matters where
	// Verb does not say so already.
	Transaction bool
	// Savepoint is the name in SAVEPOINT, ROLLBACK TO and RELEASE, without quotes, folded to lower
	// case where the database folds it. With several statements it is that of the first.
	Savepoint string
	// Ends is set if a statement ends a transaction that was under way before the text, and Inside that one goes on
	// behind the text that it has begun.
	Ends, Inside bool
	// Saves is set if of several statements some are about savepoints.
	Saves bool
	// Narrow is what the text tells of the rows touched; nil unless it is one statement on one plain table.
	Narrow *Narrow
	// Wide is why Narrow is nil, in words; "" if it is not.
	Wide string
}
