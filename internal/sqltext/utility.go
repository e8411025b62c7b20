package sqltext

// A utility is a statement that is neither a query nor a write of rows. Three independent questions are answered for it.
//
// A change of the catalog drops the whole namespace, since all processes read the catalog again when the namespace's epoch
// changes. So a new index, or a temporary table that may hide another table, drops more than it must; both are rare in
// running programs.
type utility struct {
	word string // the first of the statement
	// ends: the dialects in which it ends the transaction that it runs in, or is not undone by a ROLLBACK.
	ends places
	// catalog: whether it changes names, columns, keys, triggers, functions or privileges.
	catalog bool
	// answers: whether answers to queries of tables that the text does not name may differ afterwards.
	answers bool
	// read, if set, reads the statement, and answers the questions itself.
	read act
	why  string
}

// places is a set of dialects, one bit each.
type places uint8

const (
	noDialect places = 0
	inSQLite  places = 1 << SQLite
	inMySQL   places = 1 << MySQL
)

func (s places) has(d Dialect) bool { return s&(1<<d) != 0 || d == Unknown && s != noDialect }

const (
	no  = false
	yes = true
)

var utilities = []utility{
	// word        ends      catalog answers
	{"alter", inMySQL, yes, no, routine, ""},
	{"analyse", inMySQL, no, no, analyze, ""},
	{"analyze", inMySQL, no, no, analyze, "statistics; but MariaDB's ANALYZE SELECT is an EXPLAIN"},
	{"attach", inSQLite, yes, no, nil, "changes what names stand for, and no ROLLBACK takes it back"},
	{"cache", inMySQL, no, no, nil, "CACHE INDEX: where MyISAM keeps it"},
	{"check", inMySQL, no, no, nil, "CHECK TABLE: looks for damage"},
	{"checkpoint", noDialect, no, no, nil, ""},
	{"close", noDialect, no, no, nil, "a cursor"},
	{"cluster", noDialect, no, no, nil, "the same rows in another place; an order that nobody asked for is nobody's"},
	{"comment", noDialect, no, no, nil, "COMMENT ON: nothing is read of it"},
	{"create", inMySQL, yes, no, routine, "an INDEX too, by which rows may be told apart, and a TEMPORARY TABLE, which may hide another"},
	{"deallocate", noDialect, no, no, nil, ""},
	{"detach", inSQLite, yes, no, nil, "as ATTACH"},
	{"discard", noDialect, no, no, nil, "what the session has"},
	{"drop", inMySQL, yes, no, nil, ""},
	{"flush", inMySQL, no, no, nil, "FLUSH TABLES: closes and locks them"},
	{"grant", inMySQL, yes, no, nil, "shows MySQL's catalog to others, and rows by policies of PostgreSQL"},
	{"import", inMySQL, yes, no, nil, ""},
	{"install", inMySQL, yes, no, nil, "brings functions"},
	{"kill", noDialect, no, no, nil, "of the transaction that is killed nothing is committed"},
	{"listen", noDialect, no, no, nil, ""},
	{"load", inMySQL, no, no, load, "LOAD DATA is an INSERT, and commits nothing; LOAD INDEX INTO CACHE does"},
	{"lock", inMySQL, no, no, nil, "LOCK TABLES commits, LOCK TABLE of PostgreSQL does not"},
	{"notify", noDialect, no, no, nil, ""},
	{"optimize", inMySQL, no, no, nil, "the same rows, written anew"},
	{"reassign", noDialect, yes, no, nil, "owners bypass policies"},
	{"refresh", noDialect, no, no, refresh, "answers of its view"},
	{"reindex", noDialect, no, yes, nil, "rows show that a damaged index has hidden"},
	{"rename", inMySQL, yes, no, nil, ""},
	{"repair", inMySQL, no, yes, nil, "a damaged table may lose rows"},
	{"reset", inMySQL, no, no, nil, "RESET MASTER; of PostgreSQL a setting of the session"},
	{"revoke", inMySQL, yes, no, nil, "as GRANT"},
	{"security", noDialect, yes, no, nil, "SECURITY LABEL"},
	{"set", inMySQL, no, no, set, "of settings of the session; SET PASSWORD, SET ROLE and autocommit end the transaction"},
	{"truncate", inMySQL, no, no, truncate, "answers of its tables"},
	{"uninstall", inMySQL, yes, no, nil, ""},
	{"unlisten", noDialect, no, no, nil, ""},
	{"unlock", inMySQL, no, no, nil, ""},
	{"use", noDialect, no, no, nil, "which schema names stand for: the session's"},
	{"vacuum", noDialect, no, no, vacuum, "SQLite's may number rows anew"},
}

// act is how the statement is read.
func (u *utility) act() act {
	if u.read != nil {
		return u.read
	}
	verb := Session
	switch {
	case u.catalog:
		verb = DDL
	case u.answers:
		verb = Other
	}
	return func(p *parser) Verb {
		p.info.Transaction = p.info.Transaction || u.ends.has(p.d)
		return p.rest(verb)
	}
}
