package observe

// Cause is why everything in the namespace was dropped. It is one of a small set of constants, fit for a
// metric's label.
type Cause string

const (
	// ByHand: invalidate.All was called.
	ByHand Cause = "by_hand"
	// SchemaChange: a statement was DDL, after which all processes read the database's catalog again.
	SchemaChange Cause = "ddl"
	// UnknownStatement: a statement may write, and its text does not show which tables.
	UnknownStatement Cause = "unknown_statement"
	// UnknownTrigger: the text of a trigger does not show what it changes, and Config.Triggers does not declare it.
	UnknownTrigger Cause = "unknown_trigger"
	// UnknownFunction: a statement called a function whose text does not show what it changes.
	UnknownFunction Cause = "unknown_function"
	// NoCatalog: the database's catalog, which shows what triggers and cascades change, could not be read.
	NoCatalog Cause = "no_catalog"
	// PlainTransaction: a transaction was begun or ended by a text such as db.Exec("BEGIN").
	PlainTransaction Cause = "plain_transaction"
	// Overflow: too many invalidations were waiting for the store to be kept separately.
	Overflow Cause = "overflow"
	// SchemaUnverified: while the store could not be asked, another process may have changed the schema.
	SchemaUnverified Cause = "schema_unverified"
)

// Remedy returns what to do so that less is dropped, "" if nothing needs to be done.
func (c Cause) Remedy() string {
	switch c {
	case UnknownStatement:
		return "send the statement in a form whose tables can be told: one statement each, INSERT, UPDATE or DELETE"
	case UnknownTrigger:
		return "declare what the table's triggers change in Config.Triggers"
	case UnknownFunction:
		return "write the tables by statements of their own, or by a function whose text tells them"
	case NoCatalog:
		return "give the database's user the right to read the catalog"
	case PlainTransaction:
		return "begin and end transactions with gorm.DB.Transaction or Begin"
	}
	return ""
}
