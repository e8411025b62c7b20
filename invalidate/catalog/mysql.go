package catalog

// mysqlQuery: a system-versioned table is plain, for its current rows are; tables whose rows live
// elsewhere (MERGE, FEDERATED, CONNECT, SPIDER) are not, and a write to them reaches no one knows
// what. The query of a view is empty for who may not see it, and the body of
// a function NULL. Defaults, generated columns and CHECKs can't call functions of the application's.
const mysqlQuery = `
SELECT IF(table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND coalesce(engine, '') NOT IN
		('MRG_MYISAM', 'MRG_MyISAM', 'FEDERATED', 'CONNECT', 'SPIDER', 'S3', 'SPHINX', 'OQGRAPH', 'BLACKHOLE'),
		'table', 'view') AS kind,
	table_name AS name, '' AS other, '' AS text
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
SELECT 'trigger', event_object_table, trigger_name, coalesce(action_statement, '')
FROM information_schema.triggers
WHERE trigger_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
UNION ALL
SELECT IF(routine_type LIKE 'PACKAGE%', 'package', 'routine'), routine_name, '',
	IF(routine_body = 'SQL', coalesce(routine_definition, ''), '')
FROM information_schema.routines
WHERE routine_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')`
