package engine

import (
	"bytes"
	"context"
)

// compared is the request whose load is compared with the payload of the entry that it takes the place of.
// Only a load that runs counts: of ten callers who find the entry dropped and share one, it is dropped once.
func (r *Region) compared(q *Request, dropped []byte) *Request {
	c := *q
	c.Load = func(ctx context.Context) (Loaded, error) {
		loaded, err := q.Load(ctx)
		if err == nil {
			r.countDropped(q, loaded.Reason == "" && bytes.Equal(loaded.Payload, dropped))
		}
		return loaded, err
	}
	return &c
}

func (r *Region) countDropped(q *Request, identical bool) {
	r.engine.cfg.Recorder.Dropped(identical)
	r.counter.Dropped(identical)
	for _, c := range q.Counters {
		c.Dropped(identical)
	}
}
