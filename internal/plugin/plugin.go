// Package plugin finds the plugin of a database handle: for the words, which stand in packages of their own and do not
// know it.
package plugin

import (
	"errors"

	"gorm.io/gorm"
)

// Name is the name under which the plugin stands in gorm.DB.Plugins.
const Name = "gormcache"

// ErrNotRegistered is returned where a database handle has no plugin.
var ErrNotRegistered = errors.New("gormcache: the plugin is not registered on this *gorm.DB: call db.Use(plugin) first")

// Of returns the plugin of a handle, as the interface by which the caller knows it, or [ErrNotRegistered].
func Of[T any](db *gorm.DB) (T, error) {
	p, ok := db.Plugins[Name].(T)
	if !ok {
		return p, ErrNotRegistered
	}
	return p, nil
}
