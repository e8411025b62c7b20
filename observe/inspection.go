package observe

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Inspection is what there is to say of a plugin and its store at one moment, for whoever asks why queries are
// bypassed or old. It shows tags as they stand in the store; those of rows hold the values of their keys.
type Inspection struct {
	// Namespace is the plugin's, and At when it was asked, by this process's clock.
	Namespace string    `json:"namespace"`
	At        time.Time `json:"at"`
	// Epoch is the tag that everything depends on, and EpochSeen its token as this process has seen it last; where the
	// two differ, somebody has dropped everything since.
	Epoch     TagState `json:"epoch"`
	EpochSeen string   `json:"epoch_seen,omitempty"`
	// Schema counts how often this process has learned that the schema may have changed.
	Schema uint64 `json:"schema"`
	// Tables are those asked for, or those that this process has read through the cache or has something pending for.
	Tables []TableState `json:"tables,omitempty"`
	// Pending are the tags whose invalidation has not reached the store, the oldest first, and Questions what this
	// process could not ask it: whether others have changed the schema. Meanwhile it bypasses what depends on them.
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

// TableState is what the store says of a table's tags: the one that any write to it changes, the one that writes
// change whose rows are not known, and those of its rows and columns that are pending.
type TableState struct {
	Table string     `json:"table"`
	Tags  []TagState `json:"tags"`
}

// TagState is what the store says of a tag.
type TagState struct {
	Tag   string `json:"tag"`
	Is    State  `json:"is"`
	Token string `json:"token,omitempty"`
	// Marks are those of the writers that are about to commit, or have left them; while there is one, queries that
	// depend on the tag are bypassed. They are empty where the store does not tell them apart.
	Marks []Mark `json:"marks,omitempty"`
}

// State is the state of a tag.
type State string

const (
	// Clean is a tag that entries may depend on.
	Clean State = "clean"
	// MarkedState is a tag that a writer has marked.
	MarkedState State = "marked"
	// Absent is a tag that the store does not have: nothing that is cached depends on it.
	Absent State = "absent"
	// NotAsked is a tag of which the store could not be asked.
	NotAsked State = "not asked"
)

// Mark is one writer's mark on a tag.
type Mark struct {
	Writer string `json:"writer"`
	// Left is the time until the mark runs out, by the store's clock. 0 or less: the writer has died, and the next read
	// or write removes it.
	Left time.Duration `json:"left"`
	// Of says what this process knows of the writer, if it is one of its own.
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
	// Open is set while the store is not asked, since Since, because of Error.
	Open  bool      `json:"open"`
	Since time.Time `json:"since,omitzero"`
	Error string    `json:"error,omitempty"`
}

// JSON is the inspection as indented JSON.
func (i Inspection) JSON() string {
	b, err := json.MarshalIndent(i, "", "  ")
	if err != nil { // it has nothing but texts and times
		return err.Error()
	}
	return string(b)
}

// String shows the inspection as a table, a line for each mark.
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
