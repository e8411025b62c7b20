package reader

import "sync"

// Limits of what is remembered of statements. When there are more, all are forgotten: programs have a few
// hundred texts, and one that makes them up without end gains nothing from remembering.
const (
	maxMemos    = 4096
	maxMemoText = 8 << 10
)

// memo remembers what was found out about statements. The zero value is ready; it is safe for concurrent use.
type memo[K interface {
	comparable
	text() string
}, V any] struct {
	mu sync.RWMutex
	m  map[K]*V
}

// get returns nil for what is not remembered.
func (m *memo[K, V]) get(k K) *V {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.m[k]
}

func (m *memo[K, V]) put(k K, v *V) {
	if len(k.text()) > maxMemoText {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil || len(m.m) >= maxMemos {
		m.m = map[K]*V{}
	}
	m.m[k] = v
}
