package redisstore

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// probeAll tries the commands on every server that the client knows.
func probeAll(ctx context.Context, client redis.UniversalClient) error {
	one := func(ctx context.Context, c *redis.Client) error { return probe(ctx, c) }
	switch c := client.(type) {
	case *redis.ClusterClient:
		err := c.ForEachMaster(ctx, one)
		if redis.HasErrorPrefix(err, "This instance has cluster support disabled") {
			return unsupported("the server is not part of a Redis Cluster: use redis.NewClient, or NewFailoverClient behind "+
				"sentinels; NewUniversalClient takes several addresses for those of a Cluster (%v)", err)
		}
		return err
	case *redis.Ring:
		return c.ForEachShard(ctx, func(ctx context.Context, shard *redis.Client) error {
			if err := probe(ctx, shard); err != nil {
				return err
			}
			return probeHeartbeat(ctx, c, shard)
		})
	case *redis.Client:
		if err := probe(ctx, c); err != nil {
			return err
		}
		return probeSlots(ctx, c)
	}
	return probe(ctx, client)
}

// probe runs the script without a tag, which needs no right to any key.
func probe(ctx context.Context, c redis.Scripter) error {
	err := c.Eval(ctx, urgent.source, nil).Err()
	switch {
	case err == nil:
		return nil
	case redis.IsReadOnlyError(err):
		return unsupported("the server is a replica, which is some time behind: connect to its master, and "+
			"leave FailoverOptions.ReplicaOnly unset (%v)", err)
	case redis.IsPermissionError(err):
		return unsupported("the user may not run scripts, or not choose the client's DB: permit EVAL and EVALSHA in its "+
			"ACL, and SELECT for another DB than 0 (%v)", err)
	case noScripting(err):
		return unsupported("the server does not run scripts as Redis 7 does: use Redis 7.0 or later (%v)", err)
	}
	return err
}

// noScripting reports whether a server does not know EVAL, or cannot compile a script that starts with a shebang line.
// Other errors may go away, such as that of a server with too many clients.
func noScripting(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) || !strings.HasPrefix(reply.Error(), "ERR ") {
		return false
	}
	return unknownCommand(err) || strings.Contains(reply.Error(), "script")
}

// denied reports whether the user has no right to a command or a key. Within a script the message differs: Redis 7.0
// says "can't run this command", later versions and Valkey say "ACL failure in script".
func denied(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && (redis.IsPermissionError(err) ||
		strings.Contains(reply.Error(), "can't run this command") || strings.Contains(reply.Error(), "ACL failure in script"))
}

// credentials is the remedy when a server refuses the login.
const credentials = "set the client's Username and Password, such as redis.Options.Password"

// refusesLogin reports whether a server refuses the client: the user name or password is wrong or missing.
func refusesLogin(err error) bool {
	return redis.HasErrorPrefix(err, "WRONGPASS") || redis.HasErrorPrefix(err, "NOAUTH") ||
		redis.HasErrorPrefix(err, "ERR invalid password") || redis.HasErrorPrefix(err, "ERR AUTH")
}

func unknownCommand(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.HasPrefix(reply.Error(), "ERR unknown command")
}

// probeHeartbeat returns an error if the ring would soon consider the shard down, because the user may not PING.
func probeHeartbeat(ctx context.Context, ring *redis.Ring, shard *redis.Client) error {
	if ring.Options().HeartbeatFn(ctx, shard) {
		return nil
	}
	err := shard.Ping(ctx).Err()
	if redis.IsPermissionError(err) {
		return unsupported("the user may not PING, by which the ring learns which shards are up: permit it in its ACL (%v)", err)
	}
	return err
}

// probeSlots returns an error for a node of a Redis Cluster behind a client for a single server.
func probeSlots(ctx context.Context, c *redis.Client) error {
	err := c.MGet(ctx, "gormcache:check:1", "gormcache:check:2").Err()
	if _, moved := redis.IsMovedError(err); moved || redis.HasErrorPrefix(err, "CROSSSLOT") {
		return unsupported("the server is a node of a Redis Cluster: use redis.NewClusterClient (%v)", err)
	}
	if redis.IsPermissionError(err) {
		return nil // having no right to these two keys means nothing for other keys
	}
	return err
}
