package main

import (
	"fmt"
	"io"
	"time"
)

// table prints lines as they come: a program that hangs shows where.
type table struct{ out io.Writer }

const line = "  %-42s %-22s %4s %10s\n"

func newTable(out io.Writer) *table { return &table{out: out} }

// heading starts a part of the table.
func (t *table) heading(text string) { t.printf("\n%s\n", text) }

// columns prints the names of the columns.
func (t *table) columns() { t.printf(line, "QUERY", "OUTCOME", "SQL", "TIME") }

// row prints one query.
func (t *table) row(name, outcome string, sql int64, took time.Duration) {
	unit := time.Microsecond
	if took > 10*time.Millisecond {
		unit = 100 * time.Microsecond
	}
	t.printf(line, name, outcome, fmt.Sprint(sql), took.Round(unit).String())
}

func (t *table) printf(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format, args...) }
