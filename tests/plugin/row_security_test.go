package plugin_test

import (
	"testing"
)

// A policy of row-level security reads other tables, so a table's answer changes when they do, though
// no query of it names them. Were that missed, whoever lost a right would go on seeing the rows.
func TestPoliciesReadTables(t *testing.T) {
	for name, c := range map[string]struct {
		policy []string
		cached bool
	}{
		"a table": {[]string{
			"CREATE POLICY p ON orders USING (EXISTS (SELECT 1 FROM users u WHERE u.id = user_id AND u.age < 100))",
		}, true},
		"a table whose own policy reads another": {[]string{
			"ALTER TABLE islands ENABLE ROW LEVEL SECURITY",
			"CREATE POLICY q ON islands USING (EXISTS (SELECT 1 FROM users u WHERE u.id = 1 AND u.age < 100))",
			"CREATE POLICY p ON orders USING (user_id > 1 OR EXISTS (SELECT 1 FROM islands))",
		}, true},
		"a view": {[]string{
			"CREATE VIEW young AS SELECT id FROM users WHERE age < 100",
			"CREATE POLICY p ON orders USING (EXISTS (SELECT 1 FROM young u WHERE u.id = user_id))",
		}, false},
		"a function": {[]string{
			"CREATE FUNCTION young(bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT age < 100 FROM users WHERE id = $1 $$",
			"CREATE POLICY p ON orders USING (young(user_id))",
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "postgres", "memory")
			asLimited(t, s, append(c.policy, "ALTER TABLE orders ENABLE ROW LEVEL SECURITY"))
			if c.cached {
				warm(t, s.other.db, "orders")
			}
			before, _ := cached(t, s.other.db, "orders")
			must(t, s.writer.db.Model(&User{ID: 1}).Update("age", 200).Error)
			truth := direct(t, s.other.db, "orders")
			if len(truth) >= len(before) {
				t.Fatalf("the policy hides nothing: %d rows before, %d after", len(before), len(truth))
			}
			reading(t, s.other.db, "orders", truth, miss, bypass)
		})
	}
}

// asLimited runs DDL and makes the other process one whose rows are limited by policies.
func asLimited(t *testing.T, s *scene, ddl []string) {
	t.Helper()
	for _, q := range append(ddl, "DROP ROLE IF EXISTS limited", "CREATE ROLE limited", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO limited") {
		must(t, s.writer.db.Exec(q).Error)
	}
	t.Cleanup(func() {
		must(t, s.plain.Exec("DROP OWNED BY limited").Error)
		must(t, s.plain.Exec("DROP ROLE limited").Error)
	})
	pool, err := s.other.db.DB()
	must(t, err)
	pool.SetMaxOpenConns(1)
	must(t, s.other.db.Exec("SET ROLE limited").Error)
}
