package region

import "github.com/seed-4f7f0efa/gormcache/serializer"

// What the pipeline of values asks of the region's policy.

// storeKey returns the key under which the store has the value that the application calls key.
func (r *Region) storeKey(key string) string {
	ns, policy := r.engine.Namespace(), r.engine.Policy()
	codec := codecName(policy.Codec)
	if policy.Mangler != nil {
		if k, ok := ns.Readable(codec, r.Name(), policy.Mangler(key)); ok {
			return k
		}
	}
	return ns.ValueIn(codec, r.Name(), key)
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
