package rows

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
)

// Split divides the rows: the i-th goes to part groups[i], of n parts, in the order they have now. Each
// part is a payload as [Encoder.Append] writes it, with all columns even if it has no rows.
// It panics if groups is not as long as the rows, or contains a number that is not below n.
func (v *Set) Split(groups []int, n int) [][]byte {
	order, first := sorted(groups, v.rows, n)
	heads := make([][]byte, len(v.columns))
	ends := make([][]int32, len(v.columns))
	for i := range v.columns {
		heads[i] = v.columns[i].append(nil)
		ends[i] = v.ends(i)
	}
	parts := make([][]byte, n)
	for g := range parts {
		rows := order[first[g]:first[g+1]]
		b := AppendInt(AppendInt(appendArray(nil, 4), entry.FormatVersion), int64(len(rows)))
		b = appendArray(append(b, v.zones...), len(v.columns))
		for i := range v.columns {
			b = v.appendBlock(append(b, heads[i]...), i, ends[i], rows)
		}
		parts[g] = b
	}
	return parts
}

// sorted returns the rows by their group, and where each group begins.
func sorted(groups []int, rows, n int) (order, first []int) {
	if len(groups) != rows {
		panic(fmt.Sprintf("rows: %d groups for %d rows", len(groups), rows))
	}
	first = make([]int, n+2)
	for _, g := range groups {
		first[g+2]++
	}
	for g := 2; g < len(first); g++ {
		first[g] += first[g-1]
	}
	order = make([]int, rows)
	for row, g := range groups {
		order[first[g+1]] = row
		first[g+1]++
	}
	return order, first
}

// ends returns where each value of column i ends in its block.
func (v *Set) ends(i int) []int32 {
	ends, c := make([]int32, v.rows), v.Cursor(i)
	for row := range ends {
		c.Next()
		ends[row] = int32(c.pos)
	}
	return ends
}

// appendBlock appends the binary that holds some rows of column i.
func (v *Set) appendBlock(dst []byte, i int, ends []int32, rows []int) []byte {
	value := func(row int) []byte {
		if row == 0 {
			return v.blocks[i][:ends[0]]
		}
		return v.blocks[i][ends[row-1]:ends[row]]
	}
	var head [5]byte
	array := appendArray(head[:0], len(rows))
	size := len(array)
	for _, row := range rows {
		size += len(value(row))
	}
	dst = append(appendBinHeader(slices.Grow(dst, size+5), size), array...)
	for _, row := range rows {
		dst = append(dst, value(row)...)
	}
	return dst
}

// Join concatenates the rows of several payloads. Their columns must be equal; a payload without rows only needs columns
// of the same names. Join returns [entry.ErrCorrupt] if the columns differ, if a payload cannot be read, or if there is no
// payload.
func (p *Parser) Join(payloads [][]byte) (*Set, error) {
	if len(payloads) == 0 {
		return nil, fmt.Errorf("%w: nothing to join", entry.ErrCorrupt)
	}
	head := headOf(payloads)
	v, heads, err := p.parse(payloads[head])
	if err != nil || len(payloads) == 1 {
		return v, err
	}
	j := joiner{heads: heads, width: len(v.columns), zones: v.zones, locs: v.locs, rows: v.rows}
	j.blocks = append(make([][]byte, 0, len(payloads)*j.width), v.blocks...)
	for i, payload := range payloads {
		if i != head && !j.add(payload) && !v.isEmptyLike(payload) {
			return nil, fmt.Errorf("%w: part %d does not go with part %d", entry.ErrCorrupt, i, head)
		}
	}
	return &Set{columns: v.columns, blocks: j.columns(), zones: v.zones, locs: j.locs, rows: j.rows}, nil
}

// headOf returns the index of the first payload that has rows, 0 if none has.
func headOf(payloads [][]byte) int {
	return max(0, slices.IndexFunc(payloads, func(payload []byte) bool {
		r := reader{b: payload}
		return r.array(1) != 4 || r.int() != entry.FormatVersion || r.int() != 0 || r.bad
	}))
}

// isEmptyLike reports whether a payload has no rows, and columns of the same names. Their types may differ: SQLite's
// drivers take the types of some columns from the first row.
func (v *Set) isEmptyLike(payload []byte) bool {
	other, err := Parse(payload)
	return err == nil && other.rows == 0 && slices.EqualFunc(v.columns, other.columns, func(a, b Column) bool { return a.Name == b.Name })
}

// joiner collects the blocks of several payloads.
type joiner struct {
	heads  *heads
	width  int
	blocks [][]byte // width of each payload
	zones  []byte   // the first table of zones
	locs   []*time.Location
	rows   int
}

// add reads a payload like Parse, but expects the columns of the first payload.
func (j *joiner) add(payload []byte) bool {
	r := reader{b: payload}
	if r.array(1) != 4 || r.int() != entry.FormatVersion {
		return false
	}
	rows := int(r.int())
	table := r.b
	locs := readZones(&r)
	if locs == nil || rows < 0 || rows > len(payload) {
		return false
	}
	table = table[:len(table)-len(r.b)]
	if r.array(1) != j.width {
		return false
	}
	shift := j.addZones(table, locs)
	blocks := j.blocks[len(j.blocks) : len(j.blocks)+j.width]
	rest, ok := j.heads.read(r, blocks)
	if !ok {
		return false
	}
	for i := range blocks {
		block := reader{b: blocks[i]}
		if block.array(1) != rows || block.bad || !checkBlock(block.b, rows, len(locs)) {
			return false
		}
		if shift > 0 {
			block.b = renumber(block.b, shift)
		}
		blocks[i] = block.b
	}
	j.blocks = j.blocks[:len(j.blocks)+j.width]
	j.rows += rows
	return len(rest.b) == 0
}

// addZones adds a payload's zones to the table, and returns how much their numbers rise. Most payloads have the table of
// the first.
func (j *joiner) addZones(table []byte, locs []*time.Location) (shift int) {
	if slices.Equal(table, j.zones) || len(locs) == zoneTable {
		return 0
	}
	shift = len(j.locs) - zoneTable
	j.locs = append(slices.Clip(j.locs), locs[zoneTable:]...)
	return shift
}

// renumber returns a copy of the block in which the numbers of zones are higher by shift.
func renumber(block []byte, shift int) []byte {
	block = slices.Clone(block)
	c := Cursor{b: block, locs: nil}
	for c.pos < len(block) {
		at, code := c.pos, block[c.pos]
		if code != codeTime {
			c.Next()
			continue
		}
		c.pos += int(sizes[codeTime])
		if zone := binary.BigEndian.Uint32(block[at+14:]); zone >= zoneTable {
			binary.BigEndian.PutUint32(block[at+14:], zone+uint32(shift))
		}
	}
	return block
}

// columns concatenates the blocks of each column, in one allocation.
func (j *joiner) columns() [][]byte {
	size := 0
	for _, b := range j.blocks {
		size += len(b)
	}
	all, columns := make([]byte, 0, size), make([][]byte, j.width)
	for i := range columns {
		start := len(all)
		for at := i; at < len(j.blocks); at += j.width {
			all = append(all, j.blocks[at]...)
		}
		columns[i] = all[start:len(all):len(all)]
	}
	return columns
}
