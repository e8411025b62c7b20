// Package memcachestore is a store in memcached.
package memcachestore
