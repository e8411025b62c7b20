package redis_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Two entries of one answer lie on two nodes of a Cluster, each with its tag, and a row moves from one to the
// other: its commit, and a new fill of where it went, fall between the answers of the two nodes. The old
// entry of where it was must not be taken for valid together with the new one of where it is.
func TestPartsOfAnAnswerAreFromOneMoment(t *testing.T) {
	c := servers.RedisCluster(t)
	client := c.Client(t)
	from, to := apart(t, c)
	tags := []string{"{" + from + "}:tag", "{" + to + "}:tag"}
	keys := []string{"{" + from + "}:entry", "{" + to + "}:entry"}
	writer := redisstore.New(c.Client(t))

	held := &holdUp{first: keys[0], second: keys[1], answered: make(chan struct{}), until: func() {
		by := store.NewWriter()
		must(t, writer.Mark(t.Context(), tags, by, time.Minute))
		must(t, store.Failure(writer.Settle(t.Context(), tags, by, 0)))
		must(t, writer.Set(t.Context(), keys[1], []byte("here now"), time.Minute))
	}}
	client.OnNewNode(func(node *redis.Client) { node.AddHook(held) })
	reader := redisstore.New(client)
	before := make([]store.State, len(tags))
	must(t, writer.Tokens(t.Context(), tags, before))
	for _, key := range keys {
		must(t, writer.Set(t.Context(), key, []byte("of before"), time.Minute))
	}
	l := store.Lookup{Keys: keys, Tags: tags}
	must(t, reader.Lookup(t.Context(), &l))
	if string(l.Values[1]) != "here now" {
		t.Fatalf("the entry of where the row went is %q: the schedule did not happen", l.Values[1])
	}
	if string(l.Values[0]) == "of before" && l.States[0].Clean() && l.States[0].Token == before[0].Token {
		t.Error("the entry of where the row was looks valid, together with the one of where it is")
	}
}

// apart returns hash tags whose keys lie on two nodes.
func apart(t *testing.T, c *servers.RedisClusterServers) (one, other string) {
	t.Helper()
	one = "a"
	for i := range 100 {
		other = fmt.Sprint("b", i)
		if c.Serving(t, other) != c.Serving(t, one) {
			return one, other
		}
	}
	t.Fatal("all keys lie on one node")
	return "", ""
}

// holdUp lets something happen after one node has answered and before another is asked, once.
type holdUp struct {
	first, second string // keys
	answered      chan struct{}
	until         func()
	once          [2]sync.Once
}

func (*holdUp) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*holdUp) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *holdUp) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if asks(cmds, h.second) {
			h.once[1].Do(func() { <-h.answered; h.until() })
		}
		err := next(ctx, cmds)
		if asks(cmds, h.first) {
			h.once[0].Do(func() { close(h.answered) })
		}
		return err
	}
}

func asks(cmds []redis.Cmder, key string) bool {
	return slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return slices.Contains(cmd.Args(), any(key)) })
}
