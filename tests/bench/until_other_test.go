//go:build !linux

package bench_test

import "time"

func until(t time.Time) { time.Sleep(time.Until(t)) }
