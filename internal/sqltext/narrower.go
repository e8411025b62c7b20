package sqltext

import (
	"strings"
	"unicode/utf8"
)

// Beyond these limits a text is not narrow: with so many rows, whole tables are used instead.
const (
	maxRows    = 1000
	maxColumns = 2000
	maxPinned  = 1000 // values of one pin: a longer list pins nothing
)

// narrower reads a text a second time, strictly: it refuses what it does not expect. The parser has read the text before,
// so the text is one statement of a known verb, its parentheses are balanced, and it touches one table.
type narrower struct {
	parser
	out   Narrow
	verb  Verb
	alias string // how columns may be qualified
	level int    // of parentheses and brackets
	no    bool   // the text is refused
	why   string // the reason, "" for wideForm

	values   []Operand // of the list being read
	unstable bool      // Where has a subquery, or an operator that calls a function of the application

	args    int  // placeholders met
	inWhere bool // the placeholders read now belong to Where
	// PostgreSQL: the least and the greatest number of a placeholder, outside of Where and in it.
	least, greatest [2]int
}

// Why a text is not narrow: ends of sentences that begin with the statement.
const (
	wideForm     = "its text has a form that is not followed row by row"
	wideDoubtful = "a backslash before a quote in its text may be read in two ways"
	wideTables   = "it reads several tables"
	wideNoTable  = "it reads no table"
	wideWrites   = "it writes to several tables, or to none that its text names"
	wideMany     = "it is more than one statement"
	wideCompound = "it has a subquery, WITH, a join or UNION"
	wideShared   = "one placeholder stands both inside and outside of its WHERE"
	wideReplace  = "REPLACE, INSERT OR … and INSERT IGNORE change other rows than they name, or fewer"
	wideUpsert   = "with ON CONFLICT or ON DUPLICATE KEY UPDATE it may change a row of another key than it names"
	wideSelected = "its rows come from a query"
	wideColumns  = "it does not name its columns, each once"
	wideFrom     = "another table says which rows it changes"
	wideLimited  = "ORDER BY and LIMIT say which rows it changes"
)

// narrowOf returns what the text that the parser has read shows about its rows, or the reason why it shows nothing.
func narrowOf(p *parser) (_ *Narrow, wide string) {
	table := p.single()
	if table == "" {
		return nil, p.wide()
	}
	n := narrower{parser: parser{lexer: lexer{sql: p.sql, d: p.d, escapes: p.escapes}}, verb: p.info.Verb}
	n.tok, n.ahead = n.scan(), n.scan()
	n.statement()
	for !n.no && n.tok.kind == tSemi {
		n.step()
	}
	// A quoted name with a dot in it is not its last part: there the two differ.
	switch {
	case n.no && n.why != "":
		return nil, n.why
	case n.no || n.tok.kind != tEnd || n.out.Table != table:
		return nil, wideForm
	case n.shared():
		return nil, wideShared
	}
	n.out.Pure = n.pure(&p.info)
	if n.out.Params = n.args; n.d == Postgres {
		n.out.Params = max(n.greatest[0], n.greatest[1])
	}
	out := n.out
	return &out, ""
}

// wide returns why there is no single table.
func (p *parser) wide() string {
	switch i := &p.info; {
	case i.Statements > 1:
		return wideMany
	case i.Verb == Select && len(i.Reads) > 1:
		return wideTables
	case i.Verb == Select && len(i.Reads) == 0:
		return wideNoTable
	case i.Write && len(i.Writes) != 1:
		return wideWrites
	}
	return wideForm
}

// single returns the only table that the text touches; for a write, the only table that it writes. It is empty if the
// text is certainly not narrow.
func (p *parser) single() string {
	i := &p.info
	if i.Statements != 1 || p.broken != "" || p.lost != "" {
		return ""
	}
	// A NUL ends the text for some drivers. Bytes that are not UTF-8 may be another encoding, in which a character may
	// contain a quote.
	if strings.IndexByte(p.sql, 0) >= 0 || !utf8.ValidString(p.sql) {
		return ""
	}
	switch i.Verb {
	case Select:
		if len(i.Reads) == 1 && len(i.Writes) == 0 {
			return i.Reads[0]
		}
	case Insert, Update, Delete:
		if len(i.Writes) == 1 {
			return i.Writes[0]
		}
	}
	return ""
}

// refuse ends the text: it is not narrow, for no particular reason.
func (n *narrower) refuse() {
	n.no = true
	n.tok, n.ahead = n.stop(), n.stop()
}

// because ends the text like refuse, and records why. The first reason counts.
func (n *narrower) because(why string) {
	if !n.no && n.why == "" {
		n.why = why
	}
	n.refuse()
}

// step moves to the next token.
func (n *narrower) step() {
	switch n.tok.kind {
	case tOpen:
		n.level++
	case tClose:
		n.level--
	case tParam:
		n.param()
	case tWord:
		n.unstable = n.unstable || n.inWhere && n.calling()
		if n.verb == Select && n.compound() || n.inWhere && n.writing() {
			n.because(wideCompound)
		}
	}
	if n.no {
		return
	}
	n.next()
	if n.prev.kind == tDot || n.prev.kw == kAs {
		n.plain()
	}
}

// param counts a placeholder. Named placeholders are refused: their ordinals depend on the driver.
func (n *narrower) param() {
	if n.d != Postgres {
		if n.tok.end-n.tok.start != 1 {
			n.refuse()
		}
		n.args++
		return
	}
	if n.sql[n.tok.start] == '?' { // an operator
		return
	}
	ordinal, ok := numbered(n.text(n.tok))
	if !ok {
		n.refuse()
		return
	}
	where := 0
	if n.inWhere {
		where = 1
	}
	number := ordinal + 1
	if n.least[where] == 0 || number < n.least[where] {
		n.least[where] = number
	}
	n.greatest[where] = max(n.greatest[where], number)
}

// shared reports whether a placeholder of PostgreSQL may stand both in Where and outside of it. Its type may
// come from either place, so that Select might read it otherwise.
func (n *narrower) shared() bool {
	if n.d != Postgres {
		return false
	}
	n.out.WhereFirst, n.out.WhereParams = 0, max(n.greatest[0], n.greatest[1])
	return n.least[0] > 0 && n.least[1] > 0 && n.least[0] <= n.greatest[1] && n.least[1] <= n.greatest[0]
}

// compound reports whether the word, anywhere in a SELECT, makes it more than a query of one table.
func (n *narrower) compound() bool {
	switch n.tok.kw {
	case kSelect, kWith, kUnion, kExcept, kMinus, kInto, kLateral, kJoin, kStraight, kTable, kTablesample,
		kValues, kSystemTime:
		return true
	case kIn:
		return n.d == SQLite && n.ahead.kind != tOpen // x IN t reads t
	}
	return false
}

// writing reports whether the word starts a statement that writes, within a condition.
func (n *narrower) writing() bool {
	switch n.tok.kw {
	case kInsert, kUpdate, kDelete, kMerge, kReplace, kInto:
		return !n.parenAhead()
	}
	return false
}

// calling reports whether the word makes a condition more than a function of the row.
func (n *narrower) calling() bool {
	switch n.tok.kw {
	case kSelect, kWith, kTable, kValues:
		return true
	}
	return n.d == SQLite && (n.is(n.tok, "regexp") || n.is(n.tok, "match"))
}

func (n *narrower) statement() {
	kw := n.tok.kw
	n.next()
	switch {
	case n.verb == Select && kw == kSelect:
		n.query()
	case n.verb == Insert && kw == kInsert:
		n.insert()
	case n.verb == Update && kw == kUpdate:
		if n.table(true) && n.expect(kSet) {
			n.assignments()
			n.condition()
		}
	case n.verb == Delete && kw == kDelete:
		if n.expect(kFrom) && n.table(true) {
			n.condition()
		}
	case kw == kReplace:
		n.because(wideReplace)
	case kw == kWith:
		n.because(wideCompound)
	default:
		n.refuse()
	}
}

// expect skips the keyword, or refuses the text.
func (n *narrower) expect(k keyword) bool {
	if n.tok.kw != k {
		n.refuse()
		return false
	}
	n.step()
	return !n.no
}

func (n *narrower) ended() bool { return n.tok.kind == tEnd || n.tok.kind == tSemi }

// query reads a SELECT behind that word.
func (n *narrower) query() {
	for n.level > 0 || n.tok.kw != kFrom {
		if n.ended() {
			n.refuse()
			return
		}
		n.step()
	}
	// After a IS DISTINCT FROM b the real FROM is refused, since only a clause may stand there.
	if n.expect(kFrom) && n.table(true) {
		n.condition()
	}
}

// table reads the name of the table and its alias.
func (n *narrower) table(aliased bool) bool {
	start := n.tok
	var end token
	for {
		if !n.plainName() {
			n.refuse()
			return false
		}
		end = n.tok
		n.step()
		if n.tok.kind != tDot {
			break
		}
		n.step()
	}
	name, ok := n.identifier(end)
	if !ok {
		n.refuse()
		return false
	}
	n.out.Table, n.alias = name, name
	if as := n.tok.kw == kAs; aliased && (as || n.plainName()) {
		if as {
			n.step()
		}
		end = n.tok
		if n.alias, ok = n.identifier(end); !ok || !n.plainName() {
			n.refuse()
			return false
		}
		n.step()
	}
	n.out.From = n.sql[start.start:end.end]
	return !n.no
}

// plainName reports whether the token can only be a name.
func (n *narrower) plainName() bool {
	return n.tok.kind == tQuoted || n.tok.kind == tWord && n.tok.kw == kNone && class[n.sql[n.tok.start]] == cIdent
}

// identifier returns the name that a token stands for, in lower case. Names beyond ASCII are refused: each database folds
// them in its own way.
func (n *narrower) identifier(t token) (name string, ok bool) {
	name = n.unquote(t)
	if name == "" || n.d == Postgres && len(name) > longestName {
		return "", false
	}
	return foldASCII(name)
}

// foldASCII returns a name in lower case; ok is false if it is not all ASCII.
func foldASCII(name string) (_ string, ok bool) {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	return strings.ToLower(name), true
}
