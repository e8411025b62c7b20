package redisstore

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
)

//go:embed inspect.lua
var inspectLua string

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

// change runs a script on each tag in one pipeline, and returns the tags' values.
func (s *Store) change(ctx context.Context, sc script, op operation, tags []string) ([]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	tags = append([]string(nil), tags...) // an abandoned call must not read the caller's slice
	nonce := store.NewToken()
	args := []any{
		op.name, nonce[:], op.writer[:],
		wholeMillis(op.span).Milliseconds(), s.tagTTL.Milliseconds(),
	}
	var wait waiting
	if op.lasting {
		wait = s.wait
	}
	values, err := call(ctx, &s.calls, func() ([]string, error) {
		return sc.eval(ctx, s.client, wait, tags, func(int) []any { return args })
	})
	if err == nil {
		err = s.ringComplete()
	}
	return values, err
}

// Inspect implements [store.Inspector]: one script for each tag, in one pipeline. It sends the text of the
// script each time, since only people call Inspect. The time left is by the clock of the server that holds the tag.
func (s *Store) Inspect(ctx context.Context, tags []string) ([]store.TagInfo, error) {
	if err := s.ready(ctx); err != nil || len(tags) == 0 {
		return nil, err
	}
	infos, err := s.inspect(ctx, append([]string(nil), tags...))
	if err != nil {
		return nil, s.fail(ctx, "inspect", err)
	}
	return infos, nil
}

func (s *Store) inspect(ctx context.Context, tags []string) ([]store.TagInfo, error) {
	inc, err := s.recognize(ctx)
	if err != nil {
		return nil, err
	}
	cmds, err := call(ctx, &s.calls, func() ([]redis.Cmder, error) {
		pipe := s.client.Pipeline()
		for _, tag := range tags {
			pipe.Eval(ctx, inspectLua, []string{tag})
		}
		return execute(ctx, pipe, func(error) bool { return false })
	})
	if err == nil {
		err = s.ringComplete()
	}
	if err == nil {
		err = s.unchanged(ctx, inc)
	}
	if err != nil {
		return nil, err
	}
	infos, states := make([]store.TagInfo, len(tags)), make([]store.State, len(tags))
	for i, cmd := range cmds {
		infos[i].Tag = tags[i]
		if states[i], infos[i].Marks, err = inspected(cmd); err != nil {
			return nil, err
		}
	}
	inc.bind(states)
	for i := range infos {
		infos[i].State = states[i]
	}
	return infos, nil
}

// inspected reads the script's answer for one tag: the server's time in ms, and the tag's value.
func inspected(cmd redis.Cmder) (state store.State, marks []store.MarkInfo, err error) {
	eval, ok := cmd.(*redis.Cmd)
	if !ok {
		return state, nil, fmt.Errorf("the answer is a %T", cmd)
	}
	answer, err := eval.StringSlice()
	if err != nil || len(answer) != 2 {
		return state, nil, errors.Join(err, fmt.Errorf("%d values in the place of a time and a tag's value", len(answer)))
	}
	now, err := strconv.ParseInt(answer[0], 10, 64)
	if state = parse(answer[1]); err != nil || !state.Marked {
		return state, nil, err
	}
	for rest := answer[1][store.TokenSize:]; rest != ""; rest = rest[markSize:] {
		deadline, err := strconv.ParseInt(rest[store.TokenSize:markSize], 10, 64)
		if err != nil { // parse has checked the digits
			return state, nil, err
		}
		left := time.Duration(deadline-now) * time.Millisecond
		marks = append(marks, store.MarkInfo{Writer: store.Writer([]byte(rest[:store.TokenSize])), Left: left})
	}
	return state, marks, nil
}
