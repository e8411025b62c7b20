package observe

// Cause says why everything in the namespace was dropped. It is one of a small set of constants, fit for a
// metric's label.
type Cause string

const (
	// ByHand: invalidate.All was called.
	ByHand Cause = "by_hand"
	// SchemaChange: a statement was DDL, after which all processes read the database's catalog anew.
	SchemaChange Cause = "ddl"
	// UnknownStatement: a statement may write, and its text does not tell which tables.
	UnknownStatement Cause = "unknown_statement"
	// UnknownTrigger: what a trigger changes can't be read from its text, and is not declared in Config.Triggers.
	UnknownTrigger Cause = "unknown_trigger"
	// UnknownFunction: what a function changes that a statement called can't be read from its text.
	UnknownFunction Cause = "unknown_function"
	// NoCatalog: the database's catalog could not be read, which tells what triggers and cascades change.
	NoCatalog Cause = "no_catalog"
	// PlainTransaction: a transaction was begun or ended by a text such as db.Exec("BEGIN").
	PlainTransaction Cause = "plain_transaction"
	// Overflow: more invalidations were waiting for the store than are told apart.
	Overflow Cause = "overflow"
	// SchemaUnverified: while the store could not be asked, another process may have changed the schema.
	SchemaUnverified Cause = "schema_unverified"
)

// Remedy is what to do to have less dropped, "" where that is as it should be.
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
