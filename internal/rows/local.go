package rows

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"
)

// LocalZone names what time.Local is now, so that processes in which it is the same zone get the same name.
// What drivers make of a time depends on it, so that it is part of the keys of answers. It is cheap, and safe
// for concurrent use.
func LocalZone() string {
	if known := local.Load(); known != nil && known.loc == time.Local {
		return known.name
	}
	known := &namedLocation{loc: time.Local, name: ZoneName(time.Local)}
	local.Store(known)
	return known.name
}

// local is what LocalZone named last.
var local atomic.Pointer[namedLocation]

type namedLocation struct {
	loc  *time.Location
	name string
}

// ZoneName names a zone so that other processes know it: by what it is called, and by all its offsets, since
// "Local" is another zone on each machine, and a fixed zone may have any name.
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
