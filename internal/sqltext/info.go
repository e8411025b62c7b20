package sqltext

// Dialect is the set of rules by which a text is read.
type Dialect uint8

// The dialects. Unknown is the most careful reading: a text counts as understood only if all other dialects agree on it.
const (
	Unknown Dialect = iota
	SQLite
	Postgres
	MySQL
)

// DialectOf returns the dialect of a GORM dialector, by its name.
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

// String returns the name of the dialect in GORM.
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

// The verbs. Other is the zero value, so that forgetting to set a verb is safe.
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

// Info is what a text touches. It is shared between callers, and must not be modified.
type Info struct {
	// Verb is the verb of the first statement. It is Other if the tables written by any of the statements are unknown:
	// then Writes is incomplete, and everything may have changed.
	Verb Verb
	// Statements is the number of statements, separated by ';', without empty ones.
	Statements int
	// Reads are the tables read, in canonical form (store.TableName), sorted, each once. Names of
	// common table expressions and derived tables are left out. The target of a write that names only one table is left
	// out too, unless the statement reads it elsewhere. The tables that MySQL lists after UPDATE are read.
	Reads []string
	// Writes are the tables written, in the same form, including the targets of data-modifying common table expressions.
	// Of the tables that an UPDATE or DELETE of MySQL joins, these are the tables whose columns it sets, or from which it
	// deletes; all joined tables if the text does not show which.
	Writes []string
	// Loose are the columns that an UPDATE of joined tables sets without a qualifier. Each is a column of one of Writes.
	// Maybe are the tables of Writes that are written only if one of Loose is a column of theirs.
	Maybe, Loose []string
	// Volatile is empty, or the function or keyword that makes two runs differ.
	Volatile string
	// Locking is set if rows are locked: FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
	Locking bool
	// Opaque is empty, or the reason why the tables read are unknown.
	Opaque string
	// Calls are the functions called that are not known to be pure, lower case, qualified as in the
	// text, sorted, each once. Such a function may read and write tables. A SELECT that calls one is
	// opaque, but not a Write: most such functions write nothing, and only the database's catalog knows.
	Calls []string
	// DDL is set if a statement changes the database's catalog.
	DDL bool
	// Cascades is set if the tables that refer to Writes by foreign keys are emptied too, whatever the delete rules of
	// these keys: TRUNCATE … CASCADE.
	Cascades bool
	// Write is set if a statement may write a table. It is set for DDL and Other.
	Write bool
	// Transaction is set if a statement begins or ends a transaction or a savepoint, or may do so
	// implicitly: MySQL commits before DDL, TRUNCATE, LOCK TABLES, ANALYZE TABLE and the like. Verb may not show that.
	Transaction bool
	// Savepoint is the name in SAVEPOINT, ROLLBACK TO and RELEASE, without quotes, in lower case if the database folds it.
	// With several statements it is the name in the first.
	Savepoint string
	// Ends is set if a statement ends a transaction that was under way before the text. Inside is set if a transaction that
	// the text has begun is still under way after it.
	Ends, Inside bool
	// Saves is set if there are several statements, some of them about savepoints.
	Saves bool
	// Narrow is what the text shows about the rows touched; nil unless it is one statement on one plain table.
	Narrow *Narrow
	// Wide is the reason why Narrow is nil, in words.
	Wide string
}
