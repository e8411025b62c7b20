// Package tier keeps the answers that one request has got, so that equal reads within it are answered once. A tier is a
// value of the request's context: the read side takes answers from it and leaves them there, the write side empties it, and
// both know nothing of each other. It imports nothing of this module.
package tier

import (
	"context"
	"slices"
	"sync"
)

// The most that one tier holds. One that is full begins anew.
const (
	maxAnswers = 1024
	maxBytes   = 8 << 20
)

// Key names an answer.
type Key struct {
	Region any // a pointer: plugins and regions share no answers
	Key    string
}

// Answer is an answer in bytes, which are not modified.
type Answer struct {
	Payload []byte
	Parts   [][]byte // of an answer in parts: those that were found
}

func (a *Answer) size() int {
	n := len(a.Payload)
	for _, part := range a.Parts {
		n += len(part)
	}
	return n
}

// held is an answer, and what it depends on.
type held struct {
	Answer
	tags []string
}

// Tier holds the answers of one request. It is safe for concurrent use.
type Tier struct {
	done <-chan struct{} // of the request

	mu      sync.Mutex
	answers map[Key]held
	bytes   int
	drops   uint64 // how often it was emptied by writes
	pauses  int    // values that are being made for others
	closed  bool
}

type contextKey struct{}

// With returns a context with a tier. One that has a tier keeps it: a second tier would not hear of writes with the
// first.
func With(ctx context.Context) context.Context {
	if Of(ctx) != nil {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, &Tier{done: ctx.Done()})
}

// Of returns the context's tier, nil if it has none. It does not allocate. The methods may be called on nil.
func Of(ctx context.Context) *Tier {
	if ctx == nil {
		return nil
	}
	t, _ := ctx.Value(contextKey{}).(*Tier)
	return t
}

// Seen returns what [Tier.Put] wants to know. It is called before the read asks the store:
//
//	reader:  lookup (old) ................................ Put: refused
//	writer:                mark, COMMIT, settle, Drop
func (t *Tier) Seen() uint64 {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.drops
}

// Get returns the answer that was put under a key with the same tags.
func (t *Tier) Get(k Key, tags []string) (Answer, bool) {
	if t == nil {
		return Answer{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.open() || t.pauses > 0 {
		return Answer{}, false
	}
	h, ok := t.answers[k]
	if !ok || !slices.Equal(h.tags, tags) {
		return Answer{}, false
	}
	return h.Answer, true
}

// Put keeps an answer, unless the tier was emptied since Seen returned seen. The first answer stays, so that of two reads
// at the same time none takes the request back to an older one, unless anew says that this one was asked for anew.
func (t *Tier) Put(seen uint64, k Key, tags []string, a Answer, anew bool) {
	if t == nil {
		return
	}
	size := a.size() + len(k.Key)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.open() || t.drops != seen || size > maxBytes {
		return
	}
	old, ok := t.answers[k]
	if ok && !anew && slices.Equal(old.tags, tags) {
		return
	}
	if ok {
		t.bytes -= old.size() + len(k.Key)
		delete(t.answers, k)
	}
	if len(t.answers) >= maxAnswers || t.bytes+size > maxBytes {
		t.empty()
	}
	if t.answers == nil {
		t.answers = map[Key]held{}
	}
	t.answers[k] = held{a, slices.Clone(tags)}
	t.bytes += size
}

// Drop empties the tier: the request has written. It is called when the write has taken effect and the store was told,
// so that what is looked up later is what was written.
func (t *Tier) Drop() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drops++
	t.empty()
}

// Close ends the use of the tier: the request writes, and nobody sees when that is committed.
func (t *Tier) Close() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.empty()
}

// Pause keeps the tier from answering until resume is called: a value is being made that others will be given, under
// tokens seen just now.
//
//	request:  reads users (old) .................. tokens; make: reads users (old, from its tier); fill: stale for all!
//	other:                       COMMIT of users
func (t *Tier) Pause() (resume func()) {
	if t == nil {
		return func() {}
	}
	t.pause(1)
	return func() { t.pause(-1) }
}

func (t *Tier) pause(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pauses += n
}

// open reports whether the tier is in use. It dies with the request's context.
func (t *Tier) open() bool {
	select {
	case <-t.done:
		t.closed = true
		t.empty()
	default:
	}
	return !t.closed
}

func (t *Tier) empty() {
	t.answers, t.bytes = nil, 0
}
