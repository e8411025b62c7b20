package sqltext

import "strings"

// comment skips a comment that starts with c, if there is one.
func (l *lexer) comment(c byte) bool {
	s := l.sql[l.pos:]
	switch {
	case c == '-' && len(s) > 1 && s[1] == '-':
		// MySQL wants a space behind it: a--b is a minus minus b.
		if l.d == MySQL && len(s) > 2 && s[2] > ' ' && s[2] != 0x7f {
			return false
		}
		l.line(s)
		return true
	case c == '#' && l.d == MySQL:
		l.line(s)
		return true
	case c == '/' && len(s) > 1 && s[1] == '*':
		l.block(s)
		return true
	}
	return false
}

// line skips a comment up to the end of the line. Only in PostgreSQL a carriage return ends the line.
func (l *lexer) line(s string) {
	n := strings.IndexByte(s, '\n')
	if n < 0 {
		n = len(s)
	}
	if l.d == Postgres {
		if r := strings.IndexByte(s[:n], '\r'); r >= 0 {
			n = r
		}
	}
	l.pos += n
}

// block skips /* … */. PostgreSQL nests them. MySQL executes the content of /*! … */ depending on its
// version, which the text does not show.
func (l *lexer) block(s string) {
	if l.d == MySQL && (strings.HasPrefix(s, "/*!") || strings.HasPrefix(s, "/*M!")) {
		l.lose("executable comment")
		return
	}
	depth := 1
	for i := 2; i+1 < len(s); i++ {
		switch {
		case s[i] == '*' && s[i+1] == '/':
			i++
			if depth--; depth == 0 {
				l.pos += i + 1
				return
			}
		case s[i] == '/' && s[i+1] == '*' && l.d == Postgres:
			i++
			depth++
		}
	}
	// In SQLite the end of the text also ends the comment.
	l.lose("unterminated comment")
}

// at scans @name: a variable in MySQL, a placeholder in SQLite, an operator in PostgreSQL.
func (l *lexer) at() token {
	s, i := l.sql, l.pos+1
	switch l.d {
	case Postgres:
		return l.take(tOp, 1)
	case SQLite:
		return l.param(1)
	}
	if i < len(s) && s[i] == '@' {
		i++
	}
	if i < len(s) && (s[i] == '\'' || s[i] == '"' || s[i] == '`') {
		start := l.pos
		l.pos = i
		t := l.quoted(tVariable, s[i], l.escapes && s[i] != '`', s[i] != '`')
		t.start = int32(start)
		return t
	}
	for i < len(s) && (inIdent(s[i]) || s[i] == '.') {
		i++
	}
	return l.take(tVariable, i-l.pos)
}

// dollar scans what starts with '$': a placeholder or a dollar-quoted string in PostgreSQL, a
// placeholder in SQLite, a word in MySQL.
func (l *lexer) dollar() token {
	s, i := l.sql, l.pos+1
	switch l.d {
	case SQLite:
		return l.param(1)
	case MySQL:
		for i < len(s) && inIdent(s[i]) {
			i++
		}
		return l.take(tWord, i-l.pos)
	}
	for i < len(s) && class[s[i]] == cDigit {
		i++
	}
	if i > l.pos+1 {
		return l.take(tParam, i-l.pos)
	}
	for i < len(s) && class[s[i]] >= cIdent {
		i++
	}
	if i == len(s) || s[i] != '$' {
		return l.take(tOp, 1)
	}
	tag, body := s[l.pos:i+1], s[i+1:]
	n := strings.Index(body, tag)
	if n < 0 {
		return l.fail("unterminated quote")
	}
	return l.take(tString, 2*len(tag)+n)
}
