package gormcache_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// What a file or an environment says, and the configuration that it means.
func ExampleConfigFromMap() {
	cfg, err := gormcache.ConfigFromMap(map[string]string{
		"app.port":                        "8080", // belongs to somebody else
		"cache.namespace":                 "shop",
		"cache.regions.default.ttl":       "1h",
		"cache.regions.countries.ttl":     "none",
		"cache.regions.default.claim.ttl": "5s",
	}, "cache")
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg.Store = memory.New() // stores, clients and functions are set in code
	p, err := gormcache.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	for _, name := range []string{"default", "countries"} {
		r, err := p.Region(name)
		fmt.Println(r.Name(), r.Config().TTL, r.Config().TTL == region.NoExpiration, err)
	}
	// Output:
	// default 1h0m0s false <nil>
	// countries 2562047h47m16.854775807s true <nil>
}

// An error names the key, and the nearest that there is.
func ExampleConfigFromMap_errors() {
	_, err := gormcache.ConfigFromMap(map[string]any{
		"cache.regions.default.tll": "1h",
		"cache.read_timeout":        50,
	}, "cache")
	fmt.Println(err)
	// Output:
	// gormcache: the configuration's map: cache.read_timeout is "50": add a unit, as in 50s or 50ms
	// cache.regions.default.tll is no setting: the nearest is cache.regions.default.ttl
}

func ExampleConfigFromEnv() {
	for name, value := range map[string]string{
		"SHOP_CACHE_NAMESPACE":                         "shop",
		"SHOP_CACHE_REGIONS_USER_LISTS_TTL":            "1h",
		"SHOP_CACHE_REGIONS_USER_LISTS_STALE_IF_ERROR": "24h",
	} {
		_ = os.Setenv(name, value)
		defer func() { _ = os.Unsetenv(name) }()
	}
	cfg, err := gormcache.ConfigFromEnv("SHOP_CACHE")
	fmt.Println(cfg.Namespace, cfg.Regions["user_lists"].TTL, cfg.Regions["user_lists"].StaleIfError, err)
	// Output: shop 1h0m0s 24h0m0s <nil>
}

// everything has each setting, by the names of the map and of the environment, with what it means.
var everything = []struct {
	key, env, value string
	want            gormcache.Config
}{
	{"namespace", "NAMESPACE", "shop", gormcache.Config{Namespace: "shop"}},
	{"database", "DATABASE", "main", gormcache.Config{Database: "main"}},
	{"read_timeout", "READ_TIMEOUT", "50ms", gormcache.Config{ReadTimeout: 50 * time.Millisecond}},
	{"write_timeout", "WRITE_TIMEOUT", "1.5s", gormcache.Config{WriteTimeout: 1500 * time.Millisecond}},
	{"breaker_failures", "BREAKER_FAILURES", "7", gormcache.Config{BreakerFailures: 7}},
	{"breaker_cooldown", "BREAKER_COOLDOWN", "2s", gormcache.Config{BreakerCooldown: 2 * time.Second}},
	{"write_grace", "WRITE_GRACE", "1m", gormcache.Config{WriteGrace: time.Minute}},
	{"write_policy", "WRITE_POLICY", "fail_write", gormcache.Config{WritePolicy: invalidate.FailWrite}},
	{"write_policy", "WRITE_POLICY", "AllowStale", gormcache.Config{}},
	{"replica_lag", "REPLICA_LAG", "5s", gormcache.Config{ReplicaLag: 5 * time.Second}},
	{"replica_lag", "REPLICA_LAG", "none", gormcache.Config{}},
	{"regions.r.ttl", "REGIONS_R_TTL", "1h", one(region.Config{TTL: time.Hour})},
	{"regions.r.ttl", "REGIONS_R_TTL", "None", one(region.Config{TTL: region.NoExpiration})},
	{"regions.r.negative_ttl", "REGIONS_R_NEGATIVE_TTL", "1m", one(region.Config{NegativeTTL: time.Minute})},
	{"regions.r.negative_ttl", "REGIONS_R_NEGATIVE_TTL", "none", one(region.Config{NegativeTTL: -1})},
	{"regions.r.negative_ttl", "REGIONS_R_NEGATIVE_TTL", "0", one(region.Config{NegativeTTL: -1})},
	{"regions.r.jitter", "REGIONS_R_JITTER", "0.25", one(region.Config{Jitter: 0.25})},
	{"regions.r.stale_while_revalidate", "REGIONS_R_STALE_WHILE_REVALIDATE", "1m", one(region.Config{StaleWhileRevalidate: time.Minute})},
	{"regions.r.max_rows", "REGIONS_R_MAX_ROWS", "10", one(region.Config{MaxRows: 10})},
	{"regions.r.max_bytes", "REGIONS_R_MAX_BYTES", "1024", one(region.Config{MaxBytes: 1024})},
	{"regions.r.stale_if_error", "REGIONS_R_STALE_IF_ERROR", "24h", one(region.Config{StaleIfError: 24 * time.Hour})},
	{"regions.r.stale_if_error", "REGIONS_R_STALE_IF_ERROR", "0s", one(region.Config{})},
	{"regions.r.stale_touched", "REGIONS_R_STALE_TOUCHED", "yes", one(region.Config{StaleTouched: true})},
	{"regions.r.stale_touched", "REGIONS_R_STALE_TOUCHED", "FALSE", one(region.Config{})},
	{"regions.r.early_refresh.beta", "REGIONS_R_EARLY_REFRESH_BETA", "1", one(region.Config{EarlyRefresh: region.Early{Beta: 1}})},
	{"regions.r.early_refresh.share", "REGIONS_R_EARLY_REFRESH_SHARE", "0.2", one(region.Config{EarlyRefresh: region.Early{Share: 0.2}})},
	{"regions.r.soft_timeout", "REGIONS_R_SOFT_TIMEOUT", "100ms", one(region.Config{SoftTimeout: 100 * time.Millisecond})},
	{"regions.r.hard_timeout", "REGIONS_R_HARD_TIMEOUT", "2s", one(region.Config{HardTimeout: 2 * time.Second})},
	{"regions.r.claim.ttl", "REGIONS_R_CLAIM_TTL", "5s", one(region.Config{Claim: region.Claim{TTL: 5 * time.Second}})},
	{"regions.r.claim.ttl", "REGIONS_R_CLAIM_TTL", "none", one(region.Config{Claim: region.Claim{TTL: -1}})},
	{"regions.r.claim.wait", "REGIONS_R_CLAIM_WAIT", "3s", one(region.Config{Claim: region.Claim{Wait: 3 * time.Second}})},
	{"regions.r.claim.poll", "REGIONS_R_CLAIM_POLL", "20ms", one(region.Config{Claim: region.Claim{Poll: 20 * time.Millisecond}})},
}

func one(r region.Config) gormcache.Config {
	return gormcache.Config{Regions: map[string]region.Config{"r": r}}
}

func TestEachSettingHasItsKey(t *testing.T) {
	for _, c := range everything {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			for _, prefix := range []string{"", "cache", "cache.", "a.b.cache."} {
				full := prefix
				if full != "" && !strings.HasSuffix(full, ".") {
					full += "."
				}
				for _, key := range []string{full + c.key, full + strings.ReplaceAll(c.key, "_", "-"), full + strings.ReplaceAll(c.key, "_", "")} {
					if got, err := gormcache.ConfigFromMap(map[string]string{key: " " + c.value}, prefix); err != nil || !reflect.DeepEqual(got, c.want) {
						t.Errorf("%s: %+v, %v", key, got, err)
					}
				}
				if got, err := gormcache.ConfigFromMap(nested(full+c.key, c.value), prefix); err != nil || !reflect.DeepEqual(got, c.want) {
					t.Errorf("%v: %+v, %v", nested(full+c.key, c.value), got, err)
				}
			}
			t.Setenv("SHOP_"+c.env, c.value)
			for _, prefix := range []string{"SHOP", "SHOP_"} {
				if got, err := gormcache.ConfigFromEnv(prefix); err != nil || !reflect.DeepEqual(got, c.want) {
					t.Errorf("SHOP_%s: %+v, %v", c.env, got, err)
				}
			}
		})
	}
}

// nested is the map in maps that a file of YAML or JSON gives for a key.
func nested(key string, value any) map[string]any {
	parts := strings.Split(key, ".")
	for i := len(parts) - 1; i > 0; i-- {
		value = map[string]any{parts[i]: value}
	}
	return map[string]any{parts[0]: value}
}

// Falls if: a field that is a text, a number, a boolean or a duration is added without a key of its own.
func TestEachFieldHasASetting(t *testing.T) {
	keys := map[string]bool{}
	for _, c := range everything {
		keys[strings.ReplaceAll(c.key, "_", "")] = true
	}
	var look func(typ reflect.Type, prefix string)
	look = func(typ reflect.Type, prefix string) {
		for field := range typ.Fields() {
			key := prefix + strings.ToLower(field.Name)
			switch field.Type.Kind() {
			case reflect.Struct:
				look(field.Type, key+".")
			case reflect.Map, reflect.Interface, reflect.Func, reflect.Pointer:
				_, err := gormcache.ConfigFromMap(map[string]string{key: "x"}, "")
				if err == nil || field.Name != "Regions" && !strings.Contains(strings.ToLower(err.Error()), "in code") {
					t.Errorf("%s: %v, want that it is set in code", key, err)
				}
			default:
				if !keys[key] {
					t.Errorf("%s has no setting, or it is not among those tested", key)
				}
			}
		}
	}
	look(reflect.TypeFor[gormcache.Config](), "")
	look(reflect.TypeFor[region.Config](), "regions.r.")
}

func TestAnyTypeOfAValueWillDo(t *testing.T) {
	type name string
	got, err := gormcache.ConfigFromMap(map[string]any{
		"namespace":        name("shop"),
		"read_timeout":     time.Second,
		"breaker_failures": uint8(3),
		"Regions": map[any]any{"Users.All": map[string]string{"ttl": "1h"}, "b": map[string]any{
			"TTL": region.NoExpiration, "jitter": float32(0.5), "maxRows": 1e3, "staleTouched": true,
		}},
	}, "")
	want := gormcache.Config{Namespace: "shop", ReadTimeout: time.Second, BreakerFailures: 3, Regions: map[string]region.Config{
		"Users.All": {TTL: time.Hour}, "b": {TTL: region.NoExpiration, Jitter: 0.5, MaxRows: 1000, StaleTouched: true},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	self := map[string]any{}
	self["regions"] = self
	for _, c := range []struct {
		values map[string]any
		want   []string
	}{
		{map[string]any{"c.regions.default.tll": "1h"}, []string{"c.regions.default.tll is no setting", "nearest is c.regions.default.ttl"}},
		{map[string]any{"c.region.default.ttl": "1h"}, []string{"nearest is c.regions."}},
		{map[string]any{"c.write_time_outs": "1h"}, []string{"c.write_time_outs is", "c.write_timeout"}},
		{map[string]any{"c.readtimout": "1h"}, []string{"nearest is c.read_timeout"}},
		{map[string]any{"c.": "1h"}, []string{"c. is no setting"}},
		{map[string]any{"c.regions": "1h"}, []string{"c.regions is no setting"}},
		{map[string]any{"c.regions.ttl": "1h"}, []string{"c.regions.ttl is no setting", "c.regions."}},
		{map[string]any{"c.regions..ttl": "1h"}, []string{"c.regions..ttl names no region"}},
		{map[string]any{"c.store": "redis://x"}, []string{"c.store", "in code"}},
		{map[string]any{"c.regions.r.codec": "json"}, []string{"c.regions.r.codec", "in code"}},
		{map[string]any{"c.read_timeout": "50"}, []string{`c.read_timeout is "50"`, "50ms"}},
		{map[string]any{"c.read_timeout": 50}, []string{`c.read_timeout is "50"`, "50ms"}},
		{map[string]any{"c.read_timeout": "none"}, []string{`c.read_timeout is "none"`, "leave it out"}},
		{map[string]any{"c.read_timeout": "-1s"}, []string{`c.read_timeout is "-1s"`, "negative"}},
		{map[string]any{"c.read_timeout": "1 hour"}, []string{`c.read_timeout is "1 hour"`, "1h30m"}},
		{map[string]any{"c.read_timeout": ""}, []string{"c.read_timeout is empty", "leave it out"}},
		{map[string]any{"c.read_timeout": nil}, []string{"c.read_timeout is nil", "leave it out"}},
		{map[string]any{"c.read_timeout": []int{1}}, []string{"c.read_timeout is a []int", "time.Duration"}},
		{map[string]any{"c.read_timeout": map[string]any{"x": 1}}, []string{"c.read_timeout.x is no setting"}},
		{map[string]any{"c.breaker_failures": "few"}, []string{`c.breaker_failures is "few"`, "number"}},
		{map[string]any{"c.breaker_failures": 1.5}, []string{`c.breaker_failures is "1.5"`, "number"}},
		{map[string]any{"c.write_policy": "maybe"}, []string{`c.write_policy is "maybe"`, "fail_write"}},
		{map[string]any{"c.regions.r.ttl": "0"}, []string{`c.regions.r.ttl is "0"`, `"none"`}},
		{map[string]any{"c.regions.r.jitter": "some"}, []string{`c.regions.r.jitter is "some"`, "number"}},
		{map[string]any{"c.regions.r.stale_touched": "perhaps"}, []string{`c.regions.r.stale_touched is "perhaps"`, "true or false"}},
		{map[string]any{"c.regions.r.ttl": "1h", "c.regions.R.ttl": "2h"}, []string{"c.regions.r.ttl and c.regions.R.ttl are the same"}},
		{map[string]any{"c.regions.r.ttl": "1h", "c.regions.R.jitter": "0.1"}, []string{`c.regions.r.ttl names region "r"`, `"R"`}},
		{map[string]any{"c.read_timeout": "1s", "c.readTimeout": "2s"}, []string{"c.read_timeout and c.readTimeout are the same"}},
		{map[string]any{"c.read_timeout": "1s", "c": map[string]any{"read_timeout": "2s"}}, []string{"c.read_timeout is there twice"}},
		{map[string]any{"c.namespace": strings.Repeat("x", 30), "c.regions": self}, []string{"too many maps"}},
		{map[string]any{"c.read_timeout": strings.Repeat("9", 1000)}, []string{"999…"}},
	} {
		cfg, err := gormcache.ConfigFromMap(c.values, "c")
		if err == nil || !reflect.DeepEqual(cfg, gormcache.Config{}) {
			t.Errorf("%v: %+v, %v", c.values, cfg, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
				t.Errorf("%v: %v, want %q", c.values, err, want)
			}
		}
	}
}

// Each key that is wrong is named, not only the first.
func TestAllThatIsWrongIsNamed(t *testing.T) {
	t.Setenv("SHOP_REGIONS_A_TTL", "later")
	t.Setenv("SHOP_REGIONS_A_TLL", "1h")
	t.Setenv("SHOP_PASSWORD", "s3cret")
	t.Setenv("SHOPPING", "not ours")
	_, err := gormcache.ConfigFromEnv("SHOP")
	for _, want := range []string{`SHOP_REGIONS_A_TTL is "later"`, "SHOP_REGIONS_A_TLL is no setting: the nearest is SHOP_REGIONS_A_TTL", "SHOP_PASSWORD is no setting"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "SHOPPING") {
		t.Error(err)
	}
}

// Names of regions may hold words of fields, and '_'.
func TestNamesInTheEnvironment(t *testing.T) {
	for key, want := range map[string]string{
		"REGIONS_USER_LISTS_CLAIM_TTL": "user_lists claim",
		"REGIONS_CLAIM_TTL":            "claim",
		"REGIONS_A_NEGATIVE_TTL":       "a negative",
		"REGIONS_NEGATIVE_TTL":         "negative",
		"REGIONS_TTL_TTL":              "ttl",
		"REGIONS_Users_TTL":            "users",
	} {
		t.Run(key, func(t *testing.T) {
			t.Setenv("SHOP_"+key, "1h")
			cfg, err := gormcache.ConfigFromEnv("SHOP")
			name, field, _ := strings.Cut(want, " ")
			r := cfg.Regions[name]
			set := map[string]time.Duration{"": r.TTL, "claim": r.Claim.TTL, "negative": r.NegativeTTL}
			if err != nil || set[field] != time.Hour || len(cfg.Regions) != 1 {
				t.Errorf("%+v, %v", cfg, err)
			}
		})
	}
}

func TestThePrefixHasADefault(t *testing.T) {
	for _, v := range os.Environ() { // those of the tests themselves
		if key, _, _ := strings.Cut(v, "="); strings.HasPrefix(key, "GORMCACHE_") {
			t.Setenv(key, "") // restores it
			if err := os.Unsetenv(key); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("GORMCACHE_REGIONS_DEFAULT_TTL", "1h")
	if cfg, err := gormcache.ConfigFromEnv(""); err != nil || cfg.Regions["default"].TTL != time.Hour {
		t.Errorf("%+v, %v", cfg, err)
	}
}

// New refuses what the settings mean together, as it does for those in code.
func TestRegionsThatDifferInCaseOnly(t *testing.T) {
	_, err := gormcache.New(gormcache.Config{Namespace: "shop", Regions: map[string]region.Config{"Reports": {TTL: 1}, "reports ": {TTL: 1}, "users": {TTL: 1}}})
	if err == nil || !strings.Contains(err.Error(), `Regions has "Reports" and "reports "`) || !strings.Contains(err.Error(), "another name") || strings.Contains(err.Error(), "users") {
		t.Error(err)
	}
}

// FuzzConfigFromMap: whatever the keys and values, there is a configuration or an error that names the key; never a panic.
func FuzzConfigFromMap(f *testing.F) {
	for _, c := range everything {
		f.Add(c.key, c.value, "")
		f.Add("cache."+c.key, c.value, "cache")
		f.Add("SHOP_"+c.env, c.value, "SHOP")
	}
	f.Add("regions.\xff.ttl", "1h", "")
	f.Add("regions._._", "1h", "")
	f.Add("regions", "9e999s", "")
	f.Add("che.pri........", "AllowStale", "")
	f.Add("read_timeout", "9223372036854775807ns", "")
	f.Fuzz(func(t *testing.T, key, value, prefix string) {
		for _, values := range []map[string]any{{key: value}, {key: value, strings.ToUpper(key): value}, nested(key, value)} {
			cfg, err := gormcache.ConfigFromMap(values, prefix)
			if err != nil {
				deep := strings.Contains(err.Error(), "too many maps") // the error names the map that is one too many
				if !deep && !strings.Contains(err.Error(), key) && !strings.Contains(err.Error(), strings.ToUpper(key)) {
					t.Errorf("the error does not name %q: %v", key, err)
				}
				if !reflect.DeepEqual(cfg, gormcache.Config{}) {
					t.Errorf("an error beside %+v", cfg)
				}
				continue
			}
			for name, r := range cfg.Regions {
				if strings.TrimSpace(name) == "" {
					t.Errorf("a region without a name: %+v", cfg)
				}
				_ = r.WithDefaults().Validate()
			}
			_ = cfg.WithDefaults().Validate()
		}
	})
}
