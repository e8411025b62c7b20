package store

import (
	"context"
	"time"
)

// TagInfo is what a store can say of one tag to a person.
type TagInfo struct {
	Tag   string
	State State
	// Marks are those that the tag bears, in no order. A store that can't tell them apart leaves them out, also where
	// State is Marked.
	Marks []MarkInfo
}

// MarkInfo is one writer's mark.
type MarkInfo struct {
	Writer Writer
	// Left is the time until its deadline, by the store's clock. 0 or less: the writer has died or stalls, and the
	// next read or write that meets the mark removes it and changes the token.
	Left time.Duration
}

// Inspector is an optional capability of a [Store]: Inspect says what there is to know of tags, in their order. It
// changes nothing. States are those that Lookup gives.
type Inspector interface {
	Inspect(ctx context.Context, tags []string) ([]TagInfo, error)
}

// Inspect asks a store for what it knows of tags, without their marks where it is no [Inspector].
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
