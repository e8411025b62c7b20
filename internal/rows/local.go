package rows

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"
)

// LocalZone returns a name for the present time.Local. Processes whose Local is the same zone get the same name. Drivers
// read times by time.Local, so the name is part of the keys of answers. LocalZone is cheap, and safe for concurrent use.
func LocalZone() string {
	if known := local.Load(); known != nil && known.loc == time.Local {
		return known.name
	}
	known := &namedLocation{loc: time.Local, name: ZoneName(time.Local)}
	local.Store(known)
	return known.name
}

// local is the last result of LocalZone.
var local atomic.Pointer[namedLocation]

type namedLocation struct {
	loc  *time.Location
	name string
}

// ZoneName returns a name for a zone that is the same in all processes. It contains all offsets of the zone, since "Local"
// is another zone on each machine, and a fixed zone may have any name.
func ZoneName(loc *time.Location) string {
	if loc == time.UTC {
		return "UTC"
	}
	var b []byte
	end := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := time.Date(1800, 1, 1, 0, 0, 0, 0, loc); at.Before(end); {
		name, offset := at.Zone()
		b = binary.AppendVarint(b, int64(offset))
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
		_, next := at.ZoneBounds()
		if next.IsZero() {
			break
		}
		b = binary.AppendVarint(b, next.Unix())
		at = next
	}
	return fmt.Sprintf("%s %x", loc, sha256.Sum256(b))
}
