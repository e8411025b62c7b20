package sqltext

// MayWrite reports whether a text may write. It is false only if the text is certainly one plain SELECT that calls only a
// few well-known functions. It is fast and does not allocate: call it before asking a Cache.
func MayWrite(sql string) bool {
	i := 0
	for i < len(sql) && class[sql[i]] == cSpace {
		i++
	}
	if len(sql)-i < 7 || !isWord(sql[i:i+6], "select") || inIdent(sql[i+6]) {
		return true
	}
	start, end := 0, 0 // the last word, or what is quoted, which is no keyword
	dot, qualified := false, false
	for i += 6; i < len(sql); i++ {
		switch c := sql[i]; c {
		case '\'', '"', '`':
			if i = closing(sql, i); i < 0 {
				return true
			}
			start, end, dot = i, i+1, false
		case '(':
			// end is where the last word ended, spaces after it skipped.
			if end == i && (qualified || !isSafeWord(sql[start:])) {
				return true
			}
		case '.':
			dot = true
		case ';', '[', '\\', '#', 0:
			return true
		case '-', '/':
			if i+1 < len(sql) && (sql[i+1] == '-' || sql[i+1] == '*') {
				return true
			}
		case '$':
			if i+1 >= len(sql) || class[sql[i+1]] != cDigit {
				return true
			}
			for i+1 < len(sql) && class[sql[i+1]] == cDigit {
				i++
			}
			start, end = i, i+1
		default:
			switch {
			case class[c] >= cIdent: // names may start with digits in MySQL
				qualified, dot = dot, false // a built-in function's name in a schema of the application's
				start = i
				for i++; i < len(sql) && inIdent(sql[i]); i++ {
				}
				if i-start == 4 && isWord(sql[start:i], "into") {
					return true
				}
				end = i
				i--
			case class[c] == cSpace && end == i:
				end++
			}
		}
	}
	return false
}

// closing returns the index of the quote that closes the one at i, -1 if it is missing or uncertain.
func closing(sql string, i int) int {
	q := sql[i]
	for i++; i < len(sql); i++ {
		switch sql[i] {
		case q:
			return i
		case '\\':
			return -1
		}
	}
	return -1
}

// safeWords may stand before '(': keywords and the most common functions.
var safeWords = [...]string{"in", "and", "or", "not", "count", "sum", "max", "min", "avg", "on", "exists",
	"coalesce", "where", "lower", "upper", "select", "from", "join", "any", "all", "as", "by", "distinct",
	"having", "values", "like", "when", "then", "else", "over", "using"}

// isSafeWord reports whether text starts with one of safeWords.
func isSafeWord(text string) bool {
	for _, w := range safeWords {
		if len(text) > len(w) && isWord(text[:len(w)], w) && !inIdent(text[len(w)]) {
			return true
		}
	}
	return false
}

// isWord compares without regard to case; word is in lower case.
func isWord(s, word string) bool {
	for i := range len(word) {
		if s[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}
