package observe

import (
	"context"
	"time"
)

// Read describes one cached read that has ended.
type Read struct {
	// Region is the region's name.
	Region string
	// Tables are the tables the query reads, canonical and sorted; empty for named values.
	// It is shared and must not be modified.
	Tables []string
	// Outcome is how it ended.
	Outcome Outcome
	// Reason says why it was bypassed; empty otherwise.
	Reason Reason
	// Detail makes Reason precise, in a sentence: the function, the table, the error, and what to do. docs/reasons.md
	// lists them. It may hold names from the SQL text, and of arguments no more than what stands in a tag, such as a
	// row's key.
	Detail string
	// Coalesced is set if the answer came from a load that another caller of this process ran.
	Coalesced bool
	// Err is the error the read returned, nil if none. It is the database's own where that failed, and
	// such texts may quote arguments and data; the logger gets no more than its type.
	Err error
	// Duration is the time from the lookup to the answer's bytes, scanning not included.
	Duration time.Duration
}

// Invalidation describes one change of tags.
type Invalidation struct {
	// Tags are the tags that changed, as they stand in the store.
	Tags []string
	// Queued is set if the store could not be reached and the change is being retried.
	Queued bool
	// Err is the store's error, nil if none.
	Err error
	// Doubt is why the writer's marks stay though it has ended, in words; empty: they do not. Its tags are bypassed by
	// everybody until the marks run out.
	Doubt string
	// Writer is whose marks stay, in hexadecimal, and Left for how long from now; zero if Doubt is empty.
	Writer string
	Left   time.Duration
	// Cause says why everything in the namespace was dropped; empty where it was not.
	Cause Cause
	// Detail makes Cause precise: the name of a table, of a trigger or of a function. It never holds arguments.
	Detail string
	// Duration is what the marks and the new tokens cost the writer.
	Duration time.Duration
}

// Hooks are called when something has happened. Each may be nil. They run in the caller's goroutine,
// so they must be quick, and they must be safe for concurrent use.
type Hooks struct {
	// Read is called at the end of every read that opted in.
	Read func(context.Context, Read)
	// Invalidate is called after a commit, or an invalidation by hand, has changed tags, and when a statement in a
	// transaction that gormcache did not begin has fenced them.
	Invalidate func(context.Context, Invalidation)
	// StoreError is called when a call of the store failed; op is the method's name in lower case.
	StoreError func(ctx context.Context, op string, err error)
}
