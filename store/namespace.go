package store

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// MaxKeySize is the greatest length of a key or tag in bytes: the limit of memcached.
const MaxKeySize = 250

// maxNamespace leaves room within MaxKeySize for a kind and a hash.
const maxNamespace = 64

// MaxReadable is the greatest length of a name in [Namespace.Readable].
const MaxReadable = 100

// What is left within MaxKeySize for a region's name, and for that of a codec, in a readable key.
const (
	maxReadableRegion = 40
	maxCodec          = 32
)

// Namespace is the prefix of every key and tag of one plugin. It makes all keys and tags; nothing else spells them.
// Names on the wire read `<namespace>:<kind>:<name>`. They are an interface between versions, which share a store while a
// program is deployed: a kind, once released, keeps its letter and its meaning.
//
//	tag                in the store        method          changes when
//	namespace epoch    ns:n                Epoch           everything is to be dropped at once
//	region             ns:r:name           Region          the region is invalidated
//	region, softly     ns:f:name           Soft            the region is invalidated softly
//	region, with grace ns:g:name           Grace           the region is invalidated with grace
//	T                  ns:t:T              Table           any write to table T commits
//	T!                 ns:b:T              Bulk            a write to T commits whose rows, or whose values of a
//	                                                       tracked column, are not exactly known
//	T[pk=v]            ns:k:T.v            Row, Rows       a write commits that touches the row with primary key v
//	T[col=v]           ns:s:T.col.v        Set, Sets       a write commits that adds a row to, changes one in, or
//	                                                       removes one from the rows with value v in column col
//	T?                 ns:q:T              Tracked         (its existence says that columns of T are tracked)
//	T?c                ns:q:T.c            TrackedColumn   (its existence says that column c of T is tracked)
//	user's tag         ns:u:name           User            the user invalidates the tag
//
//	entry              in the store        method
//	answer to a query  ns:e:hash           Entry
//	value of a region  ns:v:hash           Value, ValueIn
//	  by its own name  ns:v:region:codec:x Readable
//
//	claim              in the store        method
//	to load an entry   ns:c:hash           Load
//	a lock             ns:l:name           Lock
//	a slot of a pool   ns:p:name           Pool
//
// T stands for the table's canonical name ([TableName]). The left column is the notation of the docs, the decisions and
// the comments. A name that is long, or holds other characters than letters, digits, '_', '.' and '-', is written as '='
// and a hash.
type Namespace string

// The kinds of keys and tags on the wire, as documented with [Namespace].
const (
	kindEntry   = "e"
	kindValue   = "v"
	kindEpoch   = "n"
	kindRegion  = "r"
	kindSoft    = "f"
	kindGrace   = "g"
	kindTable   = "t"
	kindBulk    = "b"
	kindRow     = "k"
	kindSet     = "s"
	kindTracked = "q"
	kindUser    = "u"
	kindLoad    = "c"
	kindLock    = "l"
	kindPool    = "p"
)

// OfTable reports whether a tag may stand for a table, or for rows or columns of one. It is false for what only this
// program itself invalidates: the namespace's epoch, a region (also softly, or with grace), a tag of the user.
func OfTable(tag string) bool {
	_, rest, _ := strings.Cut(tag, ":")
	kind, _, named := strings.Cut(rest, ":")
	switch kind {
	case kindRegion, kindSoft, kindGrace, kindUser:
		return !named
	}
	return !IsEpoch(tag) // also what a later release will have
}

// IsEpoch reports whether a tag is the epoch of some namespace.
func IsEpoch(tag string) bool {
	_, rest, _ := strings.Cut(tag, ":")
	return rest == kindEpoch
}

// Validate returns an error unless the namespace consists of 1 to 64 of A-Z a-z 0-9 _ . - characters. A colon could make
// a key of one namespace equal to one of another. Braces would put the whole namespace into one slot of a Redis Cluster.
func (n Namespace) Validate() error {
	if n == "" {
		return fmt.Errorf("namespace is empty: name the application, such as %q", "shop")
	}
	if len(n) > maxNamespace {
		return fmt.Errorf("namespace %q… is %d bytes long: use at most %d", n[:16], len(n), maxNamespace)
	}
	for i := range len(n) {
		if !plain(n[i]) {
			return fmt.Errorf("namespace %q holds %q: use only letters, digits, '_', '.' and '-'", string(n), n[i:i+1])
		}
	}
	return nil
}

// Entry returns the key of an entry. The hash identifies the query.
func (n Namespace) Entry(hash [24]byte) string {
	var buf [32]byte
	base64.RawURLEncoding.Encode(buf[:], hash[:])
	return n.head(kindEntry) + string(buf[:])
}

// Value returns the key of a value that the user named.
func (n Namespace) Value(region, key string) string {
	return n.ValueIn("", region, key)
}

// ValueIn is Value for a codec other than the one that regions have by default: bytes of the one are never found by the
// other. The two never give the same key.
func (n Namespace) ValueIn(codec, region, key string) string {
	var buf [MaxKeySize]byte // each read of a value makes its key: it allocates that alone, unless the names are long
	name := buf[:0]
	if codec != "" {
		name = appendName(append(name, "in "...), codec) // without a codec it begins with a digit
	}
	hash := sha256.Sum256(append(appendName(name, region), key...))
	head := append(append(append(buf[:0], n...), ':'), kindValue+":"...)
	return string(base64.RawURLEncoding.AppendEncode(head, hash[:24]))
}

// appendName appends a name with its length before it: two names in a row are never two others.
func appendName(dst []byte, name string) []byte {
	return append(append(strconv.AppendInt(dst, int64(len(name)), 10), ':'), name...)
}

// Readable returns the key of a value whose name was made by the user's own function, which stands in it unchanged; ok is
// false if the name is empty, longer than [MaxReadable], or holds a space or anything else than printable ASCII. The key
// of another region or codec, and a hashed one, are never the same. codec is empty for the one that regions have by default.
func (n Namespace) Readable(codec, region, name string) (key string, ok bool) {
	if len(name) == 0 || len(name) > MaxReadable || len(codec) > maxCodec {
		return "", false
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return "", false
		}
	}
	if len(region) > maxReadableRegion || !allPlain([]byte(region)) {
		sum := sha256.Sum256([]byte(region))
		region = "=" + base64.RawURLEncoding.EncodeToString(sum[:24])
	}
	return n.head(kindValue) + region + ":" + codec + ":" + name, true // neither has a colon
}

// Load returns the name of the claim to load an entry for all processes. The id is of the entry, and of the tokens that
// were seen.
func (n Namespace) Load(id []byte) string {
	sum := sha256.Sum256(id)
	return n.head(kindLoad) + base64.RawURLEncoding.EncodeToString(sum[:24])
}

// Lock returns the name of the claim of a lock that the user named.
func (n Namespace) Lock(name string) string { return n.tag(kindLock, name) }

// Pool returns the name of the claims of a pool that the user named. No lock has the same.
func (n Namespace) Pool(name string) string { return n.tag(kindPool, name) }

// Epoch returns the tag that every entry of the namespace depends on.
func (n Namespace) Epoch() string { return string(n) + ":" + kindEpoch }

// Region returns the tag of a region.
func (n Namespace) Region(name string) string { return n.tag(kindRegion, name) }

// Soft returns the tag of a region that changes when what the region holds becomes stale, and may be served while it is
// reloaded. Only entries of regions that serve what is stale depend on it.
func (n Namespace) Soft(region string) string { return n.tag(kindSoft, region) }

// Grace returns the tag of a region that changes when what the region holds is to be reloaded, and may be served where
// that fails. Only entries of regions that serve what is old where a load fails depend on it.
func (n Namespace) Grace(region string) string { return n.tag(kindGrace, region) }

// Table returns T, the tag of a table. The name may be qualified and in any case: only its last part counts, in lower
// case, so `public.Users` and `users` share a tag. Two tables that share a tag are invalidated together, which costs
// misses and never freshness.
func (n Namespace) Table(name string) string { return n.tag(kindTable, TableName(name)) }

// Bulk returns T!, the tag of writes to a table whose rows, or whose values of a tracked column, are not exactly known.
func (n Namespace) Bulk(table string) string { return n.tag(kindBulk, TableName(table)) }

// Row returns T[pk=v], the tag of one row of a table; key is the text that stands for its primary key. Two rows that
// share a tag are invalidated together.
func (n Namespace) Row(table, key string) string { return n.Rows(table).Tag([]byte(key)) }

// Rows returns the family of the tags that [Namespace.Row] returns for one table.
func (n Namespace) Rows(table string) Family { return n.family(kindRow, TableName(table)+".") }

// Set returns T[col=v], the tag of the rows of a table that have one value in a column.
func (n Namespace) Set(table, column, value string) string {
	return n.Sets(table, column).Tag([]byte(value))
}

// Sets returns the family of the tags that [Namespace.Set] returns for one column.
func (n Namespace) Sets(table, column string) Family {
	return n.family(kindSet, TableName(table)+"."+column+".")
}

// Tracked returns T?, the tag that exists while entries may depend on a [Namespace.Set] of a table.
func (n Namespace) Tracked(table string) string { return n.tag(kindTracked, TableName(table)) }

// TrackedColumn returns T?c, the tag that exists while entries may depend on a [Namespace.Set] of a column.
func (n Namespace) TrackedColumn(table, column string) string {
	return n.tag(kindTracked, TableName(table)+"."+column)
}

// User returns a tag that the user named.
func (n Namespace) User(name string) string { return n.tag(kindUser, name) }

// IsValue reports whether [Namespace.Value] made the key.
func IsValue(key string) bool { return kindOf(key) == kindValue }

// IsTracking reports whether [Namespace.Tracked] or [Namespace.TrackedColumn] made the tag.
func IsTracking(tag string) bool { return kindOf(tag) == kindTracked }

func kindOf(name string) string {
	_, rest, _ := strings.Cut(name, ":")
	kind, _, _ := strings.Cut(rest, ":")
	return kind
}

// Describe returns in words what a tag of the namespace stands for: "table users", "row 5 of users".
func (n Namespace) Describe(tag string) string {
	kind, name, _ := strings.Cut(strings.TrimPrefix(tag, string(n)+":"), ":")
	table, rest, _ := strings.Cut(name, ".")
	column, value, _ := strings.Cut(rest, ".")
	hashed := strings.HasPrefix(name, "=")
	switch {
	case !strings.HasPrefix(tag, string(n)+":"):
	case kind == kindEpoch:
		return "the whole namespace " + string(n)
	case hashed && kinds[kind] != "":
		return fmt.Sprintf("%s with a long name (tag %s)", kinds[kind], tag)
	case kind == kindRegion:
		return "region " + name
	case kind == kindSoft:
		return "soft invalidations of region " + name
	case kind == kindGrace:
		return "invalidations with grace of region " + name
	case kind == kindTable:
		return "table " + name
	case kind == kindBulk:
		return "unnamed rows of " + name
	case kind == kindRow:
		return fmt.Sprintf("row %s of %s", rest, table)
	case kind == kindSet:
		return fmt.Sprintf("rows of %s where %s is %s", table, column, value)
	case kind == kindTracked && rest != "":
		return fmt.Sprintf("tracked column %s of %s", rest, table)
	case kind == kindTracked:
		return "tracked columns of " + table
	case kind == kindUser:
		return fmt.Sprintf("tag %q", name)
	}
	return "tag " + tag
}

// kinds are what tags with a hash stand for, in words.
var kinds = map[string]string{
	kindRegion: "a region", kindSoft: "soft invalidations of a region", kindGrace: "invalidations with grace of a region", kindTable: "a table", kindBulk: "unnamed rows of a table", kindRow: "a row",
	kindSet: "rows with one value of a tracked column", kindTracked: "a tracked column", kindUser: "a tag",
}

// TableName returns the canonical form of a table's name: the part after the last dot, in lower case.
func TableName(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToLower(name)
}

// maxTagName is the longest name that stands in a tag without being hashed.
const maxTagName = 100

func (n Namespace) tag(kind, name string) string { return n.family(kind, name).Tag(nil) }

func (n Namespace) family(kind, stem string) Family {
	return Family{head: n.head(kind), stem: stem}
}

// head returns the beginning of all keys or tags of one kind.
func (n Namespace) head(kind string) string { return string(n) + ":" + kind + ":" }

// Family makes the tags that differ only in the value that they stand for. It is immutable, and safe for concurrent use.
type Family struct {
	head string // namespace and kind
	stem string // the common beginning of their names
}

// Tag returns the tag of one value. It allocates only the tag. Short plain names stand in the tag unchanged, for people
// who look into the store; other names are hashed. The hashed form starts with '=', which no plain name does, so the two
// forms never collide.
func (f Family) Tag(value []byte) string {
	b := make([]byte, 0, MaxKeySize)
	b = append(append(append(b, f.head...), f.stem...), value...)
	if name := b[len(f.head):]; len(name) > maxTagName || !allPlain(name) {
		sum := sha256.Sum256(name)
		b = base64.RawURLEncoding.AppendEncode(append(b[:len(f.head)], '='), sum[:24])
	}
	return string(b)
}

func allPlain(name []byte) bool {
	for _, c := range name {
		if !plain(c) {
			return false
		}
	}
	return len(name) > 0
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
}
