package rows

import (
	"math"
	"time"
	"unsafe"
)

// Kind is the type of a [Value].
type Kind uint8

// The kinds of a driver's values. Their numbers are not part of the format.
const (
	Null Kind = iota
	Bool
	Int64
	Uint64
	Float32
	Float64
	String
	Bytes
	NilBytes // a []byte that is nil: neither NULL nor empty.
	Time
)

// Value is one value of a row: a driver's value without the allocation of an interface. Call the accessor for its
// [Value.Kind]; other accessors return a meaningless value, but are safe.
// A String or Bytes aliases the bytes that were parsed.
type Value struct {
	// Kind is the value's type.
	Kind Kind
	nsec uint32
	bits uint64
	text string
	loc  *time.Location
}

// Bool returns the value of a Bool.
func (v Value) Bool() bool { return v.bits != 0 }

// Int64 returns the value of an Int64.
func (v Value) Int64() int64 { return int64(v.bits) }

// Uint64 returns the value of a Uint64.
func (v Value) Uint64() uint64 { return v.bits }

// Float32 returns the value of a Float32.
func (v Value) Float32() float32 { return math.Float32frombits(uint32(v.bits)) }

// Float64 returns the value of a Float64.
func (v Value) Float64() float64 { return math.Float64frombits(v.bits) }

// Text returns the value of a String or Bytes. It aliases the bytes that were parsed.
func (v Value) Text() string { return v.text }

// Time returns the value of a Time.
func (v Value) Time() time.Time { return timeOf(v.bits, v.nsec, v.loc) }

func timeOf(sec uint64, nsec uint32, loc *time.Location) time.Time {
	t := time.Unix(int64(sec), int64(nsec)) // in time.Local
	switch loc {
	case nil:
		return t.UTC()
	case localNow:
		return t
	}
	return t.In(loc)
}

// CloneBytes returns a copy of a Bytes, never nil, for the caller to keep and change.
func (v Value) CloneBytes() []byte { return append([]byte{}, v.text...) }

// Any returns the value as the driver gave it. A []byte is a copy, a string aliases the bytes that
// were parsed.
func (v Value) Any() any {
	switch v.Kind {
	case Bool:
		return v.Bool()
	case Int64:
		return v.Int64()
	case Uint64:
		return v.Uint64()
	case Float32:
		return v.Float32()
	case Float64:
		return v.Float64()
	case String:
		return v.text
	case Bytes:
		return v.CloneBytes()
	case NilBytes:
		return []byte(nil)
	case Time:
		return v.Time()
	}
	return nil
}

// alias returns b as a string without copying it.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
