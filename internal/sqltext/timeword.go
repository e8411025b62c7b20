package sqltext

import "strings"

// Texts that a database reads as the time of the query.
//
// PostgreSQL (18, "Date/Time Types", table "Special Date/Time Inputs") takes now, today, tomorrow and
// yesterday for times wherever a time is expected, with other fields around them ("today 10:00"); epoch,
// infinity and allballs always mean the same.
//
// SQLite (3.54, "Date And Time Functions", and parseDateOrTime and parseModifier of its source) does so in
// the arguments of its date functions alone, which must be the word and nothing else, in any case: as a time,
// now, subsec and subsecond; as a modifier, localtime and utc, which depend on the machine's zone. The
// modifiers subsec and subsecond depend on nothing.
//
// MySQL (9) and MariaDB (12) have no such texts.
const (
	timesPostgres = "now today tomorrow yesterday"
	timesSQLite   = "now subsec subsecond localtime utc"
)

var timesInSQLite = words(timesSQLite)

// dateCall is the innermost call of a date function of SQLite that the parser is in.
type dateCall struct {
	depth     int // of its parentheses; 0: there is none
	modifiers int // from which argument on, counted from zero, they are modifiers
}

// dateCall is that of the date function that is about to be read.
func (p *parser) dateCall(name token) dateCall {
	d := dateCall{depth: p.depth + 1, modifiers: 1}
	switch {
	case p.is(name, "strftime"):
		d.modifiers = 2
	case p.is(name, "timediff"):
		d.modifiers = maxText
	}
	return d
}

// timeType handles a type. PostgreSQL gives a time without a date the offset that the session's zone has today.
func (p *parser) timeType() {
	if p.d == Postgres && (p.is(p.tok, "timetz") || p.is(p.tok, "time") && p.ahead.kw == kWith) {
		p.volatile("timetz")
	}
}

// What goes by the time or by chance in PostgreSQL, and not by the session: words, and functions, whose names columns
// may have too.
const (
	clockWords     = `current_date current_time current_timestamp localtime localtimestamp timetz`
	clockFunctions = `
now clock_timestamp statement_timestamp transaction_timestamp timeofday age random random_normal gen_random_uuid uuidv4
uuidv7 uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 array_sample array_shuffle nextval currval lastval
`
)

var clocks, clockCalls = words(clockWords), words(clockFunctions)

// Clock returns the word because of which two values of an expression of PostgreSQL may differ in one session although no
// row has changed, "" if there is none.
func Clock(d Dialect, expression string) string {
	if d != Postgres {
		return ""
	}
	l := lexer{sql: expression, d: d}
	for t, next := l.scan(), l.scan(); t.kind != tEnd; t, next = next, l.scan() {
		text := strings.ToLower(expression[t.start:t.end])
		switch {
		case t.kind == tWord && (clocks[text] || clockCalls[text] && next.kind == tOpen):
			return text
		case t.kind == tString && TimeWord(text) != "":
			return "'" + TimeWord(text) + "'"
		}
	}
	return ""
}

// longestTime is the longest string that PostgreSQL takes for a time.
const longestTime = 128

// timeWord handles a string, or a quoted name, which SQLite reads as a string if no column has that name. commas is the
// number of commas before it on its level.
func (p *parser) timeWord(commas int) {
	switch {
	case len(p.info.Writes) > 0:
	case p.d == Postgres && p.tok.kind == tString:
		p.timePostgres()
	case p.date.depth > 0:
		p.timeSQLite(commas)
	}
}

func (p *parser) timeSQLite(commas int) {
	s := p.text(p.tok)
	if p.prev.kind == tWord && p.prev.end == p.tok.start { // x'6e6f77'
		p.volatile("blob in a date function")
		return
	}
	word := strings.ToLower(s[1 : len(s)-1])
	if !timesInSQLite[word] {
		return
	}
	direct := p.depth == p.date.depth && p.prev.kind == tComma && (p.ahead.kind == tComma || p.ahead.kind == tClose)
	if strings.HasPrefix(word, "subsec") && direct && commas >= p.date.modifiers {
		return
	}
	p.volatile("'" + word + "'")
}

func (p *parser) timePostgres() {
	s := p.text(p.tok)
	start := int(p.tok.start)
	switch {
	case p.prev.kind == tString:
		p.volatile("strings in a row") // are one: 'no' and, in the next line, 'w'
	case start > 1 && p.sql[start-1] == '&' && p.sql[start-2]|0x20 == 'u' && (strings.Contains(s, `\`) || p.is(p.ahead, "uescape")):
		p.volatile("U&'…'")
	case s[0]|0x20 == 'e':
		plain, ok := withoutEscapes(s[1:])
		if !ok {
			p.volatile("escapes in E'…'")
		}
		s = plain
	}
	if word := TimeWord(s); word != "" {
		p.volatile("'" + word + "'")
	}
}

// withoutEscapes replaces the escapes of E'…' by spaces, since no word goes on across them. ok is false if one
// may stand for a letter: \x6e, and \o too.
func withoutEscapes(s string) (_ string, ok bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	b := []byte(s)
	for i := 0; i+1 < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		if !strings.ContainsRune(`bfnrt\'"`, rune(b[i+1])) {
			return s, false
		}
		b[i], b[i+1] = ' ', ' '
		i++
	}
	return string(b), true
}

// TimeWord returns the word because of which PostgreSQL reads a text as the time of the query, "" if there is none.
func TimeWord(s string) string {
	if len(s) > longestTime {
		return timeWordWithin(s)
	}
	if len(s) < 3 {
		return ""
	}
	for i := 0; i < len(s); i++ {
		start := i
		for i < len(s) && 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z' {
			i++
		}
		for word := range strings.FieldsSeq(timesPostgres) {
			if i-start == len(word) && strings.EqualFold(s[start:i], word) {
				return word
			}
		}
	}
	return ""
}

// timeWordWithin finds it in a text that is too long for a time: each element of an array, and each value in a
// composite, a range or a document, is one of its own. Other texts of that length are none.
func timeWordWithin(s string) (word string) {
	if s[0] == '$' { // $x${…}$x$
		_, s, _ = strings.Cut(s[1:], "$")
	}
	if s = strings.TrimLeft(s, "' \t\n\r"); s == "" || !strings.Contains(`{[(<"`, s[:1]) {
		return ""
	}
	for element := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(`{}[]()<>",:'$`, r) }) {
		if len(element) <= longestTime && word == "" {
			word = TimeWord(element)
		}
	}
	return word
}
