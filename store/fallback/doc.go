// Package fallback is a new store with old ones behind it.
package fallback
