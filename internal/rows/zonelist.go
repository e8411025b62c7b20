package rows

import (
	"slices"
	"time"
)

// ZoneList holds the time zones of the times of one value, in a fixed order. The caller visits the times in the same
// order twice: before encoding, to add their zones, and after decoding, to restore them. The zero value is empty. It is
// not safe for concurrent use.
//
// Its encoding is [[zone…], [number…]].
type ZoneList struct {
	table   zones
	numbers []uint32         // of each time. One number stands for all times.
	locs    []*time.Location // by number; set when decoding.
	next    int
}

// Add adds the zone of the next time. It fails with [entry.ErrUnsupported] for a zone that cannot be encoded.
func (l *ZoneList) Add(t time.Time) error {
	number, err := l.table.number(t)
	l.numbers = append(l.numbers, number)
	return err
}

// Append appends the encoded list to b.
func (l *ZoneList) Append(b []byte) []byte {
	numbers := l.numbers
	if len(numbers) > 0 && !slices.ContainsFunc(numbers, func(n uint32) bool { return n != numbers[0] }) {
		numbers = numbers[:1] // nearly always: all times of a program are UTC, or all are Local.
	}
	b = l.table.append(appendArray(b, 2))
	b = appendArray(b, len(numbers))
	for _, n := range numbers {
		b = AppendInt(b, int64(n))
	}
	return b
}

// ReadZoneList reads a list that [ZoneList.Append] wrote, and returns the bytes after it.
func ReadZoneList(b []byte) (l *ZoneList, rest []byte, ok bool) {
	r := &reader{b: b}
	if r.array(1) != 2 {
		return nil, nil, false
	}
	l = &ZoneList{locs: readZones(r)}
	if l.locs == nil {
		return nil, nil, false
	}
	l.numbers = make([]uint32, r.array(1))
	for i := range l.numbers {
		number := r.int()
		if number < 0 || number >= int64(len(l.locs)) {
			return nil, nil, false
		}
		l.numbers[i] = uint32(number)
	}
	return l, r.b, !r.bad
}

// Restore returns the next time in the zone that it was encoded with.
func (l *ZoneList) Restore(t time.Time) time.Time {
	number := uint32(zoneUTC)
	if len(l.numbers) == 1 {
		number = l.numbers[0]
	} else if l.next < len(l.numbers) {
		number = l.numbers[l.next]
	}
	l.next++
	return timeOf(uint64(t.Unix()), uint32(t.Nanosecond()), l.locs[number])
}
