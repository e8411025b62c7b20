//go:build linux

package claims_test

import (
	"testing"
	"time"
)

// kinds are what the processes ask for.
var kinds = map[string]bool{"query": false, "value": true}

// loads counts the loads of some processes, and fails for what one of them found wrong.
func loads(t *testing.T, all []*process) (n int) {
	t.Helper()
	for _, c := range all {
		n += len(c.lines.With("loading"))
		if wrong := c.lines.With("wrong"); len(wrong) > 0 {
			t.Error(wrong[0])
		}
	}
	return n
}

// Falls if: the processes do not claim, or do not look once more when they have the claim.
func TestFourProcessesLoadOnce(t *testing.T) {
	for name, value := range kinds {
		t.Run(name, func(t *testing.T) {
			p := world(t)
			p.Value = value
			all := make([]*process, 4)
			for i := range all {
				all[i] = start(t, p)
			}
			for _, c := range all {
				c.says(t, "ready")
			}
			began := time.Now()
			for _, c := range all {
				c.in()
			}
			for _, c := range all {
				c.says(t, "done")
			}
			took := time.Since(began)
			if n := loads(t, all); n != 1 {
				t.Errorf("%d loads", n)
			}
			t.Logf("4 processes with 250 callers each on one cold key: %d loads of %v, all answered after %v", loads(t, all), p.Load, took.Round(time.Millisecond))
		})
	}
}

// Falls if: a claim does not run out, or who waits for it only listens.
func TestAKilledLoaderDelaysByItsClaim(t *testing.T) {
	for name, value := range kinds {
		t.Run(name, func(t *testing.T) {
			p := world(t)
			p.Value = value
			hung := p
			hung.Load = -1
			loader := start(t, hung)
			others := []*process{start(t, p), start(t, p), start(t, p)}
			for _, c := range append(others, loader) {
				c.says(t, "ready")
			}
			loader.in()
			loader.says(t, "loading")
			for _, c := range others {
				c.in()
				c.says(t, "asking")
			}
			time.Sleep(2 * p.TTL) // the claim is renewed for as long as the loader lives
			if n := loads(t, others); n != 0 {
				t.Fatalf("%d loads beside that of the loader", n)
			}
			loader.kill()
			killed := time.Now()
			for _, c := range others {
				c.says(t, "done")
			}
			delay := time.Since(killed) - p.Load
			if n := loads(t, others); n != 1 {
				t.Errorf("%d loads after the kill", n)
			}
			// What is beyond the claim is for the machine: 750 callers come at once.
			if delay > p.TTL+2*time.Second {
				t.Errorf("delayed by %v, where a claim holds for %v", delay, p.TTL)
			}
			t.Logf("the loader was killed: the others were delayed by %v; its claim holds for %v", delay.Round(time.Millisecond), p.TTL)
		})
	}
}
