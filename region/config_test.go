package region_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

func TestValidateNamesTheField(t *testing.T) {
	var noStore *memory.Store
	var noCodec *named
	for _, c := range []struct {
		want, remedy string
		cfg          region.Config
	}{
		{"TTL is 0s", "NoExpiration", region.Config{}},
		{"TTL is -1s", "positive", region.Config{TTL: -time.Second}},
		{"TTL is 2562047h", "NoExpiration", region.Config{TTL: region.NoExpiration - 1}},
		{"NegativeTTL is", "NoExpiration", region.Config{TTL: 1, NegativeTTL: region.NoExpiration - 1}},
		{"Jitter is 1", "less than 1", region.Config{TTL: 1, Jitter: 1}},
		{"Jitter is -0.1", "from 0", region.Config{TTL: 1, Jitter: -0.1}},
		{"Jitter is NaN", "from 0", region.Config{TTL: 1, Jitter: math.NaN()}},
		{"StaleWhileRevalidate is", "from 0 to 720h", region.Config{TTL: 1, StaleWhileRevalidate: region.MaxStale + 1}},
		{"StaleWhileRevalidate is set with TTL NoExpiration", "leave one", region.Config{TTL: region.NoExpiration, StaleWhileRevalidate: 1}},
		{"StaleIfError is", "from 0 to 720h", region.Config{TTL: 1, StaleIfError: region.MaxStale + 1}},
		{"StaleIfError is -1ns", "from 0 to", region.Config{TTL: 1, StaleIfError: -1}},
		{"StaleIfError is set with TTL NoExpiration", "leave one", region.Config{TTL: region.NoExpiration, StaleIfError: 1}},
		{"StaleTouched is set without StaleIfError", "set that too", region.Config{TTL: 1, StaleTouched: true}},
		{"EarlyRefresh.Beta is -1", "positive", region.Config{TTL: 1, EarlyRefresh: region.Early{Beta: -1}}},
		{"EarlyRefresh.Beta is NaN", "positive", region.Config{TTL: 1, EarlyRefresh: region.Early{Beta: math.NaN()}}},
		{"EarlyRefresh.Beta is +Inf", "positive", region.Config{TTL: 1, EarlyRefresh: region.Early{Beta: math.Inf(1)}}},
		{"EarlyRefresh.Share is 1", "less than 1", region.Config{TTL: 1, EarlyRefresh: region.Early{Share: 1}}},
		{"EarlyRefresh.Share is NaN", "less than 1", region.Config{TTL: 1, EarlyRefresh: region.Early{Share: math.NaN()}}},
		{"EarlyRefresh has Beta and Share", "leave one", region.Config{TTL: 1, EarlyRefresh: region.Early{Beta: 1, Share: 0.1}}},
		{"EarlyRefresh is set with TTL NoExpiration", "leave one", region.Config{TTL: region.NoExpiration, EarlyRefresh: region.Early{Beta: 1}}},
		{"SoftTimeout is -1ns", "0 for none", region.Config{TTL: 1, SoftTimeout: -1}},
		{"HardTimeout is -1ns", "0 for none", region.Config{TTL: 1, HardTimeout: -1}},
		{"SoftTimeout is 2ns, HardTimeout 2ns", "raise HardTimeout", region.Config{TTL: 1, StaleIfError: 1, SoftTimeout: 2, HardTimeout: 2}},
		{"SoftTimeout is set without StaleIfError", "set StaleIfError", region.Config{TTL: 1, SoftTimeout: 2}},
		{"Claim.TTL is 1ms", "at least 10ms", region.Config{TTL: 1, Claim: region.Claim{TTL: time.Millisecond}}},
		{"Claim.Wait is -1ns", "0 for the default", region.Config{TTL: 1, Claim: region.Claim{Wait: -1}}},
		{"Claim.Poll is -1ns", "0 for the default", region.Config{TTL: 1, Claim: region.Claim{Poll: -1}}},
		{"Claim.Wait is set", "leave one", region.Config{TTL: 1, Claim: region.Claim{TTL: -1, Wait: time.Second}}},
		{"Claim.Poll is 50ms, Claim.Wait 20ms", "lower Poll", region.Config{TTL: 1, Claim: region.Claim{Wait: 20 * time.Millisecond}}},
		{"MaxRows", "0 for the default", region.Config{TTL: 1, MaxRows: -1}},
		{"MaxBytes", "0 for the default", region.Config{TTL: 1, MaxBytes: -1}},
		{"Store is a *memory.Store that is nil", "leave it out", region.Config{TTL: 1, Store: noStore}},
		{"Codec is a *region_test.named that is nil", "leave it out", region.Config{TTL: 1, Codec: noCodec}},
		{`Codec names itself "a b"`, "A-Z", region.Config{TTL: 1, Codec: &named{name: "a b"}}},
		{`Codec names itself ""`, "A-Z", region.Config{TTL: 1, Codec: &named{}}},
	} {
		err := c.cfg.WithDefaults().Validate()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.remedy) {
			t.Errorf("%v, want %q and %q", err, c.want, c.remedy)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("one fault, several errors: %v", err)
		}
	}
}

// Falls if: a rule refuses what has a meaning. Each remedy that an error names is followed here.
func TestValidateLetsPass(t *testing.T) {
	for name, cfg := range map[string]region.Config{
		"no limits":            {TTL: region.NoExpiration, NegativeTTL: -1},
		"a long life":          {TTL: region.MaxTTL, NegativeTTL: region.NoExpiration},
		"old where it fails":   {TTL: 1, StaleIfError: region.MaxStale, StaleTouched: true},
		"longer than the SWR":  {TTL: 1, StaleIfError: 1, StaleWhileRevalidate: 2},
		"XFetch":               {TTL: 1, EarlyRefresh: region.Early{Beta: 1.5}},
		"a share":              {TTL: 1, EarlyRefresh: region.Early{Share: 0.2}, Jitter: 0.9},
		"soft and hard":        {TTL: 1, StaleIfError: 1, SoftTimeout: 1, HardTimeout: 2},
		"hard alone":           {TTL: region.NoExpiration, HardTimeout: 2},
		"no claims":            {TTL: 1, Claim: region.Claim{TTL: -1}},
		"claims":               {TTL: 1, Claim: region.Claim{TTL: region.MinClaimTTL, Wait: time.Minute, Poll: time.Second}},
		"a store, and a codec": {TTL: 1, Store: memory.New(), Codec: &named{name: "json2"}},
	} {
		if err := cfg.WithDefaults().Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if cfg.Store != nil {
			_ = cfg.Store.Close()
		}
	}
}

// named is a codec that has only a name.
type named struct {
	serializer.Codec
	name string
}

func (n *named) Name() string { return n.name }
