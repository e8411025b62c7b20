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

var _ store.Inspector = (*Store)(nil)

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
