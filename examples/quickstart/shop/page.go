package shop

import (
	"fmt"
	"io"
	"time"
)

// page prints lines as they come: a program that hangs shows where.
type page struct{ out io.Writer }

// heading starts a part of the page.
func (p *page) heading(text string) { p.printf("\n%s\n", text) }

func (p *page) printf(format string, args ...any) { _, _ = fmt.Fprintf(p.out, format, args...) }

// short is a time in three digits or so.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d >= 100*time.Microsecond:
		return d.Round(time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}
