package fromcache

import "strings"

// Operations is a set of kinds of queries. Zero means all.
type Operations uint8

const (
	// Get is a query into one struct: First, Take, Last, Find(&user).
	Get Operations = 1 << iota
	// List is a query into anything else: slices, maps, Pluck, Scan, Rows, Row.
	List
	// Count is what gorm.DB.Count sends.
	Count
	// Relation is what Preload and Association send, whatever they read into.
	Relation

	allOperations = Get | List | Count | Relation
)

// String names the operations, joined by |.
func (o Operations) String() string {
	if o == 0 {
		o = allOperations
	}
	var names []string
	for i, name := range []string{"Get", "List", "Count", "Relation"} {
		if o&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|")
}
