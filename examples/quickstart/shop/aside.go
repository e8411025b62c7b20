package shop

import "gorm.io/gorm"

// aside is a cache as it is often written by hand, "cache-aside": who reads asks it, and on a miss loads and sets;
// who writes deletes. It is a map here, and would be a Redis elsewhere: what goes wrong is the same. A TTL would
// only say for how long.
type aside map[string]any

// cached answers from the cache, or by load.
func cached[T any](a aside, key string, load func() (T, error)) (T, error) {
	if v, ok := a[key]; ok {
		return v.(T), nil
	}
	v, err := load()
	if err == nil {
		a[key] = v
	}
	return v, err
}

// reader reads a user's age, or the number of old users, through one of the two caches.
type reader interface {
	age(tx *gorm.DB) (int, error)
	old() (int64, error)
	// written is what a careful programmer calls after each write to the user.
	written()
	// handle is what to write with; counter is its counter.
	handle() (*gorm.DB, *counter)
}
