package sqltext

import "strings"

// kind is the kind of a token.
type kind uint8

const (
	tEnd      kind = iota
	tWord          // an unquoted identifier or keyword
	tQuoted        // a quoted identifier
	tString        // a string; "…" too where the dialect reads it so
	tNumber        //
	tParam         // a placeholder
	tVariable      // @x and @@x of MySQL
	tOpen          // ( and, in PostgreSQL, [
	tClose         // ) and ]
	tComma         //
	tSemi          //
	tDot           //
	tCast          // ::
	tOp            // any other character
)

// token is a piece of the text. kw is set for words only.
type token struct {
	kind       kind
	kw         keyword
	start, end int32
}

// maxText is the longest text that token offsets can express.
const maxText = 1<<31 - 2

// lexer splits a text into tokens. After it has given up it returns tEnd forever.
type lexer struct {
	sql string
	pos int
	d   Dialect

	// escapes is set if a backslash escapes in plain strings: the default of MySQL. NO_BACKSLASH_ESCAPES
	// there, and standard_conforming_strings = off in PostgreSQL, invert this. doubtful is set if the two readings
	// differ; then the text is read both ways.
	escapes  bool
	doubtful bool

	// broken is the reason why no database would accept the text, lost the reason why this lexer cannot read it. The first
	// reason counts; later ones only follow from it.
	broken string
	lost   string
}

const (
	cOther uint8 = iota
	cSpace
	cIdent // starts an identifier
	cDigit
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == ' ' || '\t' <= c && c <= '\r':
			t[c] = cSpace
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80:
			t[c] = cIdent
		case '0' <= c && c <= '9':
			t[c] = cDigit
		}
	}
	return t
}()

// inIdent reports whether an identifier may go on with c. All three dialects allow '$' there.
func inIdent(c byte) bool { return class[c] >= cIdent || c == '$' }

// scan returns the next token, with spaces and comments before it skipped.
func (l *lexer) scan() token {
	s := l.sql
	for l.pos < len(s) {
		c := s[l.pos]
		switch class[c] {
		case cSpace:
			l.pos++
			continue
		case cIdent:
			return l.word()
		case cDigit:
			return l.number(l.pos)
		}
		if l.comment(c) {
			continue
		}
		return l.symbol(c)
	}
	return token{kind: tEnd, start: int32(len(s)), end: int32(len(s))}
}

// symbol scans a token that starts with neither letter nor digit.
func (l *lexer) symbol(c byte) token {
	switch c {
	case '(':
		return l.take(tOpen, 1)
	case ')':
		return l.take(tClose, 1)
	case ',':
		return l.take(tComma, 1)
	case '?':
		return l.param(1)
	case ';':
		return l.take(tSemi, 1)
	case '.':
		return l.dot()
	case '\'':
		return l.quoted(tString, '\'', l.escapes, l.d != SQLite)
	case '"':
		if l.d == MySQL {
			return l.quoted(tString, '"', l.escapes, true)
		}
		return l.quoted(tQuoted, '"', false, false)
	case '`':
		if l.d != Postgres {
			return l.quoted(tQuoted, '`', false, false)
		}
	case '[':
		if l.d == SQLite {
			return l.bracketed()
		}
		if l.d == Postgres {
			return l.take(tOpen, 1)
		}
	case ']':
		if l.d == Postgres {
			return l.take(tClose, 1)
		}
	case ':':
		return l.colon()
	case '@':
		return l.at()
	case '$':
		return l.dollar()
	case 0:
		return l.lose("NUL byte")
	}
	return l.take(tOp, 1)
}

// take returns the next n bytes as a token.
func (l *lexer) take(k kind, n int) token {
	t := token{kind: k, start: int32(l.pos), end: int32(l.pos + n)}
	l.pos += n
	return t
}

// lose gives up: the text may be valid, but this lexer cannot read it.
func (l *lexer) lose(why string) token {
	if l.lost == "" && l.broken == "" {
		l.lost = why
	}
	return l.stop()
}

// fail gives up: the text is invalid.
func (l *lexer) fail(why string) token {
	if l.lost == "" && l.broken == "" {
		l.broken = why
	}
	return l.stop()
}

func (l *lexer) stop() token {
	l.pos = len(l.sql)
	return token{kind: tEnd, start: int32(l.pos), end: int32(l.pos)}
}

// word scans an unquoted word, or a prefixed string such as E'…'.
func (l *lexer) word() token {
	s, start := l.sql, l.pos
	i := start + 1
	for i < len(s) && inIdent(s[i]) {
		i++
	}
	if l.d == Postgres && i == start+1 && i+1 < len(s) {
		switch c := s[start] | 0x20; {
		case c == 'e' && s[i] == '\'':
			l.pos = i
			t := l.quoted(tString, '\'', true, false)
			t.start = int32(start)
			return t
		case c == 'u' && s[i] == '&' && s[i+1] == '"':
			return l.lose(`U&"…"`)
		}
	}
	l.pos = i
	return token{kind: tWord, kw: lookup(s[start:i]), start: int32(start), end: int32(i)}
}

// number scans digits with at most one dot, and an exponent. Letters that follow at once, as in 0x1F,
// become a word of their own, which does not matter; in MySQL the whole is an identifier.
func (l *lexer) number(start int) token {
	s, i := l.sql, digits(l.sql, l.pos)
	whole := start == l.pos
	if whole && i < len(s) && s[i] == '.' && !(i+1 < len(s) && s[i+1] == '.') {
		i, whole = digits(s, i+1), false
	}
	name := l.d == MySQL && start > 0 && s[start-1] == '.' // db.1e5x
	if j := exponent(s, i); j > i && !name {
		i, whole = j, false
	}
	if whole && l.d == MySQL && i < len(s) && inIdent(s[i]) {
		for i++; i < len(s) && inIdent(s[i]); i++ {
		}
		l.pos = i
		return token{kind: tWord, start: int32(start), end: int32(i)}
	}
	l.pos = i
	return token{kind: tNumber, start: int32(start), end: int32(i)}
}

func digits(s string, i int) int {
	for i < len(s) && class[s[i]] == cDigit {
		i++
	}
	return i
}

// exponent returns the end of the exponent at i, or i if there is none: 1e5or is 1e5 and OR.
func exponent(s string, i int) int {
	j := i + 1
	if j >= len(s) || s[i]|0x20 != 'e' {
		return i
	}
	if s[j] == '+' || s[j] == '-' {
		j++
	}
	if end := digits(s, j); end > j {
		return end
	}
	return i
}

// dot scans '.', or a number such as .5 if no name precedes it directly.
func (l *lexer) dot() token {
	s, start := l.sql, l.pos
	if start+1 < len(s) && class[s[start+1]] == cDigit && (start == 0 || !endsName(s[start-1])) {
		l.pos++
		return l.number(start)
	}
	return l.take(tDot, 1)
}

func endsName(c byte) bool {
	return inIdent(c) || c == '`' || c == '"' || c == ']'
}

// quoted scans up to the closing quote; a doubled quote stands for itself. escapes is set if a
// backslash escapes, doubt if it may or may not.
func (l *lexer) quoted(k kind, q byte, escapes, doubt bool) token {
	s, start := l.sql, l.pos
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == q:
			if i+1 < len(s) && s[i+1] == q {
				i++
				continue
			}
			l.pos = i + 1
			return token{kind: k, start: int32(start), end: int32(i + 1)}
		case c == '\\' && (escapes || doubt):
			if doubt && i+1 < len(s) && s[i+1] == q {
				l.doubtful = true
			}
			if escapes {
				i++
			}
		}
	}
	return l.fail("unterminated quote")
}

// bracketed scans [name] of SQLite, which knows no escape.
func (l *lexer) bracketed() token {
	n := strings.IndexByte(l.sql[l.pos:], ']')
	if n < 0 {
		return l.fail("unterminated quote")
	}
	return l.take(tQuoted, n+1)
}

// colon scans ::, and :name of SQLite.
func (l *lexer) colon() token {
	s := l.sql
	if l.pos+1 < len(s) {
		if s[l.pos+1] == ':' {
			return l.take(tCast, 2)
		}
		if l.d == SQLite && inIdent(s[l.pos+1]) {
			return l.param(1)
		}
	}
	return l.take(tOp, 1)
}

// param scans a placeholder and the name or number that belongs to it.
func (l *lexer) param(prefix int) token {
	i := l.pos + prefix
	if l.d == SQLite || l.sql[l.pos] != '?' {
		for i < len(l.sql) && inIdent(l.sql[i]) {
			i++
		}
	}
	return l.take(tParam, i-l.pos)
}
