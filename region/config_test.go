package region_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/region"
)

func TestValidateNamesTheField(t *testing.T) {
	for want, cfg := range map[string]region.Config{
		"TTL is 0s":               {},
		"TTL is -1s":              {TTL: -time.Second},
		"Jitter":                  {TTL: 1, Jitter: 1},
		"StaleWhileRevalidate is": {TTL: 1, StaleWhileRevalidate: region.MaxStale + 1},
		"NoExpiration":            {TTL: region.NoExpiration, StaleWhileRevalidate: 1},
		"MaxRows":                 {TTL: 1, MaxRows: -1},
		"MaxBytes":                {TTL: 1, MaxBytes: -1},
	} {
		err := cfg.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
	if err := (region.Config{TTL: region.NoExpiration, NegativeTTL: -1}).Validate(); err != nil {
		t.Error(err)
	}
}
