package catalog

import (
	"math"
	"strings"
)

// mysqlQuery: a system-versioned table is plain, for its current rows are; tables whose rows live
// elsewhere (MERGE, FEDERATED, CONNECT, SPIDER) are not, and a write to them reaches no one knows
// what. The query of a view is empty for who may not see it, and the body of
// a function NULL. Defaults, generated columns and CHECKs can't call functions of the application's.
//
// Writes to a table are direct only where the user is proven to see its triggers and all of its columns,
// by a grant to the account itself and not by a role, and where its rows can be locked: in InnoDB.
const mysqlQuery = `
SELECT IF(table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND coalesce(engine, '') NOT IN
		('MRG_MYISAM', 'MRG_MyISAM', 'FEDERATED', 'CONNECT', 'SPIDER', 'S3', 'SPHINX', 'OQGRAPH', 'BLACKHOLE'),
		'table', 'view') AS kind,
	table_name AS name,
	CASE WHEN table_type LIKE '%TEMPORARY%' THEN 'temporary' WHEN table_type = 'SEQUENCE' THEN 'sequence' ELSE 'foreign' END AS other,
	'' AS text
FROM information_schema.tables
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') AND table_type <> 'VIEW'
UNION ALL
SELECT 'view', table_name, '', coalesce(nullif(view_definition, ''), 'hidden')
FROM information_schema.views
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
UNION ALL
SELECT 'rule', table_name, table_name, ''
FROM information_schema.tables
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
	AND engine IN ('MRG_MYISAM', 'FEDERATED', 'CONNECT', 'SPIDER')
UNION ALL
SELECT 'cascade', referenced_table_name, table_name, ''
FROM information_schema.referential_constraints
WHERE delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR update_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
UNION ALL
SELECT 'refers', referenced_table_name, table_name, ''
FROM information_schema.key_column_usage
WHERE referenced_table_name IS NOT NULL
UNION ALL
SELECT 'trigger', event_object_table, trigger_name, coalesce(action_statement, '')
FROM information_schema.triggers
WHERE trigger_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
UNION ALL
SELECT 'indirect', event_object_table, trigger_name, ''
FROM information_schema.triggers
WHERE trigger_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') AND action_timing <> 'AFTER'
UNION ALL
SELECT 'indirect', t.table_name, 'odd', ''
FROM information_schema.tables t
LEFT JOIN (
	SELECT '%' AS everywhere, NULL AS db, NULL AS tbl, grantee, privilege_type
	FROM information_schema.user_privileges
	UNION ALL
	SELECT table_schema, NULL, NULL, grantee, privilege_type FROM information_schema.schema_privileges
	UNION ALL
	SELECT NULL, table_schema, table_name, grantee, privilege_type FROM information_schema.table_privileges
) p ON p.grantee = concat('''', replace(current_user(), '@', '''@'''), '''') AND p.privilege_type IN ('SELECT', 'TRIGGER')
	AND (t.table_schema LIKE p.everywhere OR t.table_schema = p.db AND t.table_name = p.tbl)
WHERE t.table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
GROUP BY t.table_schema, t.table_name
HAVING min(t.table_type) <> 'BASE TABLE' OR coalesce(min(t.engine), '') <> 'InnoDB'
	OR coalesce(min(t.create_options), '') LIKE '%partitioned%' OR count(DISTINCT p.privilege_type) < 2
UNION ALL
SELECT 'instant', table_name, engine, ''
FROM information_schema.tables
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
	AND engine NOT IN (SELECT engine FROM information_schema.engines WHERE transactions = 'YES')
UNION ALL
SELECT IF(routine_type LIKE 'PACKAGE%', 'package', 'routine'), routine_name, '',
	IF(routine_body = 'SQL', coalesce(routine_definition, ''), '')
FROM information_schema.routines
WHERE routine_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')`

// mysqlColumns: in MariaDB a default of NULL is the word.
const mysqlColumns = `
SELECT table_schema, table_name, column_name, concat(column_type, ' ', extra), coalesce(collation_name, ''),
	coalesce(character_maximum_length, 0), 0, is_nullable = 'NO',
	column_default IS NOT NULL AND NOT (column_default = 'NULL' AND version() LIKE '%MariaDB%'),
	coalesce(generation_expression, '') <> ''
FROM information_schema.columns
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
UNION ALL
SELECT table_schema, table_name, column_name, 'key', '', 0, ordinal_position, 0, 0, 0
FROM information_schema.key_column_usage
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') AND constraint_name = 'PRIMARY'`

// mysqlBits is the size of MySQL's integers.
var mysqlBits = map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}

// mysqlType reads a column_type with its extra: int(11) unsigned auto_increment.
func mysqlType(c *Column, r *columnRow) {
	typ := strings.ToLower(r.typ)
	first := typ[:strings.IndexAny(typ+" ", " (")]
	switch first {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		bits := mysqlBits[first]
		c.Kind = Integer
		if strings.Contains(typ, "unsigned") {
			c.highest = math.MaxUint64 >> (64 - bits)
		} else {
			c.lowest, c.highest = math.MinInt64>>(64-bits), math.MaxInt64>>(64-bits)
		}
		c.counts = strings.Contains(typ, "auto_increment")
		c.Default = c.Default || c.counts
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		if knownCollation(r.detail) && r.length > 0 {
			c.Kind, c.length, c.padded = Text, r.length, first == "char"
		}
	case "uuid":
		c.Kind = UUID
	}
}
