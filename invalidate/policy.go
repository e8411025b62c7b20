package invalidate

import (
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
)

// Policy is what happens to a write when the store cannot be told of it.
type Policy uint8

const (
	// AllowStale commits anyway. The invalidation is queued and retried until it lands; meanwhile
	// this process bypasses the tables concerned. Other processes may serve what they have until it
	// lands, at most for the TTL.
	AllowStale Policy = iota
	// FailWrite refuses the write before it is committed, with [ErrStoreUnavailable].
	FailWrite
)

var (
	// ErrNotRegistered is returned where a database handle has no plugin.
	ErrNotRegistered = writer.ErrNotRegistered
	// ErrStoreUnavailable is wrapped by the error of a write that [FailWrite] refused. Nothing was committed.
	ErrStoreUnavailable = writer.ErrStoreUnavailable
	// ErrSession is wrapped by the error with which the cache stays off (reads are bypassed, with reason
	// observe.Catalog) on connections whose answers can't be taken for what is committed.
	ErrSession = schema.ErrSession
)

// PluginName is the name under which the plugin stands in gorm.DB.Plugins.
//
// Deprecated: use gormcache.Plugin's Name.
const PluginName = writer.PluginName
