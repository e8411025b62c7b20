package gormcache

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/reader"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Defaults of a [Config].
const (
	DefaultRegion       = fromcache.DefaultRegion
	DefaultTTL          = 5 * time.Minute
	DefaultReadTimeout  = 50 * time.Millisecond
	DefaultWriteTimeout = time.Second
	DefaultWriteGrace   = 30 * time.Second
	// MaxReplicaLag is the greatest ReplicaLag: a table that is written to is bypassed for that long.
	MaxReplicaLag = 10 * time.Minute
)

// Config configures a [Plugin]. Only Namespace must be set.
type Config struct {
	// Store is where entries and tags live, such as redisstore.New(client). Defaults to an in-process
	// store (memory.New), which is right for one process only: others do not see its invalidations. Where the
	// database is no SQLite, db.Use warns of that; a memory.New() of your own says that there is one process.
	// The plugin closes only the store that it made itself.
	Store store.Store

	// Namespace is the prefix of every key: one per application and database. 1 to 64 of
	// A-Z a-z 0-9 _ . - . Processes that share data must share it.
	Namespace string

	// Database takes the place of the database's own name in keys. Set it where two databases that
	// share a Namespace have the same name. Defaults to what the database calls itself.
	Database string

	// Regions are the policies by name. Defaults to one named "default" with a TTL of 5 minutes.
	Regions map[string]region.Config

	// Models sends queries through the cache that do not ask for it. A key is the name of a model's type
	// ("User", "models.User"), of a table ("users"), a pattern for either as for path.Match ("order*"), or
	// "*" for all there are. The most specific one holds: a name, then the longest pattern, then the model's
	// own method CachePolicy, then "*". A query's own scope takes the place of all. Defaults to none.
	Models map[string]fromcache.Policy

	// Views tells for each view or foreign table that queries read from which tables (or views) it
	// reads. Plain views need no declaration, as long as their own text tells what they read;
	// others do: materialized ones, those that call functions of the application's, foreign and virtual
	// tables. Queries that read from an undeclared one of these are bypassed. What is declared comes on top of
	// what the catalog knows. It does not make a view cacheable that calls now() or the like, nor a temporary table
	// or a sequence. A materialized view changes at its REFRESH: send that through GORM, or call
	// invalidate.Tables after it; likewise when the rows of a foreign table have changed.
	Views map[string][]string

	// Triggers tells for each table which others change by its triggers, and by the functions that its
	// defaults and checks call, when it is written to. Needed only for those whose effect can't be read from
	// their text; without it a write to such a table drops everything. What a statement itself calls is not
	// covered.
	Triggers map[string][]string

	// Tracked are columns, by table, besides primary keys: a query that is pinned to values of one, as by
	// `WHERE country = ?`, depends on the rows with these values only, and is not dropped by writes to
	// others. The price: an UPDATE or DELETE of such a table first reads and locks the rows it is about to
	// change. Foreign keys of cached relations are tracked by themselves. Only integers and texts.
	Tracked map[string][]string

	// ReadTimeout is how long a read waits for the store, in all its calls together; then the database answers.
	// Of a caller whose context has a deadline it takes a third of what is left at most. Defaults to 50 ms.
	ReadTimeout time.Duration

	// WriteTimeout is the budget of one call of the store by a writer, and of a fill. A commit takes
	// three such calls, or up to five where it changes single rows; it waits for no further one, where it can do
	// without, once those that failed have taken more than half of it. The write's own context ends the wait earlier
	// as long as nothing has been sent: the transaction is rolled back then, and the error is the context's. No reader
	// waits for its fill longer than ReadTimeout. Defaults to 1 s.
	WriteTimeout time.Duration

	// BreakerFailures is after how many failed calls in a row the store is left alone, and
	// BreakerCooldown for how long before one call probes it again. Default to 5 and 1 s.
	BreakerFailures int
	BreakerCooldown time.Duration

	// WriteGrace is how long a mark lasts: how long a writer may take from its mark to its settling,
	// which is the time of its COMMIT (or of its statement, outside a transaction). A writer that dies
	// in between makes others bypass its tables for that long, and so does a commit or statement whose outcome is
	// unknown, which is logged as a warning. Defaults to 30 s.
	WriteGrace time.Duration

	// WritePolicy is what happens to a write when the store can't be told of it. Defaults to
	// invalidate.AllowStale.
	WritePolicy invalidate.Policy

	// ReplicaLag is the greatest time by which replicas lag behind, where queries are sent to replicas
	// by dbresolver or behind the application's back. After a commit its tables are bypassed for that
	// long. Defaults to 0: what is stored is then loaded from dbresolver's sources. At most
	// [MaxReplicaLag].
	ReplicaLag time.Duration

	// Hooks are called for each read and invalidation. Defaults to none.
	Hooks *observe.Hooks

	// Logger gets a line for each read and invalidation at level debug, and warnings. It never gets
	// arguments of queries. Defaults to slog.Default().
	Logger *slog.Logger
}

// WithDefaults returns the configuration with its defaults filled in, but for Store.
func (c Config) WithDefaults() Config {
	if len(c.Regions) == 0 {
		c.Regions = map[string]region.Config{DefaultRegion: {TTL: DefaultTTL}}
	}
	c.Regions = maps.Clone(c.Regions)
	for name, r := range c.Regions {
		c.Regions[name] = r.WithDefaults()
	}
	setDefault(&c.ReadTimeout, DefaultReadTimeout)
	setDefault(&c.WriteTimeout, DefaultWriteTimeout)
	setDefault(&c.WriteGrace, DefaultWriteGrace)
	setDefault(&c.BreakerCooldown, breaker.DefaultCooldown)
	if c.BreakerFailures == 0 {
		c.BreakerFailures = breaker.DefaultFailures
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// Validate names every field that is wrong, and the remedy. It expects defaults to be filled in.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("Config."+format, args...)) }
	if err := store.Namespace(c.Namespace).Validate(); err != nil {
		bad("Namespace: %w", err)
	}
	if s := reflect.ValueOf(c.Store); s.Kind() == reflect.Pointer && s.IsNil() {
		bad("Store is a %T that is nil: pass one that was made, or leave it out for a store in the process", c.Store)
	}
	folded := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Regions)) {
		if name == "" {
			bad("Regions: a region's name is empty: give it one")
		}
		if other, taken := folded[foldName(name)]; taken {
			bad("Regions has %q and %q, which differ in case or spaces only: give one of them another name", other, name)
		}
		folded[foldName(name)] = name
		if err := c.Regions[name].Validate(); err != nil {
			bad("Regions[%q]: %w", name, err)
		}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"ReadTimeout", c.ReadTimeout}, {"WriteTimeout", c.WriteTimeout}, {"WriteGrace", c.WriteGrace}, {"BreakerCooldown", c.BreakerCooldown}} {
		if d.value < 0 {
			bad("%s is %s: it must be positive (0 for the default)", d.field, d.value)
		}
	}
	if c.BreakerFailures < 0 {
		bad("BreakerFailures is %d: it must be positive (0 for the default)", c.BreakerFailures)
	}
	if c.WriteGrace < c.WriteTimeout {
		bad("WriteGrace is %s, less than WriteTimeout (%s): a mark would end before its writer gives up", c.WriteGrace, c.WriteTimeout)
	}
	if c.ReplicaLag < 0 || c.ReplicaLag > MaxReplicaLag {
		bad("ReplicaLag is %s: it must be from 0 to %s", c.ReplicaLag, MaxReplicaLag)
	}
	if c.ReplicaLag >= c.WriteGrace {
		bad("ReplicaLag is %s, WriteGrace %s: a mark must outlast a COMMIT and the lag after it, so raise WriteGrace", c.ReplicaLag, c.WriteGrace)
	}
	if c.WritePolicy > invalidate.FailWrite {
		bad("WritePolicy is %d: use invalidate.AllowStale or invalidate.FailWrite", c.WritePolicy)
	}
	errs = append(errs, reader.CheckModels("Config.Models", c.Models, c.exists), declared("Views", c.Views), declared("Triggers", c.Triggers), declared("Tracked", c.Tracked))
	return errors.Join(errs...)
}

// foldName is what the names of two regions must differ in. Environments know no case, and people don't either.
func foldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// exists returns an error if there is no region of that name.
func (c Config) exists(name string) error {
	if _, ok := c.Regions[name]; ok {
		return nil
	}
	return fault.Errorf("%w %q: add it to Config.Regions, which has %q", ErrUnknownRegion, name, slices.Sorted(maps.Keys(c.Regions)))
}

func declared(field string, m map[string][]string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if name == "" || slices.Contains(m[name], "") {
			errs = append(errs, fmt.Errorf("Config.%s[%q]: a name is empty", field, name))
		}
	}
	return errors.Join(errs...)
}
