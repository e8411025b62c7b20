package memcachestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// maxSeconds is the longest time to live that memcached counts from now; a greater number would be a date, by clocks that
// need not agree.
const maxSeconds = 30 * 24 * 60 * 60

// expiration returns the time to live of an entry as memcached wants it: whole seconds, rounded up, since 0 means never. The
// server counts ticks, so a second may end at once; an entry lives up to a second longer than ttl, or shorter.
func expiration(ttl time.Duration) int32 {
	if ttl <= 0 {
		return 0
	}
	return int32(min((ttl-1)/time.Second+1, maxSeconds))
}

// wire returns the name of an item. Names that memcached does not take, and those that could be one of the store's own
// items, are hashed.
func wire(name string) string {
	if len(name) <= store.MaxKeySize && plain(name) && !strings.HasPrefix(name, "~") {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "~h:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

func plain(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] == 0x7f {
			return false
		}
	}
	return name != ""
}

// Lookup implements [store.Store]: one multi-get for each server, all at once; or two, one after the other, for several
// entries on several servers.
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	l.Reset()
	if err := s.ready(ctx); err != nil {
		return err
	}
	names := make([]string, 0, len(l.Keys)+len(l.Tags))
	names = append(append(names, l.Keys...), l.Tags...)
	answer := func(i int, value []byte) {
		if i < len(l.Keys) {
			l.Values[i] = value
		} else if t, ok := parseTag(value); ok {
			l.States[i-len(l.Keys)] = t.state()
		}
	}
	// A server reads the items of one multi-get in their order. Several answer at different moments. For one entry that is
	// enough: its tokens show whether it was true when its last tag was read. But several could be from both sides of a
	// commit, so their tags are read after all entries are here.
	parts := []int{0, len(names)}
	if len(l.Keys) > 1 && len(s.servers) > 1 {
		parts = []int{0, len(l.Keys), len(names)}
	}
	for p := range len(parts) - 1 {
		from, to := parts[p], parts[p+1]
		err := s.read(ctx, names[from:to], func(i int, value []byte) { answer(from+i, value) })
		if err != nil {
			l.Reset()
			return fail("lookup", err)
		}
	}
	return nil
}

// read gets items. It calls answer for those that exist, once all are here.
func (s *Store) read(ctx context.Context, names []string, answer func(i int, value []byte)) error {
	if len(names) == 0 {
		return nil
	}
	values := make([][]byte, len(names))
	err := together(s.groups(names), func(g group) error {
		if !g.server.rest.asks() {
			return fmt.Errorf("%s: %w", g.server.address, ErrAway)
		}
		began := time.Now()
		err := g.server.do(ctx, func(c *session) error {
			items, err := c.gets(names, g.places)
			if err != nil {
				return err
			}
			for _, i := range g.places {
				if item := items[wire(names[i])]; item != nil {
					values[i] = item.Value
				}
			}
			return nil
		})
		g.server.rest.note(ctx, began, err)
		return err
	})
	if err != nil {
		return err
	}
	for i, value := range values {
		if value != nil {
			answer(i, value)
		}
	}
	return nil
}

// gets reads the items of some names, with the numbers by which they can be changed.
func (c *session) gets(names []string, places []int) (map[string]*memcache.Item, error) {
	keys := make([]string, len(places))
	for i, p := range places {
		keys[i] = wire(names[p])
	}
	return c.client.GetMulti(keys)
}

// Set implements [store.Store].
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.SetAll(ctx, []store.Entry{{Key: key, Value: value, TTL: ttl}})
}

// setters is how many connections SetAll uses to each server at once: the client sends one command after the other.
const setters = 4

// SetAll implements [store.Batch]: one command for each entry, up to four at once on each server.
func (s *Store) SetAll(ctx context.Context, entries []store.Entry) error {
	if err := s.ready(ctx); err != nil || len(entries) == 0 {
		return err
	}
	names := make([]string, len(entries))
	for i := range entries {
		names[i] = entries[i].Key
	}
	return fail("set", together(split(s.groups(names)), func(g group) error {
		return g.server.do(ctx, func(c *session) error {
			for _, i := range g.places {
				if err := c.set(&entries[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}))
}

// split makes several groups of one with many names.
func split(all []group) (parts []group) {
	for _, g := range all {
		n := min(setters, len(g.places))
		for i := range n {
			parts = append(parts, group{g.server, g.places[i*len(g.places)/n : (i+1)*len(g.places)/n]})
		}
	}
	return parts
}

func (c *session) set(e *store.Entry) error {
	if e.TTL < 0 {
		return c.delete(e.Key)
	}
	return tooLarge(c.client.Set(&memcache.Item{Key: wire(e.Key), Value: e.Value, Expiration: expiration(e.TTL)}))
}

// tooLarge adds the remedy to the error of a value that the server refuses for its size: 1 MB with the key, unless memcached
// runs with another -I. What was stored under the key before is gone after a set, and stays after a cas.
func tooLarge(err error) error {
	if err != nil && strings.Contains(err.Error(), "object too large") {
		return fmt.Errorf("%w: set the region's MaxBytes below memcached's limit, compress entries (store/compress), or start "+
			"memcached with a greater -I (%w)", store.ErrTooLarge, err)
	}
	return err
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	if err := s.ready(ctx); err != nil || len(keys) == 0 {
		return err
	}
	return fail("delete", together(split(s.groups(keys)), func(g group) error {
		return g.server.do(ctx, func(c *session) error {
			for _, i := range g.places {
				if err := c.delete(keys[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}))
}

func (c *session) delete(key string) error {
	if err := c.client.Delete(wire(key)); !errors.Is(err, memcache.ErrCacheMiss) {
		return err
	}
	return nil
}

// maxTries bounds how often an item is read and changed anew because others changed it in between.
const maxTries = 64

// Swap implements [store.Swapper]: one multi-get for each server, and one command for each entry.
func (s *Store) Swap(ctx context.Context, swaps []store.Swap) error {
	for i := range swaps {
		swaps[i].Done = false
	}
	if err := s.ready(ctx); err != nil || len(swaps) == 0 {
		return err
	}
	names := make([]string, len(swaps))
	for i := range swaps {
		names[i] = swaps[i].Key
	}
	return fail("swap", together(s.groups(names), func(g group) error {
		return g.server.do(ctx, func(c *session) error { return c.swapAll(names, g.places, swaps) })
	}))
}

func (c *session) swapAll(names []string, places []int, swaps []store.Swap) error {
	return c.until(places, func(places []int) (again []int, err error) {
		items, err := c.gets(names, places)
		if err != nil {
			return nil, err
		}
		for _, i := range places {
			sw, item := &swaps[i], items[wire(names[i])]
			switch {
			case item != nil && bytes.Equal(item.Value, sw.Value):
				sw.Done = true
			case (item == nil) == (sw.Old == nil) && (item == nil || bytes.Equal(item.Value, sw.Old)):
				stored, err := c.put(item, names[i], sw.Value, sw.TTL)
				if err != nil {
					return nil, err
				}
				if sw.Done = stored; !stored {
					again = append(again, i)
				}
			}
		}
		return again, nil
	})
}

// put changes the item that was read, or adds it if there was none. It reports false if others were faster.
func (c *session) put(item *memcache.Item, name string, value []byte, ttl time.Duration) (stored bool, err error) {
	next := &memcache.Item{Key: wire(name), Value: value, Expiration: expiration(ttl)}
	if ttl < 0 {
		next.Expiration = -1 // its time is over
	}
	if item == nil {
		err = c.client.Add(next)
	} else {
		next.CasID = item.CasID
		err = c.client.CompareAndSwap(next)
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, memcache.ErrNotStored), errors.Is(err, memcache.ErrCASConflict), errors.Is(err, memcache.ErrCacheMiss):
		return false, nil
	}
	return false, tooLarge(err)
}
