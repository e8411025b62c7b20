package rows

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
)

// Times refer to their zone by number: 0 is UTC, 1 is Local, and from 2 on the entries of a table of zones. Local stays
// Local: a driver that answers in Local does so in every process, whatever zone Local is there. Keys of answers contain
// the name of Local, see [LocalZone].
const (
	zoneUTC   = 0
	zoneLocal = 1
	zoneTable = 2
)

// localNow stands for time.Local in tables of zones. A program may replace time.Local at any time, and commonly does so in
// main. A pointer kept from before would give other times than the database does.
var localNow = new(time.Location)

// atStart is time.Local at the start of the program. A pool that was opened before time.Local was replaced may still
// return times in it.
var atStart = time.Local

// The kinds of zones. Their numbers are part of the format.
const (
	fixedZone = iota // a fixed offset
	namedZone        // a name of the IANA time zone database
	startZone        // atStart
)

// zone is one entry of the table.
type zone struct {
	kind   int64
	name   string
	offset int // seconds east of UTC, of a fixed zone.
}

// zones is the table while it is written.
type zones struct {
	list []zone
	locs []*time.Location // the location that each entry was made from, or an equal one.
}

// maxZones bounds the table, since finding a zone is a linear search. A result with more zones is not cached.
const maxZones = 256

// number returns the number of t's zone, adding it to the table if it is new.
func (z *zones) number(t time.Time) (uint32, error) {
	loc := t.Location()
	// If the program has set time.Local to time.UTC, a driver that answers in Local returns times with a location, and a
	// driver that answers in UTC returns times without one: they differ under ==.
	switch {
	case loc == time.UTC && (loc != time.Local || t == t.UTC()):
		return zoneUTC, nil
	case loc == time.Local:
		return zoneLocal, nil
	}
	name := loc.String()
	_, offset := t.Zone()
	for i, known := range z.list {
		if known.name == name && (z.locs[i] == loc || known.kind == fixedZone && known.offset == offset && reflect.DeepEqual(z.locs[i], loc)) {
			return uint32(i + zoneTable), nil
		}
	}
	if len(z.list) == maxZones {
		return 0, fmt.Errorf("%w: more than %d time zones", entry.ErrUnsupported, maxZones)
	}
	added := zone{kind: fixedZone, name: name, offset: offset}
	if fixed := time.FixedZone(name, offset); loc == atStart {
		added = zone{kind: startZone, name: name}
	} else if reflect.DeepEqual(fixed, loc) {
		loc = fixed
	} else if locations.accept(loc, t) {
		added = zone{kind: namedZone, name: name}
	} else {
		return 0, fmt.Errorf("%w: time zone %q is neither a fixed offset nor in the database", entry.ErrUnsupported, name)
	}
	z.list, z.locs = append(z.list, added), append(z.locs, loc)
	return uint32(len(z.list) - 1 + zoneTable), nil
}

// append appends the table.
func (z *zones) append(b []byte) []byte {
	b = appendArray(b, len(z.list))
	for _, zone := range z.list {
		b = zone.append(b)
	}
	return b
}

func (z zone) append(b []byte) []byte {
	b = AppendInt(appendArray(b, 3), z.kind)
	return AppendInt(appendString(b, z.name), int64(z.offset))
}

// location returns the location that z stands for in this process.
func (z zone) location() (*time.Location, error) {
	switch z.kind {
	case fixedZone:
		return time.FixedZone(z.name, z.offset), nil
	case startZone:
		return atStart, nil
	}
	if loc := locations.find(z.name); loc != nil {
		return loc, nil
	}
	return nil, fmt.Errorf("%w: unknown time zone %q", entry.ErrCorrupt, z.name)
}

// locations remembers the named zones that this process has met. Loading a zone reads a file, and two loads of one zone
// need not be deeply equal: each caches what was current when it was loaded. So every decoded time gets the first pointer
// that was met for its name.
var locations = locationTable{byName: map[string]*time.Location{}, adopted: map[string]bool{}}

type locationTable struct {
	mu      sync.RWMutex
	byName  map[string]*time.Location // nil: no such zone.
	adopted map[string]bool           // names whose pointer came with a time, and not from find.
}

// maxLocations bounds the table, which also remembers names that don't exist. The database has
// about 600 names.
const maxLocations = 1024

// accept reports whether loc equals the zone of that name in the time zone database, as far as a few probes show.
func (l *locationTable) accept(loc *time.Location, t time.Time) bool {
	name := loc.String()
	switch name {
	case "", "UTC", "Local":
		return false // LoadLocation gives these names a meaning that this pointer does not have.
	}
	loaded := l.find(name)
	if loaded == nil {
		return false
	}
	year := t.Year()
	for _, probe := range []time.Time{t, time.Unix(0, 0),
		time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC)} {
		n1, o1 := probe.In(loc).Zone()
		if n2, o2 := probe.In(loaded).Zone(); n1 != n2 || o1 != o2 {
			return false
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.adopted[name] && l.byName[name] != nil {
		l.adopted[name], l.byName[name] = true, loc
	}
	return true
}

// find returns the zone of that name, nil if there is none.
func (l *locationTable) find(name string) *time.Location {
	l.mu.RLock()
	loc, ok := l.byName[name]
	l.mu.RUnlock()
	if ok {
		return loc
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		loc = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if first, ok := l.byName[name]; ok {
		return first
	}
	if len(l.byName) < maxLocations {
		l.byName[string([]byte(name))] = loc // a copy: name aliases an entry.
	}
	return loc
}
