package observe

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Unscoped is the reason of a query that no scope and no policy sends through the cache. It stands in
// explanations only, since such queries are not counted.
const Unscoped Reason = "unscoped"

// Class is what a query depends on.
type Class string

// The classes.
const (
	ClassTable  Class = "table"  // whole tables
	ClassRow    Class = "row"    // rows, by their primary keys
	ClassColumn Class = "column" // rows with certain values of one column
	ClassParts  Class = "parts"  // the same, with an entry for each value
)

func (c Class) words() string {
	switch c {
	case ClassRow:
		return "rows by their keys, of "
	case ClassColumn:
		return "rows with values of one column, of "
	case ClassParts:
		return "rows with values of one column, an entry for each, of "
	}
	return "all of "
}

// Explanation says what the cache does with some statements. It holds their arguments, as it is meant for whoever
// has asked. Its String is for people; as JSON it is for programs.
type Explanation struct {
	Statements []Statement `json:"statements"`
}

// Statement is one statement: either a query or a write.
type Statement struct {
	// SQL is its text with the arguments filled in, as gorm.DB.ToSQL gives it: to be read, not to be run.
	SQL string `json:"sql"`
	// Sample is set if it is what would be preloaded for one parent, whose key was made up.
	Sample bool   `json:"sample,omitempty"`
	Query  *Query `json:"query,omitempty"`
	Write  *Write `json:"write,omitempty"`
}

// Query says how a query is read.
type Query struct {
	// Region is the region it reads through, and By what sends it there.
	Region string `json:"region,omitempty"`
	By     string `json:"by,omitempty"`
	// Bypass is why it is left to the database, and Detail makes that precise; empty: it is not.
	Bypass Reason `json:"bypass,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Class is what it depends on: some rows, or whole tables.
	Class Class `json:"class,omitempty"`
	// Coarse is, where that is whole tables, why it is not rows.
	Coarse string   `json:"coarse,omitempty"`
	Tables []string `json:"tables,omitempty"`
	// Keys are those of its entries: one, but for ClassParts.
	Keys []string `json:"keys,omitempty"`
	// Tags are those it depends on, as they stand in the store.
	Tags []string `json:"tags,omitempty"`
	// TTL is the greatest age at which it is served.
	TTL time.Duration `json:"ttl,omitempty"`
	// EvictedBy is what drops it, in words.
	EvictedBy []string `json:"evicted_by,omitempty"`
}

// Write says what a write drops.
type Write struct {
	// Tables are those that it names, and Also those that change with them by cascades, triggers and
	// functions.
	Tables []string `json:"tables,omitempty"`
	Also   []string `json:"also,omitempty"`
	// Narrow is set if its rows are known, so that only they are dropped, and what depends on whole tables;
	// Coarse is why they are not.
	Narrow bool   `json:"narrow"`
	Coarse string `json:"coarse,omitempty"`
	// Tags are those that it changes, as they stand in the store.
	Tags []string `json:"tags,omitempty"`
	// Later are tags that only the write itself can tell, in words.
	Later []string `json:"later,omitempty"`
	// When they change.
	When string `json:"when,omitempty"`
}

// String shows the statements one below the other.
func (e Explanation) String() string {
	parts := make([]string, len(e.Statements))
	for i, s := range e.Statements {
		parts[i] = s.String()
	}
	return strings.Join(parts, "\n")
}

// JSON is the explanation as indented JSON.
func (e Explanation) JSON() string {
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil { // it has nothing but texts
		return err.Error()
	}
	return string(b)
}

// String shows the statement, a line for each thing said of it.
func (s Statement) String() string {
	var b strings.Builder
	b.WriteString(s.SQL + "\n")
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-11s %s\n", name, text)
		}
	}
	if s.Sample {
		line("preloaded", "for a parent, whose key is made up here")
	}
	if s.Query != nil {
		s.Query.lines(line)
	}
	if s.Write != nil {
		s.Write.lines(line)
	}
	return b.String()
}

func (q *Query) lines(line func(name, text string)) {
	if q.Bypass != "" {
		line("not cached", joined(": ", string(q.Bypass), q.Detail))
	}
	if q.Region != "" {
		line("region", joined(", by ", q.Region, q.By))
	}
	if q.Class != "" {
		line("depends on", joined(": ", q.Class.words()+strings.Join(q.Tables, ", "), q.Coarse))
	}
	for _, key := range q.Keys {
		line("key", key)
	}
	line("tags", strings.Join(q.Tags, " "))
	for i, cause := range q.EvictedBy {
		line([]string{"evicted by", ""}[min(i, 1)], cause)
	}
	if q.TTL > 0 {
		line("and after", q.TTL.String())
	}
}

func (w *Write) lines(line func(name, text string)) {
	line("writes", strings.Join(w.Tables, ", "))
	line("and so", strings.Join(w.Also, ", "))
	switch {
	case w.Narrow:
		line("drops", "what depends on its rows, or on the whole table")
	case w.Coarse != "":
		line("drops", "all that reads its tables: "+w.Coarse)
	}
	line("tags", strings.Join(w.Tags, " "))
	for _, later := range w.Later {
		line("and", later)
	}
	line("when", w.When)
}

// joined joins what is not empty.
func joined(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}
