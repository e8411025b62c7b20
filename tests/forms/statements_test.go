package forms_test

import (
	"slices"
	"sync"
)

// statements notes every statement that reaches a database, below all pools and prepared statements.
type statements struct {
	mu   sync.Mutex
	sqls []string
	gate func() // if not nil, called at each query
}

func (s *statements) add(sql string) {
	s.mu.Lock()
	s.sqls = append(s.sqls, sql)
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		gate()
	}
}

func (s *statements) setGate(gate func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
}

// take returns the statements since the last take.
func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.sqls
	s.sqls = nil
	return slices.Clone(taken)
}
