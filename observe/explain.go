package observe

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Unscoped is the reason for a query that neither a scope nor a policy sends through the cache. It occurs only in
// explanations, since such queries are not counted.
const Unscoped Reason = "unscoped"

// Class is what a query depends on.
type Class string

// The classes.
const (
	ClassTable  Class = "table"  // whole tables
	ClassRow    Class = "row"    // rows, by their primary keys
	ClassColumn Class = "column" // rows with certain values of one column
	ClassParts  Class = "parts"  // like ClassColumn, with an entry for each value
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

// Explanation is what the cache does with some statements. It contains their arguments. String is for people, JSON for
// programs.
type Explanation struct {
	Statements []Statement `json:"statements"`
}

// Statement is one statement: either a query or a write.
type Statement struct {
	// SQL is its text with the arguments filled in, as gorm.DB.ToSQL returns it: for reading, not for execution.
	SQL string `json:"sql"`
	// Sample is set for a preload, shown for one parent with a made-up key.
	Sample bool   `json:"sample,omitempty"`
	Query  *Query `json:"query,omitempty"`
	Write  *Write `json:"write,omitempty"`
}

// Query is how the cache reads a query.
type Query struct {
	// Region is the region of the query, and By what has sent the query there: a scope or a policy.
	Region string `json:"region,omitempty"`
	By     string `json:"by,omitempty"`
	// Bypass is why the database answers the query, and Detail makes that precise; both are empty if the cache is used.
	Bypass Reason `json:"bypass,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Class is what the query depends on: some rows, or whole tables.
	Class Class `json:"class,omitempty"`
	// Coarse is why the query depends on whole tables; empty if it depends on rows.
	Coarse string   `json:"coarse,omitempty"`
	Tables []string `json:"tables,omitempty"`
	// Keys are the keys of its entries: one key, except for ClassParts.
	Keys []string `json:"keys,omitempty"`
	// Tags are the tags that the query depends on, as named in the store.
	Tags []string `json:"tags,omitempty"`
	// TTL is the greatest age at which an entry is served.
	TTL time.Duration `json:"ttl,omitempty"`
	// InRequest is set where the context has what its request has read (fromcache.InRequest): of equal queries only the
	// first asks the store.
	InRequest bool `json:"in_request,omitempty"`
	// EvictedBy is what drops the entries, in words.
	EvictedBy []string `json:"evicted_by,omitempty"`
}

// Write is what a write drops.
type Write struct {
	// Tables are the tables that the write names, and Also those that change with them by cascades, triggers and
	// functions.
	Tables []string `json:"tables,omitempty"`
	Also   []string `json:"also,omitempty"`
	// Narrow is set if the written rows are known: then only entries of these rows, and entries that depend on whole
	// tables, are dropped. Coarse is why the rows are unknown.
	Narrow bool   `json:"narrow"`
	Coarse string `json:"coarse,omitempty"`
	// Tags are the tags that the write changes, as named in the store.
	Tags []string `json:"tags,omitempty"`
	// Later describes tags that are known only once the write runs.
	Later []string `json:"later,omitempty"`
	// When is when the tags change.
	When string `json:"when,omitempty"`
}

// String returns the statements one below the other.
func (e Explanation) String() string {
	parts := make([]string, len(e.Statements))
	for i, s := range e.Statements {
		parts[i] = s.String()
	}
	return strings.Join(parts, "\n")
}

// JSON returns the explanation as indented JSON.
func (e Explanation) JSON() string {
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil { // never: there are only texts
		return err.Error()
	}
	return string(b)
}

// String returns the statement, with one line for each fact.
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
	if q.InRequest {
		line("in request", "asked once, and answered again from the same answer")
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

// joined joins the texts that are not empty.
func joined(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}
