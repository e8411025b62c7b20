package store

import (
	"errors"
	"fmt"
)

// LostMarks is the error of a Settle that has done all it was asked for, and found the writer's mark gone from
// some of the tags: it was evicted, flushed or lost in a failover, or it had run out. Whoever looked at such a tag
// since then has not seen that a write was under way.
type LostMarks struct {
	// Tags are those that did not bear the mark.
	Tags []string
}

// Error names the first of the tags.
func (l *LostMarks) Error() string {
	return fmt.Sprintf("gormcache: settled, but the writer's mark was gone from %d tags: %q…", len(l.Tags), l.Tags[0])
}

// Lost are the tags that a Settle which returned err has settled without finding the writer's mark.
func Lost(err error) []string {
	if lost, ok := errors.AsType[*LostMarks](err); ok {
		return lost.Tags
	}
	return nil
}

// Failure is err, unless the Settle that returned it has settled all tags.
func Failure(err error) error {
	if Lost(err) != nil {
		return nil
	}
	return err
}
