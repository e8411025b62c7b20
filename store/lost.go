package store

import (
	"errors"
	"fmt"
)

// LostMarks is the error of a Settle that settled all tags, but found that some no longer had the writer's mark: the mark
// was evicted, flushed or lost in a failover, or its deadline had passed. A reader that looked at such a tag since then
// has not seen that a write was under way.
type LostMarks struct {
	// Tags are the tags without the mark.
	Tags []string
}

// Error implements error. It names the first of the tags.
func (l *LostMarks) Error() string {
	return fmt.Sprintf("gormcache: settled, but the writer's mark was gone from %d tags: %q…", len(l.Tags), l.Tags[0])
}

// Lost returns the tags on which the Settle that returned err did not find the writer's mark.
func Lost(err error) []string {
	if lost, ok := errors.AsType[*LostMarks](err); ok {
		return lost.Tags
	}
	return nil
}

// Failure returns err, or nil if the Settle that returned err has settled all tags.
func Failure(err error) error {
	if Lost(err) != nil {
		return nil
	}
	return err
}
