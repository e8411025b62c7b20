package replay

import (
	"sync"
	"sync/atomic"

	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// maxPlans bounds the plans kept; if there are more, all are dropped and made again as needed. A program has about one
// plan for each model, and one for each Select of other columns.
const maxPlans = 1024

// plans holds the plans made so far. Lookups take no lock: the map is copied on every write.
type plans struct {
	mu     sync.Mutex // held by writers.
	n      int
	byType atomic.Pointer[map[*schema.Schema][]*plan]
}

// find returns the plan for these columns of the schema. The schema's pointer is the key: GORM
// keeps one for each model and naming strategy.
func (s *plans) find(sch *schema.Schema, columns []rows.Column) *plan {
	if all := s.byType.Load(); all != nil {
		if p := match((*all)[sch], columns); p != nil {
			return p
		}
	}
	p := newPlan(sch, columns)
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[*schema.Schema][]*plan{}
	if all := s.byType.Load(); all != nil && s.n < maxPlans {
		if other := match((*all)[sch], columns); other != nil {
			return other
		}
		for k, v := range *all {
			next[k] = v
		}
	} else {
		s.n = 0
	}
	// A full slice expression: readers may hold the old slice.
	old := next[sch]
	next[sch] = append(old[:len(old):len(old)], p)
	s.n++
	s.byType.Store(&next)
	return p
}

func match(list []*plan, columns []rows.Column) *plan {
search:
	for _, p := range list {
		if len(p.names) != len(columns) {
			continue
		}
		for i := range columns {
			if p.names[i] != columns[i].Name {
				continue search
			}
		}
		return p
	}
	return nil
}
