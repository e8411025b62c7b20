package region

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/serializer"
)

// What the pipeline of values asks of the region's policy.

// storeKey returns the key under which the store has the value that the application calls key, and whose the value is.
func (r *Region) storeKey(key string) (stored string, of owner) {
	ns, policy := r.engine.Namespace(), r.engine.Policy()
	codec := codecName(policy.Codec)
	if policy.Mangler != nil {
		if k, ok := ns.Readable(codec, r.Name(), policy.Mangler(key)); ok {
			return k, owner{key: key, said: true}
		}
	}
	return ns.ValueIn(codec, r.Name(), key), owner{}
}

// owner is the key that a value belongs to. Where a Mangler has made its name in the store, other keys may have that name
// too, and the value says whose it is:
//
//	payload = length of the key (a varint), key, encoded value
type owner struct {
	key  string
	said bool
}

var errOwner = errors.New("gormcache: the value is that of another key, which the region's Mangler gives the same name")

// mark returns what is stored of an encoded value; nil for the answer that there is none.
func (o owner) mark(value []byte) []byte {
	if !o.said {
		return value
	}
	b := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen32+len(o.key)+len(value)), uint64(len(o.key)))
	return append(append(b, o.key...), value...)
}

// value returns the encoded value in what was stored.
func (o owner) value(payload []byte) ([]byte, error) {
	if !o.said {
		return payload, nil
	}
	size, n := binary.Uvarint(payload)
	if n <= 0 || size != uint64(len(o.key)) || !bytes.HasPrefix(payload[n:], []byte(o.key)) {
		return nil, errOwner
	}
	return payload[n+len(o.key):], nil
}

// unmarshal decodes what was stored of a value.
func (r *Region) unmarshal(of owner, payload []byte, v any) error {
	value, err := of.value(payload)
	if err != nil {
		return err
	}
	return r.codec().Unmarshal(value, v)
}

// owned returns the value if it is the owner's, and nil otherwise.
func (o owner) owned(v *engine.Value) *engine.Value {
	if v == nil {
		return nil
	}
	if _, err := o.value(v.Entry.Payload); err != nil {
		return nil
	}
	return v
}

// codec is what the region encodes values with.
func (r *Region) codec() serializer.Codec {
	if c := r.engine.Policy().Codec; c != nil {
		return c
	}
	return serializer.Msgpack
}

// codecName is the part that a codec has in keys: none for the default one, whose keys are as old as regions.
func codecName(c serializer.Codec) string {
	if c == nil || c == serializer.Msgpack {
		return ""
	}
	return c.Name()
}

// storable reports whether the region's CacheIf lets a value be stored.
func (r *Region) storable(key string, value any) bool {
	fits := r.engine.Policy().CacheIf
	return fits == nil || fits(key, value)
}
