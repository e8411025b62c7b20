package forms_test

import (
	"sync"

	"github.com/seed-4f7f0efa/gormcache/tests/lab"
)

// statements notes every statement that reaches a database, below all pools and prepared statements.
type statements struct {
	lab.Lines
	mu   sync.Mutex
	gate func() // if not nil, called at each query
}

func (s *statements) add(sql string) {
	s.Add(sql)
	s.mu.Lock()
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
func (s *statements) take() []string { return s.Take() }
