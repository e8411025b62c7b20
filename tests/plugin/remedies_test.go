package plugin_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Every remedy that a message names is followed here, or where the message has a test of its own.

// remedy is something that can't be cached as it is, and what the message about it says.
type remedy struct {
	kind  string
	make  []string
	table string // what is read
	where string
	// says are words of the message; volatile that it is about that, and no declaration helps.
	says     []string
	volatile bool
	// hopeless: the message names no remedy, and there is none. Some of these are the connection's own.
	hopeless bool
	// views is the remedy, or what is declared in vain.
	views map[string][]string
	// change is done through GORM, and gives another answer.
	change []string
	// elsewhere is done behind the plugin's back first; then tell says of which tables invalidate.Tables is told.
	elsewhere string
	tell      []string
}

var remedies = map[string]remedy{
	"a view that calls a function": {
		kind: "postgres", table: "v", says: []string{`"v" is a view`, "function twice", "Config.Views"}, views: map[string][]string{"v": {"things"}},
		make:   []string{"CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a * 2'", "CREATE VIEW v AS SELECT twice(id) AS id FROM things"},
		change: []string{"INSERT INTO things VALUES (3)"},
	},
	"a view over it": {
		kind: "postgres", table: "w", says: []string{`"v" is a view`, "Config.Views"}, views: map[string][]string{"v": {"things"}},
		make: []string{"CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a * 2'", "CREATE VIEW v AS SELECT twice(id) AS id FROM things",
			"CREATE VIEW w AS SELECT * FROM v"},
		change: []string{"INSERT INTO things VALUES (3)"},
	},
	"a materialized view": {
		kind: "postgres", table: "m", says: []string{`"m" is a materialized view`, "REFRESH", "invalidate.Tables"}, views: map[string][]string{"m": {}},
		make: []string{"CREATE MATERIALIZED VIEW m AS SELECT * FROM things"}, change: []string{"INSERT INTO things VALUES (3)", "REFRESH MATERIALIZED VIEW m"},
	},
	"a materialized view that is refreshed elsewhere": {
		kind: "postgres", table: "m", says: []string{`"m" is a materialized view`, "REFRESH", "invalidate.Tables"}, views: map[string][]string{"m": {"things"}},
		make: []string{"CREATE MATERIALIZED VIEW m AS SELECT * FROM things"}, change: []string{"INSERT INTO things VALUES (3)"},
		elsewhere: "REFRESH MATERIALIZED VIEW m", tell: []string{"m"},
	},
	"a view over a materialized one": {
		kind: "postgres", table: "o", says: []string{`"m" is a materialized view`, "REFRESH"}, views: map[string][]string{"m": {}},
		make:   []string{"CREATE MATERIALIZED VIEW m AS SELECT * FROM things", "CREATE UNIQUE INDEX u ON m (id)", "CREATE VIEW o AS SELECT * FROM m"},
		change: []string{"INSERT INTO things VALUES (3)", "REFRESH MATERIALIZED VIEW CONCURRENTLY m"},
	},
	"a view over a materialized one, declared with the tables of both": {
		kind: "postgres", table: "o", says: []string{`"m" is a materialized view`}, views: map[string][]string{"o": {"things"}},
		make:   []string{"CREATE MATERIALIZED VIEW m AS SELECT * FROM things", "CREATE VIEW o AS SELECT * FROM m"},
		change: []string{"INSERT INTO things VALUES (3)", "REFRESH MATERIALIZED VIEW m"},
	},
	"a foreign table": {
		kind: "postgres", table: "f", says: []string{`"f" is a foreign table`, "invalidate.Tables", "TTL"}, views: map[string][]string{"f": {}},
		make: []string{foreign}, elsewhere: "INSERT INTO things VALUES (3)", tell: []string{"f"},
	},
	"a view that calls now()": {
		kind: "postgres", table: "v", volatile: true, says: []string{"now in the definition of", `"v"`}, views: map[string][]string{"v": {"things"}},
		make: []string{"CREATE VIEW v AS SELECT id FROM things WHERE now() > '2020-01-01'"},
	},
	"a view over a view that calls now()": {
		kind: "postgres", table: "w", volatile: true, says: []string{"now in the definition of", `"v"`}, views: map[string][]string{"w": {"things"}, "v": {"things"}},
		make: []string{"CREATE VIEW v AS SELECT id, now() AS at FROM things", "CREATE VIEW w AS SELECT id, at FROM v"},
	},
	"a table with a policy that goes by the time": {
		kind: "postgres", table: "p", volatile: true, says: []string{"now in the definition of", `"p"`}, views: map[string][]string{"p": {"p"}},
		make: []string{"CREATE TABLE p (id int, at timestamptz)", "ALTER TABLE p ENABLE ROW LEVEL SECURITY",
			"CREATE POLICY shown ON p USING (current_setting('server_version') > '1' AND at <= now())"},
	},
	"a temporary table": {
		kind: "postgres", table: "s", hopeless: true, says: []string{`"s" is a temporary table`}, views: map[string][]string{"s": {"s"}}, make: []string{"CREATE TEMP TABLE s (id int)"},
	},
	"a sequence": {
		kind: "postgres", table: "s", hopeless: true, says: []string{`"s" is a sequence`}, views: map[string][]string{"s": {"s"}}, make: []string{"CREATE SEQUENCE s"},
	},
	"a view of MariaDB that calls now()": {
		kind: "mariadb", table: "v", volatile: true, says: []string{"in the definition of", `"v"`}, views: map[string][]string{"v": {"things"}},
		make: []string{"CREATE VIEW v AS SELECT id FROM things WHERE now() > '2020-01-01'"},
	},
	"a view of MariaDB over one that calls uuid()": {
		kind: "mariadb", table: "w", volatile: true, says: []string{"uuid in the definition of", `"v"`}, views: map[string][]string{"w": {"things"}},
		make: []string{"CREATE VIEW v AS SELECT id, uuid() AS u FROM things", "CREATE VIEW w AS SELECT id FROM v"},
	},
	"a view of MariaDB that calls a function": {
		kind: "mariadb", table: "v", says: []string{`"v" is a view`, "Config.Views"}, views: map[string][]string{"v": {"things"}},
		make:   []string{"CREATE FUNCTION twice(a int) RETURNS int DETERMINISTIC RETURN a * 2", "CREATE VIEW v AS SELECT twice(id) AS id FROM things"},
		change: []string{"INSERT INTO things VALUES (3)"},
	},
	"a sequence of MariaDB": {
		kind: "mariadb", table: "s", hopeless: true, says: []string{`"s" is a sequence`}, views: map[string][]string{"s": {"s"}}, make: []string{"CREATE SEQUENCE s"},
	},
	"a MERGE table": {
		kind: "mariadb", table: "m", says: []string{`"m" is a foreign table`, "Config.Views"}, views: map[string][]string{"m": {"p"}},
		make: []string{"CREATE TABLE p (id int) ENGINE=MyISAM", "CREATE TABLE m (id int) ENGINE=MERGE UNION=(p) INSERT_METHOD=LAST"}, change: []string{"INSERT INTO p VALUES (3)"},
	},
	"a view of SQLite that has the present time": {
		kind: "sqlite", table: "w", volatile: true, says: []string{"in the definition of", `"v"`}, views: map[string][]string{"v": {"things"}, "w": {"things"}},
		make: []string{"CREATE VIEW v AS SELECT id, unixepoch('subsec') AS at FROM things", "CREATE VIEW w AS SELECT id FROM v"},
	},
	"a full text index with its own content": {
		kind: "sqlite", table: "ft", where: "ft MATCH 'one'", says: []string{`"ft" is a virtual table`, "Config.Views"}, views: map[string][]string{"ft": {}},
		make: []string{"CREATE VIRTUAL TABLE ft USING fts4(body)"}, change: []string{"INSERT INTO ft (body) VALUES ('one')"},
	},
	"a full text index of a table": { // whose columns are read from there
		kind: "sqlite", table: "ft", where: "ft MATCH 'one'", says: []string{`"ft" is a virtual table`, "Config.Views"}, views: map[string][]string{"ft": {}},
		make: []string{"CREATE TABLE docs (id integer primary key, body text, note text)", "INSERT INTO docs VALUES (1, 'one', 'a')",
			"CREATE VIRTUAL TABLE ft USING fts4(body, note, content='docs')", "INSERT INTO ft (ft) VALUES ('rebuild')"},
		change: []string{"UPDATE docs SET note = 'b'"},
	},
	"the terms of a full text index": {
		kind: "sqlite", table: "terms", says: []string{`"terms" is a virtual table`, "Config.Views"}, views: map[string][]string{"terms": {}},
		make:   []string{"CREATE VIRTUAL TABLE ft USING fts4(body)", "CREATE VIRTUAL TABLE terms USING fts4aux(ft)"},
		change: []string{"INSERT INTO ft (body) VALUES ('one')"},
	},
	"an R-tree": {
		kind: "sqlite", table: "spots", says: []string{`"spots" is a virtual table`, "Config.Views"}, views: map[string][]string{"spots": {}},
		make: []string{"CREATE VIRTUAL TABLE spots USING rtree(id, a, b)"}, change: []string{"INSERT INTO spots VALUES (1, 0, 1)"},
	},
	"a temporary table of SQLite": {
		kind: "sqlite", table: "s", hopeless: true, says: []string{`"s" is a temporary table`}, views: map[string][]string{"s": {"s"}}, make: []string{"CREATE TEMP TABLE s (id int)"},
	},
}

// Each message about what is no plain table says what it is and what helps, and that does: its answers are cached,
// and never old. Where it names nothing, nothing helps.
//
// Falls if: a declaration overrules what is volatile, or takes the place of what the catalog knows.
func TestRemediesForViews(t *testing.T) {
	for name, r := range remedies {
		t.Run(name, func(t *testing.T) {
			if servers.SQLiteInGo && strings.Contains(strings.Join(r.make, ""), "fts4") {
				t.Skip("this SQLite was built without FTS4")
			}
			d := servers.Empty(t, r.kind)
			plain := d.Open(t)
			for _, sql := range append([]string{"CREATE TABLE things (id int)", "INSERT INTO things VALUES (1), (2)"}, r.make...) {
				if sql == foreign {
					sql = foreignTable(t, plain, d)
				}
				must(t, plain.Exec(sql).Error)
			}
			open := func(views map[string][]string) *gorm.DB {
				db := plain
				if !r.hopeless {
					db = d.Open(t)
				}
				use(t, db, newStore(t, "memory"), func(c *gormcache.Config) { c.Views = views })
				return db
			}
			if r.hopeless {
				r.silent(t, open(r.views))
				return
			}
			r.silent(t, open(nil))
			db := open(r.views)
			if r.volatile {
				r.silent(t, db)
				return
			}
			r.served(t, db, plain)
			before := r.read(t, plain)
			for _, sql := range r.change {
				must(t, db.Exec(sql).Error)
			}
			if r.elsewhere != "" {
				must(t, plain.Exec(r.elsewhere).Error)
				must(t, invalidate.Tables(t.Context(), db, r.tell...))
			}
			if reflect.DeepEqual(before, r.read(t, plain)) {
				t.Fatal("the change does not show")
			}
			r.served(t, db, plain)
		})
	}
}

func (r remedy) query(db *gorm.DB) *gorm.DB {
	q := db.Table(r.table)
	if r.where != "" {
		q = q.Where(r.where)
	}
	return q
}

func (r remedy) read(t *testing.T, db *gorm.DB) rows {
	t.Helper()
	got := rows{}
	must(t, r.query(db).Find(&got).Error)
	return got
}

// silent checks that nothing is kept, and that the message says why.
func (r remedy) silent(t *testing.T, db *gorm.DB) {
	t.Helper()
	db, seen := watching(t, db)
	for range 2 {
		r.read(t, db.Clauses(fromcache.Region("default")))
		reason := observe.Tables
		if r.volatile {
			reason = observe.Volatile
		}
		if s := seen(); s.Outcome != bypass || s.Reason != reason {
			t.Errorf("%v (%s: %s), want a bypass for %s", s.Outcome, s.Reason, s.Detail, reason)
		}
		for _, words := range r.says {
			if !strings.Contains(seen().Detail, words) {
				t.Errorf("the message is %q, without %q", seen().Detail, words)
			}
		}
		if r.volatile && strings.Contains(seen().Detail, "Config.") {
			t.Errorf("the message names what does not help: %q", seen().Detail)
		}
	}
}

// served checks that answers are right, and cached.
func (r remedy) served(t *testing.T, db, plain *gorm.DB) {
	t.Helper()
	db, seen := watching(t, db)
	for range 3 {
		same(t, r.table, r.read(t, db.Clauses(fromcache.Region("default"))), r.read(t, plain))
	}
	if seen().Outcome != hit {
		t.Errorf("%v (%s: %s), want a hit", seen().Outcome, seen().Reason, seen().Detail)
	}
}

// foreign stands for the statement that makes f, which shows the rows of things by way of a second connection.
const foreign = "FOREIGN"

func foreignTable(t *testing.T, db *gorm.DB, d *servers.Database) string {
	t.Helper()
	if err := db.Exec("CREATE EXTENSION postgres_fdw").Error; err != nil {
		t.Skip("no postgres_fdw here: ", err)
	}
	var user string
	must(t, db.Raw("SELECT current_user").Scan(&user).Error)
	host, port, _ := strings.Cut(d.Addr, ":")
	must(t, db.Exec("CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '"+host+"', port '"+port+"', dbname '"+d.Name+"')").Error)
	must(t, db.Exec("CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user '"+user+"', password 'x')").Error)
	return "CREATE FOREIGN TABLE f (id int) SERVER s OPTIONS (table_name 'things')"
}

// A trigger of dynamic SQL makes each write drop everything; its message names the table to declare, and where
// that is done the write drops what is declared, and leaves the rest.
//
// Falls if: a declaration counts only where those that it names are declared too, or settles what a cascade
// sets off elsewhere.
func TestRemediesForTriggers(t *testing.T) {
	dynamic := []string{
		"CREATE TABLE totals (n int)", "INSERT INTO totals VALUES (0)", "CREATE TABLE things (id int)", "INSERT INTO things VALUES (1)",
		"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE totals SET n = n + 1'; RETURN NULL; END $$",
	}
	for name, test := range map[string]struct {
		make     []string
		write    string
		says     string // of which table
		triggers map[string][]string
		still    bool // that does not help
	}{
		"its own": {
			[]string{"CREATE TABLE orders (id int PRIMARY KEY)", "CREATE TRIGGER x AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()"},
			"INSERT INTO orders VALUES (1)", "orders", map[string][]string{"orders": {"totals"}}, false,
		},
		"of its partitions": {
			[]string{"CREATE TABLE orders (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (9)",
				"CREATE TRIGGER x AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()"},
			"INSERT INTO orders VALUES (1)", "orders", map[string][]string{"orders": {"totals"}}, false,
		},
		"of a table that it cascades to": {
			[]string{"CREATE TABLE orders (id int PRIMARY KEY)", "INSERT INTO orders VALUES (1)",
				"CREATE TABLE items (id int REFERENCES orders ON DELETE CASCADE)", "INSERT INTO items VALUES (1)",
				"CREATE TRIGGER x AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION f()"},
			"DELETE FROM orders", "items", map[string][]string{"items": {"totals"}}, false,
		},
		"of a table that it cascades to, declared of another": {
			[]string{"CREATE TABLE orders (id int PRIMARY KEY)", "INSERT INTO orders VALUES (1)",
				"CREATE TABLE items (id int REFERENCES orders ON DELETE CASCADE)", "INSERT INTO items VALUES (1)",
				"CREATE TRIGGER x AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION f()"},
			"DELETE FROM orders", "items", map[string][]string{"orders": {}}, true,
		},
		"a function in a default": {
			[]string{"CREATE FUNCTION d() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE totals SET n = n + 1'; RETURN 1; END $$",
				"CREATE TABLE orders (id int DEFAULT d(), b int)"},
			"INSERT INTO orders (b) VALUES (1)", "orders", map[string][]string{"orders": {"totals"}}, false,
		},
		"a function that the statement calls": {
			[]string{"CREATE FUNCTION d() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE totals SET n = n + 1'; RETURN 1; END $$",
				"CREATE TABLE orders (id int)"},
			"INSERT INTO orders VALUES (d())", "", map[string][]string{"orders": {"totals"}}, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := servers.Postgres(t)
			plain := d.Open(t)
			for _, sql := range append(dynamic[:len(dynamic):len(dynamic)], test.make...) {
				must(t, plain.Exec(sql).Error)
			}
			open := func(triggers map[string][]string) *gorm.DB {
				db := d.Open(t)
				use(t, db, newStore(t, "memory"), func(c *gormcache.Config) { c.Triggers = triggers })
				return db
			}
			why := func(db *gorm.DB) string {
				r := remedy{table: "totals"}
				r.read(t, db.Clauses(fromcache.Region("default"))) // which reads the catalog
				x, err := gormcache.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Exec(test.write) })
				must(t, err)
				return x.Statements[0].Write.Coarse
			}
			before := why(open(nil))
			if !strings.Contains(before, "can't be told") || test.says != "" != strings.HasSuffix(before, "declare in Config.Triggers what changes with "+test.says) {
				t.Errorf("the message is %q, want one about %q", before, test.says)
			}
			db := open(test.triggers)
			if after := why(db); strings.Contains(after, "can't be told") != test.still {
				t.Errorf("declared as the message says: %q", after)
			}
			totals, things := remedy{table: "totals"}, remedy{table: "things"}
			totals.served(t, db, plain)
			things.served(t, db, plain)
			must(t, db.Exec(test.write).Error)
			watched, seen := watching(t, db)
			things.read(t, watched.Clauses(fromcache.Region("default")))
			if (seen().Outcome == hit) == test.still {
				t.Errorf("another table: %v (%s: %s)", seen().Outcome, seen().Reason, seen().Detail)
			}
			totals.served(t, db, plain)
		})
	}
}

// What an error tells to do is done, and there is none.
func TestRemediesForErrors(t *testing.T) {
	config := func(change func(*gormcache.Config)) func(t *testing.T) error {
		return func(t *testing.T) error {
			c := gormcache.Config{Namespace: "remedies"}
			change(&c)
			p, err := gormcache.New(c)
			if err == nil {
				must(t, p.Close())
			}
			return err
		}
	}
	// fresh is a handle with the plugin.
	fresh := func(t *testing.T, change ...func(*gormcache.Config)) *gorm.DB {
		db := servers.SQLite(t).Open(t)
		must(t, db.Exec("CREATE TABLE things (id int)").Error)
		use(t, db, newStore(t, "memory"), change...)
		return db
	}
	read := func(db *gorm.DB, opts ...clause.Expression) error {
		return db.Clauses(opts...).Table("things").Find(&rows{}).Error
	}
	regions := func(name string, r region.Config) func(*gormcache.Config) {
		return func(c *gormcache.Config) { c.Regions = map[string]region.Config{name: r, "default": {TTL: time.Hour}} }
	}
	for name, test := range map[string]struct {
		before func(t *testing.T) error
		says   string
		after  func(t *testing.T) error
	}{
		"options without a region": {
			func(t *testing.T) error { return read(fresh(t), fromcache.TTL(time.Minute)) }, "give the query fromcache.Region",
			func(t *testing.T) error {
				return read(fresh(t), fromcache.Region("default", fromcache.TTL(time.Minute)))
			},
		},
		"options without a policy": {
			func(t *testing.T) error { return read(fresh(t), fromcache.TTL(time.Minute)) }, "Config.Models",
			func(t *testing.T) error {
				return read(fresh(t, func(c *gormcache.Config) { c.Models = map[string]fromcache.Policy{"things": {Region: "default"}} }), fromcache.TTL(time.Minute))
			},
		},
		"no such region": {
			func(t *testing.T) error { return read(fresh(t), fromcache.Region("quick")) }, "add it to Config.Regions",
			func(t *testing.T) error {
				return read(fresh(t, regions("quick", region.Config{TTL: time.Minute})), fromcache.Region("quick"))
			},
		},
		"no such region to invalidate": {
			func(t *testing.T) error { return invalidate.Region(t.Context(), fresh(t), "quick") }, "add it to Config.Regions",
			func(t *testing.T) error {
				return invalidate.Region(t.Context(), fresh(t, regions("quick", region.Config{TTL: time.Minute})), "quick")
			},
		},
		"two that exclude each other": {
			func(t *testing.T) error {
				return read(fresh(t), fromcache.Region("default", fromcache.Refresh(), fromcache.OnlyIfCached()))
			}, "leave one of them out",
			func(t *testing.T) error { return read(fresh(t), fromcache.Region("default", fromcache.Refresh())) },
		},
		"no plugin": {
			func(t *testing.T) error {
				return invalidate.Tables(t.Context(), servers.SQLite(t).Open(t), "things")
			}, "call db.Use(plugin) first",
			func(t *testing.T) error { return invalidate.Tables(t.Context(), fresh(t), "things") },
		},
		"a quoted table": {
			func(t *testing.T) error { return invalidate.Tables(t.Context(), fresh(t), `"things"`) }, "give the name as it is",
			func(t *testing.T) error { return invalidate.Tables(t.Context(), fresh(t), "things") },
		},
		"a callback that is gone": {
			func(t *testing.T) error {
				db := servers.SQLite(t).Open(t)
				must(t, db.Callback().Raw().Remove("gorm:raw"))
				p, err := gormcache.New(gormcache.Config{Namespace: "remedies"})
				must(t, err)
				defer func() { must(t, p.Close()) }()
				return db.Use(p)
			}, "register the plugin before others remove it",
			func(t *testing.T) error {
				db := fresh(t)
				must(t, db.Callback().Raw().Remove("gorm:raw"))
				return read(db, fromcache.Region("default"))
			},
		},
		"a lag beyond the grace": {
			config(func(c *gormcache.Config) { c.ReplicaLag, c.WriteGrace = time.Minute, 10*time.Second }), "raise WriteGrace",
			config(func(c *gormcache.Config) { c.ReplicaLag, c.WriteGrace = time.Minute, 2*time.Minute }),
		},
		"stale without end": {
			config(regions("r", region.Config{TTL: region.NoExpiration, StaleWhileRevalidate: 1})), "leave one of them out",
			config(regions("r", region.Config{TTL: region.NoExpiration})),
		},
		"a policy that is off": {
			config(func(c *gormcache.Config) {
				c.Models = map[string]fromcache.Policy{"*": {Off: true, Region: "default"}}
			}), "leave one of them out",
			config(func(c *gormcache.Config) { c.Models = map[string]fromcache.Policy{"*": {Off: true}} }),
		},
		"a store that is nil": {
			config(func(c *gormcache.Config) { c.Store = (*memory.Store)(nil) }), "leave it out",
			config(func(c *gormcache.Config) { c.Store = nil }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.before(t); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v, want one that says %q", err, test.says)
			}
			must(t, test.after(t))
		})
	}
}

// The plugin goes to work once a connection that ruled it out is set as the message says.
func TestRemedyForASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := servers.SQLite(t).Open(t)
		pool, err := db.DB()
		must(t, err)
		pool.SetMaxOpenConns(1)
		must(t, db.Exec("CREATE TABLE things (id int)").Error)
		must(t, db.Exec("PRAGMA read_uncommitted = 1").Error)
		use(t, db, newStore(t, "memory"))
		watched, seen := watching(t, db)
		read := func() observe.Read {
			must(t, watched.Clauses(fromcache.Region("default")).Table("things").Find(&rows{}).Error)
			return seen()
		}
		if r := read(); r.Outcome != bypass || !strings.Contains(r.Detail, "read_uncommitted is on: switch it off") {
			t.Errorf("%v (%s: %s)", r.Outcome, r.Reason, r.Detail)
		}
		must(t, db.Exec("PRAGMA read_uncommitted = 0").Error)
		eventually(t, "the connection to be trusted", func() bool { return read().Outcome == hit })
	})
}
