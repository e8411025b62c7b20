package memory

import (
	"context"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var _ store.Inspector = (*Store)(nil)

// Inspect implements [store.Inspector].
func (s *Store) Inspect(ctx context.Context, tags []string) ([]store.TagInfo, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	now := s.now()
	infos := make([]store.TagInfo, len(tags))
	for i, name := range tags {
		infos[i].Tag = name
		s.tags.change(name, now, false, func(t *tag) {
			infos[i].State = t.state(now)
			for _, m := range t.marks {
				infos[i].Marks = append(infos[i].Marks, store.MarkInfo{Writer: m.writer, Left: m.deadline - now})
			}
		})
	}
	return infos, nil
}
