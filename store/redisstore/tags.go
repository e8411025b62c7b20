package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Tokens implements [store.Store]. A server that is out of memory refuses it, as it refuses entries.
func (s *Store) Tokens(ctx context.Context, tags []string, states []store.State) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	inc, err := s.recognize(ctx)
	if err != nil {
		return s.fail(ctx, "tokens", err)
	}
	values, err := s.change(ctx, frugal, operation{name: "tokens"}, tags)
	if err == nil {
		err = s.unchanged(ctx, inc)
	}
	if err != nil {
		return s.fail(ctx, "tokens", err)
	}
	for i, value := range values {
		if states[i] = parse(value); !states[i].Known {
			return s.fail(ctx, "tokens", fmt.Errorf("a tag's value of %d bytes makes no sense after its token was made", len(value)))
		}
	}
	inc.bind(states)
	return nil
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	// Without grace the mark stands for a millisecond: the next call that meets the mark removes it.
	_, err := s.write(ctx, operation{"mark", writer, max(grace, time.Millisecond), true}, tags)
	return err
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	values, err := s.write(ctx, operation{"settle", writer, max(linger, 0), true}, tags)
	var lost store.LostMarks
	for i, value := range values {
		if value == "" {
			lost.Tags = append(lost.Tags, tags[i])
		}
	}
	if len(lost.Tags) > 0 {
		return &lost
	}
	return err
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	_, err := s.write(ctx, operation{"unmark", writer, 0, false}, tags)
	return err
}

// write runs the urgent script, and returns its result for each tag.
func (s *Store) write(ctx context.Context, op operation, tags []string) ([]string, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	values, err := s.change(ctx, urgent, op, tags)
	if err != nil {
		return nil, s.fail(ctx, op.name, err)
	}
	return values, nil
}
