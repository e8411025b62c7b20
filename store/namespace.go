package store

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// MaxKeySize is the greatest length of a key or tag in bytes: what memcached takes.
const MaxKeySize = 250

// maxNamespace leaves room in MaxKeySize for a kind and a hash.
const maxNamespace = 64

// Namespace is the prefix of every key and tag of one plugin. Keys read `<namespace>:<kind>:<name>`.
type Namespace string

// Validate says what is wrong with the namespace, or nil. It holds 1 to 64 of A-Z a-z 0-9 _ . -; no
// colon, so that no key of one namespace can be one of another, and no braces, which would pin all
// of it to one slot of a Redis Cluster.
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

// Entry is the key of an entry. The hash tells one query from another.
func (n Namespace) Entry(hash [24]byte) string {
	var buf [32]byte
	base64.RawURLEncoding.Encode(buf[:], hash[:])
	return string(n) + ":e:" + string(buf[:])
}

// Value is the key of a value that the user named.
func (n Namespace) Value(region, key string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%s", len(region), region, key)
	return string(n) + ":v:" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:24])
}

// Epoch is the tag that every entry of the namespace depends on.
func (n Namespace) Epoch() string { return string(n) + ":n" }

// Region is the tag of a region.
func (n Namespace) Region(name string) string { return n.tag("r", name) }

// Table is the tag of a table. The name may be qualified and in any case: only its last part counts,
// in lower case, so that `public.Users` and `users` are one. Two tables that share it are then
// invalidated together, which costs misses and never freshness.
func (n Namespace) Table(name string) string { return n.tag("t", TableName(name)) }

// Bulk is the tag of the writes to a table whose rows, or whose values of a tracked column, are not known.
func (n Namespace) Bulk(table string) string { return n.tag("b", TableName(table)) }

// Row is the tag of one row of a table; key is the text that stands for its primary key. Where two rows
// share a tag they are invalidated together.
func (n Namespace) Row(table, key string) string { return n.Rows(table).Tag([]byte(key)) }

// Rows are the tags that [Namespace.Row] gives for one table.
func (n Namespace) Rows(table string) Family { return n.family("k", TableName(table)+".") }

// Set is the tag of the rows of a table that have one value in a column.
func (n Namespace) Set(table, column, value string) string {
	return n.Sets(table, column).Tag([]byte(value))
}

// Sets are the tags that [Namespace.Set] gives for one column.
func (n Namespace) Sets(table, column string) Family {
	return n.family("s", TableName(table)+"."+column+".")
}

// Tracked is the tag that exists while entries may depend on a [Namespace.Set] of a table.
func (n Namespace) Tracked(table string) string { return n.tag("q", TableName(table)) }

// TrackedColumn is the tag that exists while entries may depend on a [Namespace.Set] of a column.
func (n Namespace) TrackedColumn(table, column string) string {
	return n.tag("q", TableName(table)+"."+column)
}

// User is a tag of the user's own.
func (n Namespace) User(name string) string { return n.tag("u", name) }

// Describe says in words what one of the namespace's tags stands for: "table users", "row 5 of users".
func (n Namespace) Describe(tag string) string {
	kind, name, _ := strings.Cut(strings.TrimPrefix(tag, string(n)+":"), ":")
	table, rest, _ := strings.Cut(name, ".")
	column, value, _ := strings.Cut(rest, ".")
	hashed := strings.HasPrefix(name, "=")
	switch {
	case !strings.HasPrefix(tag, string(n)+":"):
	case kind == "n":
		return "the whole namespace " + string(n)
	case hashed && kinds[kind] != "":
		return fmt.Sprintf("%s with a long name (tag %s)", kinds[kind], tag)
	case kind == "r":
		return "region " + name
	case kind == "t":
		return "table " + name
	case kind == "b":
		return "unnamed rows of " + name
	case kind == "k":
		return fmt.Sprintf("row %s of %s", rest, table)
	case kind == "s":
		return fmt.Sprintf("rows of %s where %s is %s", table, column, value)
	case kind == "q" && rest != "":
		return fmt.Sprintf("tracked column %s of %s", rest, table)
	case kind == "q":
		return "tracked columns of " + table
	case kind == "u":
		return fmt.Sprintf("tag %q", name)
	}
	return "tag " + tag
}

// kinds are what tags with a hash stand for.
var kinds = map[string]string{"r": "a region", "t": "a table", "b": "unnamed rows of a table", "k": "a row",
	"s": "rows with one value of a tracked column", "q": "a tracked column", "u": "a tag"}

// TableName is the canonical form of a table's name: the part after the last dot, in lower case.
func TableName(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToLower(name)
}

// maxTagName is the longest name that stands in a tag as it is.
const maxTagName = 100

func (n Namespace) tag(kind, name string) string { return n.family(kind, name).Tag(nil) }

func (n Namespace) family(kind, stem string) Family {
	return Family{head: string(n) + ":" + kind + ":", stem: stem}
}

// Family is the tags that differ only in the value they stand for. It does not change, and is safe for
// concurrent use.
type Family struct {
	head string // namespace and kind
	stem string // how all their names begin
}

// Tag is the tag of one value. It allocates nothing else. Short plain names are shown as they are, for whoever
// looks into the store, and others are hashed. The hashed form starts with '=', which no plain name does, so the
// two never meet.
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
