package gormcache

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// DefaultPrefix is what the names of environment variables begin with for [ConfigFromEnv].
const DefaultPrefix = "GORMCACHE"

// ConfigFromMap returns the configuration that a map declares: regions, and the settings of the plugin that are one
// value. What follows prefix and a dot in a key is the setting's name; keys that do not begin so belong to others, and are
// ignored. The rest of a [Config] is set in code: the Store, and whatever is a function, a client or a secret.
//
//	cfg, err := gormcache.ConfigFromMap(settings, "cache")
//	…
//	cfg.Store = redisstore.New(client)
//	p, err := gormcache.New(cfg)
//
// A key is the name of a field in lower case with '_' between words, a region's after "regions." and the region's name:
//
//	cache.namespace                             shop
//	cache.read_timeout                          50ms
//	cache.write_policy                          fail_write (or allow_stale)
//	cache.regions.default.ttl                   1h
//	cache.regions.default.negative_ttl          none
//	cache.regions.reports.ttl                   none
//	cache.regions.reports.early_refresh.share   0.2
//	cache.regions.reports.claim.ttl             5s
//
// ReadTimeout, readTimeout and read-timeout are read_timeout too, and a map in the map stands for its keys after a dot, as
// files of YAML or JSON give it. A duration has a unit, as for time.ParseDuration. "none" says that there is no such
// thing, as does "0" where that can be meant: no expiration (ttl), empty results are not stored (negative_ttl), no claims
// (claim.ttl), no lag, no timeout, nothing stale. What is left out has its default.
//
// The error names each key that is wrong, and for one that there is not, the nearest that there is. What the settings
// mean together is checked by [New].
func ConfigFromMap[V any](values map[string]V, prefix string) (Config, error) {
	if last := len(prefix) - 1; last >= 0 && strings.IndexByte("._-:/", prefix[last]) < 0 {
		prefix += "."
	}
	flat := flattened{prefix: prefix, values: map[string]string{}}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		flat.add(key, reflect.ValueOf(values[key]), 0)
	}
	cfg, err := spelling{prefix: prefix, sep: "."}.config(flat.values)
	if err = errors.Join(append(flat.errs, err)...); err != nil {
		return Config{}, fault.Errorf("the configuration's map: %w", err)
	}
	return cfg, nil
}

// ConfigFromEnv is [ConfigFromMap] for the environment. A variable's name is the key in capitals, with '_' for the dots:
//
//	GORMCACHE_NAMESPACE=shop
//	GORMCACHE_REGIONS_DEFAULT_TTL=1h
//	GORMCACHE_REGIONS_REPORTS_EARLY_REFRESH_SHARE=0.2
//
// A region's name is in lower case then. It may hold '_'; where a name and a field could be told apart in two ways, the
// longest name of a field holds: GORMCACHE_REGIONS_A_NEGATIVE_TTL is the NegativeTTL of region a. prefix is without the
// last '_'; "" stands for [DefaultPrefix].
func ConfigFromEnv(prefix string) (Config, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	prefix = strings.TrimSuffix(prefix, "_") + "_"
	values := map[string]string{}
	for _, variable := range os.Environ() {
		if key, value, ok := strings.Cut(variable, "="); ok && strings.HasPrefix(key, prefix) {
			values[key] = value
		}
	}
	cfg, err := spelling{prefix: prefix, sep: "_"}.config(values)
	if err != nil {
		return Config{}, fault.Errorf("the environment: %w", err)
	}
	return cfg, nil
}

// setting is one value of a T, by its key.
type setting[T any] struct {
	key string
	set func(*T, string) error
}

var pluginSettings = []setting[Config]{
	{"namespace", text(func(c *Config) *string { return &c.Namespace })},
	{"database", text(func(c *Config) *string { return &c.Database })},
	{"read_timeout", duration(func(c *Config) *time.Duration { return &c.ReadTimeout })},
	{"write_timeout", duration(func(c *Config) *time.Duration { return &c.WriteTimeout })},
	{"breaker_failures", number(strconv.Atoi, func(c *Config) *int { return &c.BreakerFailures })},
	{"breaker_cooldown", duration(func(c *Config) *time.Duration { return &c.BreakerCooldown })},
	{"write_grace", duration(func(c *Config) *time.Duration { return &c.WriteGrace })},
	{"write_policy", func(c *Config, s string) (err error) { c.WritePolicy, err = writePolicy(s); return err }},
	{"replica_lag", durationOrNone(0, func(c *Config) *time.Duration { return &c.ReplicaLag })},
}

var regionSettings = []setting[region.Config]{
	{"ttl", ttl},
	{"negative_ttl", durationOrNone(-1, func(c *region.Config) *time.Duration { return &c.NegativeTTL })},
	{"jitter", number(float, func(c *region.Config) *float64 { return &c.Jitter })},
	{"stale_while_revalidate", durationOrNone(0, func(c *region.Config) *time.Duration { return &c.StaleWhileRevalidate })},
	{"max_rows", number(strconv.Atoi, func(c *region.Config) *int { return &c.MaxRows })},
	{"max_bytes", number(strconv.Atoi, func(c *region.Config) *int { return &c.MaxBytes })},
	{"stale_if_error", durationOrNone(0, func(c *region.Config) *time.Duration { return &c.StaleIfError })},
	{"stale_touched", boolean(func(c *region.Config) *bool { return &c.StaleTouched })},
	{"early_refresh.beta", number(float, func(c *region.Config) *float64 { return &c.EarlyRefresh.Beta })},
	{"early_refresh.share", number(float, func(c *region.Config) *float64 { return &c.EarlyRefresh.Share })},
	{"soft_timeout", durationOrNone(0, func(c *region.Config) *time.Duration { return &c.SoftTimeout })},
	{"hard_timeout", durationOrNone(0, func(c *region.Config) *time.Duration { return &c.HardTimeout })},
	{"claim.ttl", durationOrNone(-1, func(c *region.Config) *time.Duration { return &c.Claim.TTL })},
	{"claim.wait", duration(func(c *region.Config) *time.Duration { return &c.Claim.Wait })},
	{"claim.poll", duration(func(c *region.Config) *time.Duration { return &c.Claim.Poll })},
}

// inCode are the fields that no text can tell.
var inCode = []string{"store", "models", "views", "triggers", "tracked", "hooks", "logger", "regions.*.store", "regions.*.codec", "regions.*.mangler", "regions.*.cache_if"}

// spelling is how keys are written in a map or in an environment.
type spelling struct {
	prefix string
	sep    string // between the parts of a key
}

// config reads all values whose keys begin with the prefix.
func (sp spelling) config(values map[string]string) (Config, error) {
	cfg := Config{}
	regions := map[string]*region.Config{}
	var errs []error
	from := map[string]string{}    // key by the setting that it was for
	spelled := map[string]string{} // region's name by its folded form
	for _, key := range slices.Sorted(maps.Keys(values)) {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("%s "+format, append([]any{key}, args...)...))
		}
		name, where, apply := sp.find(key)
		if apply == nil {
			bad("%s", where)
			continue
		}
		if other, twice := from[foldName(name)+" "+where]; twice {
			bad("and %s are the same setting: leave one of them out", other)
			continue
		}
		from[foldName(name)+" "+where] = key
		if other, taken := spelled[foldName(name)]; taken && other != name {
			bad("names region %q, which differs from %q in case or spaces only: spell them alike", name, other)
			continue
		}
		spelled[foldName(name)] = name
		r := regions[name]
		if name != "" && r == nil {
			r = &region.Config{}
			regions[name] = r
		}
		value := strings.TrimSpace(values[key])
		if value == "" {
			bad("is empty: give it a value, or leave it out for the default")
		} else if err := apply(&cfg, r, value); err != nil {
			bad("is %q: %w", shortened(value), err)
		}
	}
	if len(errs) > 0 {
		return Config{}, errors.Join(errs...)
	}
	for name, r := range regions {
		if cfg.Regions == nil {
			cfg.Regions = map[string]region.Config{}
		}
		cfg.Regions[name] = *r
	}
	return cfg, nil
}

// find returns which setting a key is for, of which region if of one, and how to set it; or nil, and why it is for none.
func (sp spelling) find(key string) (name, where string, apply func(*Config, *region.Config, string) error) {
	rest := strings.TrimPrefix(key, sp.prefix)
	parts := strings.Split(rest, sp.sep)
	for _, s := range pluginSettings {
		if slices.Equal(sp.parts(s.key), sp.fold(parts)) {
			return "", s.key, func(c *Config, _ *region.Config, value string) error { return s.set(c, value) }
		}
	}
	if len(parts) < 2 || !slices.Equal(sp.fold(parts[:1]), []string{"regions"}) {
		return "", sp.unknown(rest), nil
	}
	parts = parts[1:]
	longest := 0
	for _, s := range regionSettings {
		field := sp.parts(s.key)
		n := len(parts) - len(field)
		if n >= 1 && len(field) > longest && slices.Equal(field, sp.fold(parts[n:])) {
			longest, where, name = len(field), s.key, strings.Join(parts[:n], sp.sep)
			apply = func(_ *Config, r *region.Config, value string) error { return s.set(r, value) }
		}
	}
	if sp.sep == "_" {
		name = strings.ToLower(name)
	}
	switch {
	case apply == nil:
		return "", sp.unknown(rest), nil
	case strings.TrimSpace(name) == "":
		return "", "names no region: put its name before " + where, nil
	}
	return name, where, apply
}

// parts are those of a setting's key, as [spelling.fold] leaves them.
func (sp spelling) parts(key string) []string {
	if sp.sep == "_" {
		key = strings.ReplaceAll(key, ".", "_")
	}
	return sp.fold(strings.Split(key, sp.sep))
}

// fold brings parts of a key into the form in which they are compared: without case, and in a map without the signs that
// part words, so that ReadTimeout is read_timeout.
func (sp spelling) fold(parts []string) []string {
	folded := make([]string, len(parts))
	for i, part := range parts {
		folded[i] = strings.ToLower(part)
		if sp.sep != "_" {
			folded[i] = strings.NewReplacer("_", "", "-", "").Replace(folded[i])
		}
	}
	return folded
}

// unknown says that there is no such setting, and which one is nearest.
func (sp spelling) unknown(rest string) string {
	name := "name"
	if words := strings.Split(rest, sp.sep); len(words) > 2 && strings.EqualFold(words[0], "regions") {
		name = words[1]
	}
	folded := func(key string) string { return strings.Join(sp.fold(strings.Split(key, sp.sep)), sp.sep) }
	best, least, coded := "", 0, false
	for i, keys := range [][]string{settingKeys(), inCode} {
		for _, key := range keys {
			known := sp.spell(strings.ReplaceAll(key, "*", name))
			if d := distance(folded(sp.prefix+rest), folded(known)); best == "" || d < least {
				best, least, coded = known, d, i == 1
			}
		}
	}
	if coded && least == 0 {
		return "can't be set by text: set it in code, on the Config that is returned"
	}
	return "is no setting: the nearest is " + best
}

// spell is a setting's key as it is written here.
func (sp spelling) spell(key string) string {
	if sp.sep == "_" {
		return sp.prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
	}
	return sp.prefix + key
}

// settingKeys are the keys of all settings, with a star for a region's name.
func settingKeys() (keys []string) {
	for _, s := range pluginSettings {
		keys = append(keys, s.key)
	}
	for _, s := range regionSettings {
		keys = append(keys, "regions.*."+s.key)
	}
	return keys
}
