package store

import (
	"context"
	"time"
)

// TagInfo is what a store reports about one tag, for people.
type TagInfo struct {
	Tag   string
	State State
	// Marks are the tag's marks, in no order. A store that cannot distinguish marks leaves Marks empty, even if State is
	// Marked.
	Marks []MarkInfo
}

// MarkInfo is one writer's mark.
type MarkInfo struct {
	Writer Writer
	// Left is the time until the mark's deadline, by the store's clock. 0 or less: the writer has died or stalls, and the
	// next read or write that meets the mark removes the mark and changes the token.
	Left time.Duration
}

// Inspector is an optional capability of a [Store]: Inspect reports all that the store knows of tags, in their order.
// It changes nothing. The states are those that Lookup gives.
type Inspector interface {
	Inspect(ctx context.Context, tags []string) ([]TagInfo, error)
}

// Inspect returns what a store knows of tags, without their marks if the store is not an [Inspector].
func Inspect(ctx context.Context, s Store, tags []string) ([]TagInfo, error) {
	if i, ok := s.(Inspector); ok {
		return i.Inspect(ctx, tags)
	}
	l := Lookup{Tags: tags}
	if err := s.Lookup(ctx, &l); err != nil {
		return nil, err
	}
	infos := make([]TagInfo, len(tags))
	for i, tag := range tags {
		infos[i] = TagInfo{Tag: tag, State: l.States[i]}
	}
	return infos, nil
}
