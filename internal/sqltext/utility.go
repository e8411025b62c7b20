package sqltext

// A utility is a statement that is neither a query nor a write of rows. Three questions are asked of it, and each has
// an answer of its own.
//
// What changes the catalog drops the whole namespace, for the namespace's epoch is what tells all processes to read
// the catalog again. So the index that is made, and the temporary table that may hide another, drop more than they
// must; both are rare where programs run, and stay so.
type utility struct {
	word string // the first of the statement
	// ends: where it ends the transaction that it runs in, or is not taken back by a ROLLBACK.
	ends places
	// catalog: it changes what names, columns, keys, triggers, functions or privileges there are.
	catalog bool
	// answers: queries may answer something else afterwards, of tables that its text does not tell.
	answers bool
	// read reads it, where its text has more to tell than that. It answers the questions itself.
	read act
	why  string
}

// places are dialects, by bit.
type places uint8

const (
	nowhere  places = 0
	inSQLite places = 1 << SQLite
	inMySQL  places = 1 << MySQL
)

func (s places) has(d Dialect) bool { return s&(1<<d) != 0 || d == Unknown && s != nowhere }

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
	{"checkpoint", nowhere, no, no, nil, ""},
	{"close", nowhere, no, no, nil, "a cursor"},
	{"cluster", nowhere, no, no, nil, "the same rows in another place; an order that nobody asked for is nobody's"},
	{"comment", nowhere, no, no, nil, "COMMENT ON: nothing is read of it"},
	{"create", inMySQL, yes, no, routine, "an INDEX too, by which rows may be told apart, and a TEMPORARY TABLE, which may hide another"},
	{"deallocate", nowhere, no, no, nil, ""},
	{"detach", inSQLite, yes, no, nil, "as ATTACH"},
	{"discard", nowhere, no, no, nil, "what the session has"},
	{"drop", inMySQL, yes, no, nil, ""},
	{"flush", inMySQL, no, no, nil, "FLUSH TABLES: closes and locks them"},
	{"grant", inMySQL, yes, no, nil, "shows MySQL's catalog to others, and rows by policies of PostgreSQL"},
	{"import", inMySQL, yes, no, nil, ""},
	{"install", inMySQL, yes, no, nil, "brings functions"},
	{"kill", nowhere, no, no, nil, "of the transaction that is killed nothing is committed"},
	{"listen", nowhere, no, no, nil, ""},
	{"load", inMySQL, no, no, load, "LOAD DATA is an INSERT, and commits nothing; LOAD INDEX INTO CACHE does"},
	{"lock", inMySQL, no, no, nil, "LOCK TABLES commits, LOCK TABLE of PostgreSQL does not"},
	{"notify", nowhere, no, no, nil, ""},
	{"optimize", inMySQL, no, no, nil, "the same rows, written anew"},
	{"reassign", nowhere, yes, no, nil, "owners bypass policies"},
	{"refresh", nowhere, no, no, refresh, "answers of its view"},
	{"reindex", nowhere, no, yes, nil, "rows show that a damaged index has hidden"},
	{"rename", inMySQL, yes, no, nil, ""},
	{"repair", inMySQL, no, yes, nil, "a damaged table may lose rows"},
	{"reset", inMySQL, no, no, nil, "RESET MASTER; of PostgreSQL a setting of the session"},
	{"revoke", inMySQL, yes, no, nil, "as GRANT"},
	{"security", nowhere, yes, no, nil, "SECURITY LABEL"},
	{"set", inMySQL, no, no, set, "of settings of the session; SET PASSWORD, SET ROLE and autocommit end the transaction"},
	{"truncate", inMySQL, no, no, truncate, "answers of its tables"},
	{"uninstall", inMySQL, yes, no, nil, ""},
	{"unlisten", nowhere, no, no, nil, ""},
	{"unlock", inMySQL, no, no, nil, ""},
	{"use", nowhere, no, no, nil, "which schema names stand for: the session's"},
	{"vacuum", nowhere, no, no, vacuum, "SQLite's may number rows anew"},
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
