package replay

import (
	"hash/maphash"

	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/memo"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// maxPlans bounds the plans kept. A program has about one plan for each of its models, and one for each Select of other
// columns.
const maxPlans = 1024

// plans are the plans made so far. They are safe for concurrent use.
type plans struct {
	made memo.Memo[planKey, *plan]
}

// planKey tells plans apart by the schema, of which GORM keeps one for each model and naming strategy, and by a hash
// of the columns' names.
type planKey struct {
	schema  *schema.Schema
	columns uint64
}

var seed = maphash.MakeSeed()

func newPlans() plans { return plans{made: memo.Memo[planKey, *plan]{Max: maxPlans}} }

// find returns the plan for these columns of the schema.
func (s *plans) find(sch *schema.Schema, columns []rows.Column) *plan {
	k := planKey{sch, hash(columns)}
	if p, ok := s.made.Get(k); ok && p.reads(columns) {
		return p
	}
	p := newPlan(sch, columns)
	s.made.Put(k, p)
	return p
}

func hash(columns []rows.Column) uint64 {
	sum := uint64(0)
	for i := range columns {
		sum = sum*31 + maphash.String(seed, columns[i].Name)
	}
	return sum
}

// reads reports whether the plan is one for these columns: two lists of names may have one hash.
func (p *plan) reads(columns []rows.Column) bool {
	if len(p.names) != len(columns) {
		return false
	}
	for i := range columns {
		if p.names[i] != columns[i].Name {
			return false
		}
	}
	return true
}
