// Package engine reads through the regions of a plugin: it looks an entry up with the tokens of its tags in one
// round trip, and otherwise loads it once for all callers that may share the answer:
//
//	          lookup(entry, tags)
//	                 |
//	  +--------------+---------------+----------------+
//	tokens equal   old, equal     a tag marked     otherwise
//	  |              |               |                |
//	 hit           stale           bypass           miss: missing tags get tokens,
//	               (refresh in     (caller loads,   load once for all who saw these
//	               background)     nothing stored)  very tokens: in this process by
//	                                                a flight, in all by a claim; fill
//
// What may be served of an entry, and when, is decided by Policy.fresh; which process loads, by Region.turn. Neither decides
// whether an answer is true.
//
// The tokens an entry carries are those seen before its load began. A load that reads old data while
// a writer commits therefore stores an entry that nobody accepts: the writer's settling has replaced
// the tokens. That is the whole of the freshness argument; the clock and the lock are for speed only.
package engine
