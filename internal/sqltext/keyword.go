package sqltext

// keyword is a word that the parser knows; zero is any other word.
type keyword uint8

const (
	kNone keyword = iota
	kAll
	kAnalyze
	kAnd // and other words that '(' may follow without a call
	kAs
	kBegin
	kBy
	kCascade
	kConflict
	kCopy
	kDelete
	kDistinct
	kExcept
	kExplain
	kFilter
	kFor
	kForce
	kFrom
	kGrouping
	kIgnore
	kIn
	kIndex
	kIndexed
	kInsert
	kInto
	kIs
	kJoin
	kKey
	kLateral
	kLock
	kMaterialized
	kMerge
	kMinus
	kNext
	kNo
	kNot
	kOn
	kOnly
	kOr
	kOrdinality
	kOver
	kPartition
	kRecursive
	kRepeatable
	kReplace
	kRestrict
	kRows
	kSelect
	kSet
	kSets
	kShare
	kSide // LEFT, CROSS, NATURAL, …: what may stand before JOIN
	kStraight
	kSystemTime
	kTable
	kTablesample
	kTail // WHERE, GROUP, LIMIT, …: what ends a list of tables
	kThen
	kUnion
	kUpdate
	kUse
	kUsing
	kValue
	kValues
	kWith
	kWithin
)

var keywords = map[string]keyword{
	"all": kAll, "analyse": kAnalyze, "analyze": kAnalyze, "as": kAs, "begin": kBegin, "by": kBy,
	"cascade": kCascade, "conflict": kConflict, "copy": kCopy, "delete": kDelete,
	"distinct": kDistinct, "except": kExcept, "explain": kExplain, "filter": kFilter, "for": kFor,
	"force": kForce, "from": kFrom, "grouping": kGrouping, "ignore": kIgnore, "in": kIn,
	"index": kIndex, "indexed": kIndexed, "insert": kInsert, "intersect": kUnion, "into": kInto,
	"is": kIs, "join": kJoin, "key": kKey, "lateral": kLateral, "lock": kLock,
	"materialized": kMaterialized, "merge": kMerge, "minus": kMinus, "next": kNext, "no": kNo,
	"not": kNot, "on": kOn, "only": kOnly, "or": kOr, "ordinality": kOrdinality, "over": kOver,
	"partition": kPartition, "previous": kNext, "recursive": kRecursive, "repeatable": kRepeatable,
	"replace": kReplace, "restrict": kRestrict, "rows": kRows, "select": kSelect, "set": kSet,
	"sets": kSets, "share": kShare, "straight_join": kStraight, "system_time": kSystemTime,
	"table": kTable, "tablesample": kTablesample, "then": kThen, "union": kUnion, "update": kUpdate,
	"use": kUse, "using": kUsing, "value": kValue, "values": kValues, "with": kWith,
	"within": kWithin,

	// Reserved, or never the name of a function that '(' follows.
	"and": kAnd, "any": kAnd, "array": kAnd, "between": kAnd, "case": kAnd, "else": kAnd,
	"end": kAnd, "exists": kAnd, "ilike": kAnd, "like": kAnd, "row": kAnd, "some": kAnd, "when": kAnd,

	"cross": kSide, "full": kSide, "inner": kSide, "left": kSide, "natural": kSide, "outer": kSide,
	"right": kSide, "asof": kSide,

	"fetch": kTail, "group": kTail, "having": kTail, "limit": kTail, "offset": kTail,
	"order": kTail, "procedure": kTail, "qualify": kTail, "returning": kTail, "where": kTail,
	"window": kTail, "connect": kTail,
}

// longestWord is the greatest length of keywords and known functions.
const longestWord = 32

// lookup returns the word's keyword.
func lookup(word string) keyword {
	if len(word) > 13 || len(word) < 2 {
		return kNone
	}
	var buf [longestWord]byte
	return keywords[string(lower(&buf, word))]
}

// lower folds the ASCII letters of a word of at most longestWord bytes.
func lower(buf *[longestWord]byte, word string) []byte {
	b := buf[:len(word)]
	for i := range len(word) {
		c := word[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		b[i] = c
	}
	return b
}
