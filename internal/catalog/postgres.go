package catalog

import "math"

// postgresQuery: temporary tables (relpersistence t) are views to us. A trigger on a partitioned
// table is cloned to its partitions, and a disabled one (tgenabled D) does nothing. Functions of the
// system, such as tsvector_update_trigger, touch the row at hand only; any other language than
// PL/pgSQL yields a body of "". Truncating triggers and constraint triggers are triggers like others.
//
// A policy of row-level security decides by what it reads which rows a query of its table gets. So a
// write to a table that it names counts as one to its own table, and if it names what is no plain
// table, or calls functions of the application's, its own table is a view to us; so is it if the policy goes
// by the time.
//
// The functions of the application are those that neither the system nor an extension has brought along.
// Which expressions call them, pg_depend tells. Operators, casts and the domains of domains are not
// followed to functions.
//
// A trigger that is not AFTER (bits 2 and 64 of tgtype) may change the row, or leave it out.
const postgresQuery = `
WITH ns AS (
	SELECT oid FROM pg_catalog.pg_namespace
	WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\_toast%'
), rel AS (
	SELECT c.oid, c.relname, c.relkind, c.relpersistence
	FROM pg_catalog.pg_class c
	WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relnamespace IN (SELECT oid FROM ns)
), policy AS (
	SELECT DISTINCT o.polrelid, d.refclassid, d.refobjid
	FROM pg_catalog.pg_policy o
	JOIN pg_catalog.pg_class c ON c.oid = o.polrelid AND c.relrowsecurity
	JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_policy'::regclass AND d.objid = o.oid
	WHERE d.refobjid <> o.polrelid
), mine AS (
	SELECT f.oid, f.proname, f.provolatile, f.prosrc, l.lanname
	FROM pg_catalog.pg_proc f
	JOIN pg_catalog.pg_language l ON l.oid = f.prolang
	WHERE f.pronamespace IN (SELECT oid FROM ns) AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_depend d
		WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')
), calls AS (
	SELECT DISTINCT d.classid, d.objid, m.oid, m.proname
	FROM pg_catalog.pg_depend d
	JOIN mine m ON m.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_proc'::regclass
), domain AS (
	SELECT c.objid, c.proname FROM calls c WHERE c.classid = 'pg_catalog.pg_type'::regclass
	UNION ALL
	SELECT k.contypid, c.proname
	FROM calls c
	JOIN pg_catalog.pg_constraint k ON c.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = c.objid AND k.contypid <> 0
), hidden AS (
	SELECT polrelid FROM policy
	WHERE refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
		OR refclassid = 'pg_catalog.pg_class'::regclass
			AND refobjid NOT IN (SELECT oid FROM rel WHERE relkind IN ('r', 'p') AND relpersistence <> 't')
)
SELECT CASE WHEN relkind IN ('r', 'p') AND relpersistence <> 't' AND oid NOT IN (SELECT polrelid FROM hidden)
		THEN 'table' ELSE 'view' END,
	relname::text,
	CASE WHEN relpersistence = 't' THEN 'temporary' WHEN relkind = 'm' THEN 'materialized' WHEN relkind = 'f' THEN 'foreign'
		WHEN relkind = 'S' THEN 'sequence' WHEN relkind IN ('r', 'p') AND oid IN (SELECT polrelid FROM hidden) THEN 'policy'
		ELSE '' END,
	CASE WHEN relkind = 'v' THEN coalesce(pg_catalog.pg_get_viewdef(oid), 'hidden') ELSE '' END
FROM rel
UNION ALL
SELECT 'cascade', p.relname::text, c.relname::text, ''
FROM pg_catalog.pg_constraint k
JOIN rel p ON p.oid = k.confrelid
JOIN rel c ON c.oid = k.conrelid
WHERE k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
UNION ALL
SELECT 'refers', p.relname::text, c.relname::text, ''
FROM pg_catalog.pg_constraint k
JOIN rel p ON p.oid = k.confrelid
JOIN rel c ON c.oid = k.conrelid
WHERE k.contype = 'f'
UNION ALL
SELECT 'policy', c.relname::text, o.polname::text, coalesce(pg_catalog.pg_get_expr(o.polqual, o.polrelid), '')
FROM pg_catalog.pg_policy o
JOIN rel r ON r.oid = o.polrelid
JOIN pg_catalog.pg_class c ON c.oid = o.polrelid AND c.relrowsecurity
UNION ALL
SELECT 'cascade', p.relname::text, c.relname::text, ''
FROM policy k
JOIN rel p ON p.oid = k.refobjid AND k.refclassid = 'pg_catalog.pg_class'::regclass
JOIN rel c ON c.oid = k.polrelid
UNION ALL
SELECT 'child', p.relname::text, c.relname::text, ''
FROM pg_catalog.pg_inherits i
JOIN rel p ON p.oid = i.inhparent
JOIN rel c ON c.oid = i.inhrelid
UNION ALL
SELECT 'trigger', r.relname::text, t.tgname::text, CASE WHEN l.lanname = 'plpgsql' THEN f.prosrc ELSE '' END
FROM pg_catalog.pg_trigger t
JOIN rel r ON r.oid = t.tgrelid
JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
JOIN pg_catalog.pg_language l ON l.oid = f.prolang
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
	AND f.pronamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT 'rule', r.relname::text, w.rulename::text, ''
FROM pg_catalog.pg_rewrite w
JOIN rel r ON r.oid = w.ev_class
WHERE w.ev_type <> '1'
UNION ALL
SELECT 'indirect', r.relname::text, t.tgname::text, ''
FROM pg_catalog.pg_trigger t
JOIN rel r ON r.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 66 <> 0
UNION ALL
SELECT 'indirect', r.relname::text, 'odd', ''
FROM rel r
JOIN pg_catalog.pg_class c ON c.oid = r.oid
LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
WHERE r.relkind = 'p' OR r.relkind = 'r' AND coalesce(m.amname, 'heap') <> 'heap'
UNION ALL
SELECT CASE WHEN lanname = 'sql' AND prosrc = '' THEN 'atomic' ELSE 'routine' END, proname::text,
	CASE WHEN provolatile = 'v' THEN '' ELSE 'stable' END,
	CASE WHEN lanname = 'sql' AND prosrc = '' THEN pg_catalog.pg_get_functiondef(oid)
		WHEN lanname IN ('sql', 'plpgsql') THEN prosrc ELSE '' END
FROM mine
UNION ALL
SELECT 'uses', f.proname::text, c.proname::text, ''
FROM calls c
JOIN pg_catalog.pg_proc f ON c.classid = 'pg_catalog.pg_proc'::regclass AND f.oid = c.objid
UNION ALL
SELECT 'calls', r.relname::text, u.proname::text, ''
FROM (
	SELECT a.adrelid AS rel, c.proname
	FROM calls c JOIN pg_catalog.pg_attrdef a ON c.classid = 'pg_catalog.pg_attrdef'::regclass AND a.oid = c.objid
	UNION ALL
	SELECT k.conrelid, c.proname
	FROM calls c JOIN pg_catalog.pg_constraint k ON c.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = c.objid
	UNION ALL
	SELECT i.indrelid, c.proname
	FROM calls c JOIN pg_catalog.pg_index i ON c.classid = 'pg_catalog.pg_class'::regclass AND i.indexrelid = c.objid
	UNION ALL
	SELECT c.objid, c.proname FROM calls c WHERE c.classid = 'pg_catalog.pg_class'::regclass
	UNION ALL
	SELECT t.tgrelid, c.proname
	FROM calls c JOIN pg_catalog.pg_trigger t ON c.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = c.objid
	WHERE t.tgfoid <> c.oid AND t.tgenabled <> 'D'
	UNION ALL
	SELECT d.objid, o.proname
	FROM domain o
	JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid = o.objid
		AND d.classid = 'pg_catalog.pg_class'::regclass
	UNION ALL
	SELECT w.ev_class, c.proname
	FROM calls c JOIN pg_catalog.pg_rewrite w ON c.classid = 'pg_catalog.pg_rewrite'::regclass AND w.oid = c.objid
	UNION ALL
	SELECT o.polrelid, c.proname
	FROM calls c JOIN pg_catalog.pg_policy o ON c.classid = 'pg_catalog.pg_policy'::regclass AND o.oid = c.objid
) u
JOIN rel r ON r.oid = u.rel`

// postgresColumns: what older versions lack, such as nondeterministic collations and generated columns, is
// asked for by way of JSON. The type's name is empty unless it is one of the system's own: a domain has
// checks and defaults that are not followed here, and citext a comparison of its own.
const postgresColumns = `
SELECT n.nspname::text, c.relname::text, a.attname::text,
	CASE WHEN t.typtype = 'b' AND t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text ELSE '' END,
	CASE WHEN coalesce(pg_catalog.to_jsonb(l) ->> 'collisdeterministic', 'true') = 'true' THEN '' ELSE l.collname::text END,
	CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END,
	coalesce(pg_catalog.array_position(k.conkey, a.attnum), 0),
	a.attnotnull, a.atthasdef OR a.attidentity <> '', coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') <> ''
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
	AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'`

// postgresType reads a type's name in pg_catalog. The detail is a collation that is not deterministic: all
// others find only equal bytes equal.
func postgresType(c *Column, r *columnRow) {
	switch r.typ {
	case "int2":
		c.Kind, c.lowest, c.highest = Integer, math.MinInt16, math.MaxInt16
	case "int4":
		c.Kind, c.lowest, c.highest = Integer, math.MinInt32, math.MaxInt32
	case "int8":
		c.Kind, c.lowest, c.highest = Integer, math.MinInt64, math.MaxInt64
	case "text", "varchar", "bpchar":
		if r.detail == "" {
			c.Kind, c.length, c.padded = Text, r.length, r.typ == "bpchar"
		}
	case "uuid":
		c.Kind = UUID
	}
}
