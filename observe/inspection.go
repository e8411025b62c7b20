package observe

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Inspection is the state of a plugin and its store at one moment. It helps to find out why queries are bypassed or
// answers are old. Tags are named as in the store; the tags of rows contain the values of their keys.
type Inspection struct {
	// Namespace is the plugin's namespace, and At the time of the inspection by this process's clock.
	Namespace string    `json:"namespace"`
	At        time.Time `json:"at"`
	// Epoch is the tag that everything depends on, and EpochSeen the token of it that this process has seen last. If the
	// tokens differ, some process has dropped everything since then.
	Epoch     TagState `json:"epoch"`
	EpochSeen string   `json:"epoch_seen,omitempty"`
	// Schema counts how often this process has learned that the schema may have changed.
	Schema uint64 `json:"schema"`
	// Tables are the tables asked for; by default those that this process has read through the cache, or for which
	// invalidations are pending.
	Tables []TableState `json:"tables,omitempty"`
	// Pending are the tags whose invalidation has not reached the store, the oldest first, and Questions the
	// number of questions that this process could not ask the store: whether another process has changed the schema. Meanwhile
	// this process bypasses queries that depend on the answers.
	Pending   []PendingTag `json:"pending,omitempty"`
	Questions int          `json:"questions,omitempty"`
	// LastError is the error of the writers' last call of the store that failed; it may be long past.
	LastError string `json:"last_error,omitempty"`
	// Readers and Writers are the breakers before the store.
	Readers BreakerState `json:"readers"`
	Writers BreakerState `json:"writers"`
	// Closed is set after Plugin.Close.
	Closed bool `json:"closed,omitempty"`
}

// TableState is the state of a table's tags: the tag T, which any write changes; the tag T!, which writes with unknown rows
// change; and the pending tags of rows and columns.
type TableState struct {
	Table string     `json:"table"`
	Tags  []TagState `json:"tags"`
}

// TagState is the state of a tag in the store.
type TagState struct {
	Tag   string `json:"tag"`
	Is    State  `json:"is"`
	Token string `json:"token,omitempty"`
	// Marks are the marks of writers that are about to commit, or that ended without removing them. While there is a mark,
	// queries that depend on the tag are bypassed. Marks is empty if the store cannot distinguish marks.
	Marks []Mark `json:"marks,omitempty"`
}

// State is the state of a tag.
type State string

const (
	// Clean is a tag that entries may depend on.
	Clean State = "clean"
	// MarkedState is a tag that a writer has marked.
	MarkedState State = "marked"
	// Absent is a tag that the store does not have: no valid entry depends on it.
	Absent State = "absent"
	// NotAsked is a tag for which the store could not be asked.
	NotAsked State = "not asked"
)

// Mark is one writer's mark on a tag.
type Mark struct {
	Writer string `json:"writer"`
	// Left is the time until the mark runs out, by the store's clock. 0 or less: the writer has died, and the next read
	// or write removes the mark.
	Left time.Duration `json:"left"`
	// Of describes the writer, if it is one of this process.
	Of string `json:"of,omitempty"`
}

// PendingTag is a tag whose invalidation has not reached the store.
type PendingTag struct {
	Tag    string    `json:"tag"`
	Writer string    `json:"writer"`
	Since  time.Time `json:"since"`
}

// BreakerState is the state of a breaker.
type BreakerState struct {
	// Open is set while the store is not asked, which began at Since because of Error.
	Open  bool      `json:"open"`
	Since time.Time `json:"since,omitzero"`
	Error string    `json:"error,omitempty"`
}

// JSON returns the inspection as indented JSON.
func (i Inspection) JSON() string {
	b, err := json.MarshalIndent(i, "", "  ")
	if err != nil { // never: there are only texts and times
		return err.Error()
	}
	return string(b)
}

// String returns the inspection as a table, with a line for each mark.
func (i Inspection) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(columns ...string) { _, _ = fmt.Fprintln(w, strings.Join(columns, "\t")) }
	schema := fmt.Sprintf("schema version %d", i.Schema)
	if i.Epoch.Token != "" && i.EpochSeen != i.Epoch.Token {
		schema += ", an epoch that this process has not seen yet"
	}
	if i.Closed {
		schema += ", the plugin is closed"
	}
	line("namespace", i.Namespace, schema)
	line("readers", i.Readers.text(i.At))
	line("writers", i.Writers.text(i.At))
	line("pending", i.waiting())
	for _, p := range i.Pending {
		line("", p.Tag, "for "+span(i.At.Sub(p.Since)), p.Writer)
	}
	line("")
	line("TABLE", "TAG", "IS", "LEFT", "WRITER", "")
	i.Epoch.lines("(all)", line)
	for _, t := range i.Tables {
		for n, tag := range t.Tags {
			name := t.Table
			if n > 0 {
				name = ""
			}
			tag.lines(name, line)
		}
	}
	_ = w.Flush() // into memory
	lines := strings.Split(b.String(), "\n")
	for n := range lines {
		lines[n] = strings.TrimRight(lines[n], " ")
	}
	return strings.Join(lines, "\n")
}

func (i Inspection) waiting() string {
	if len(i.Pending)+i.Questions == 0 {
		return "nothing"
	}
	text := fmt.Sprintf("%d tags", len(i.Pending))
	if i.Questions > 0 {
		text += fmt.Sprintf(", %d questions about the schema", i.Questions)
	}
	return joined(", last error: ", text, i.LastError)
}

func (t TagState) lines(table string, line func(...string)) {
	if len(t.Marks) == 0 {
		line(table, t.Tag, string(t.Is))
		return
	}
	for _, m := range t.Marks {
		left := span(m.Left)
		if m.Left <= 0 {
			left = "over"
		}
		line(table, t.Tag, string(t.Is), left, m.Writer, m.Of)
		table = ""
	}
}

func (s BreakerState) text(now time.Time) string {
	if !s.Open {
		return "ask the store"
	}
	return joined(": ", fmt.Sprintf("have not asked the store for %s", span(now.Sub(s.Since))), s.Error)
}

func span(d time.Duration) string { return d.Round(time.Millisecond).String() }
