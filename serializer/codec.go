package serializer

// Codec turns the values of a region into bytes and back: [Msgpack], or one of your own, such as JSON for programs in
// other languages. It is safe for concurrent use.
type Codec interface {
	// Name tells the encoding, such as "json". It is part of each value's key: bytes of one codec are never read by
	// another. Change it with the encoding, as in "json2". 1 to 32 of A-Z a-z 0-9 _ . - .
	Name() string
	// Marshal encodes v. An error means that v is returned, and not cached.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes what Marshal made into dst, a pointer to a value of the same type. An error is a miss.
	Unmarshal(b []byte, dst any) error
}

// Msgpack is the codec of regions that have none of their own: [Marshal] and [Unmarshal].
var Msgpack Codec = msgpackCodec{}

type msgpackCodec struct{}

func (msgpackCodec) Name() string                      { return "msgpack" }
func (msgpackCodec) Marshal(v any) ([]byte, error)     { return Marshal(v) }
func (msgpackCodec) Unmarshal(b []byte, dst any) error { return Unmarshal(b, dst) }
