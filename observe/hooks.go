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
	// Outcome is how the read ended.
	Outcome Outcome
	// Reason is why the read was bypassed, or why what is old was served (LoadFailed, LoadSlow), or that the request had read it (InRequest);
	// empty otherwise.
	Reason Reason
	// Detail makes Reason precise, in a sentence: the function, the table, the error, and what to do. docs/reasons.md
	// lists all details. It may contain names from the SQL text. Of arguments it contains at most what tags contain, such
	// as a row's key.
	Detail string
	// Coalesced is set if the answer came from a load that another caller of this process ran.
	Coalesced bool
	// Err is the error that the read returned, nil if none. If the database failed, it is the database's own error, whose
	// text may quote arguments and data; the logger gets only its type.
	Err error
	// Duration is the time from the lookup to the answer's bytes, without scanning.
	Duration time.Duration
}

// Invalidation describes one change of tags.
type Invalidation struct {
	// Tags are the tags that changed, as named in the store.
	Tags []string
	// Queued is set if the store could not be reached and the change is being retried.
	Queued bool
	// Err is the store's error, nil if none.
	Err error
	// Doubt is why the writer's marks stay although the writer has ended, in words; empty if they do not stay. All
	// processes bypass these tags until the marks run out.
	Doubt string
	// Writer is the writer whose marks stay, in hexadecimal, and Left how long they stay; both are zero if Doubt is empty.
	Writer string
	Left   time.Duration
	// Cause is why everything in the namespace was dropped; empty if it was not.
	Cause Cause
	// Detail makes Cause precise: the name of a table, of a trigger or of a function. It never contains arguments.
	Detail string
	// Duration is what the marks and the new tokens cost the writer.
	Duration time.Duration
}

// Hooks are functions called after an event. Each may be nil. They run in the caller's goroutine, so they must be quick,
// and they must be safe for concurrent use.
type Hooks struct {
	// Read is called at the end of every read that opted in.
	Read func(context.Context, Read)
	// Invalidate is called after a commit, or an invalidation by hand, has changed tags, and when a statement in a
	// transaction that gormcache did not begin has fenced them.
	Invalidate func(context.Context, Invalidation)
	// StoreError is called when a call of the store failed; op is the method's name in lower case.
	StoreError func(ctx context.Context, op string, err error)
}
