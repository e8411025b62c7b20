package sqltext

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Beyond these a text is not narrow: so many rows are no longer worth telling apart.
const (
	maxRows    = 1000
	maxColumns = 2000
	maxPinned  = 1000 // values of one pin: a longer list pins nothing
)

// narrower reads a text a second time, now strictly: what it does not expect it refuses. The parser has
// read the text before, so it is one statement of a known verb, balanced, and touches one table.
type narrower struct {
	parser
	out   Narrow
	verb  Verb
	alias string // how columns may be qualified
	level int    // of parentheses and brackets
	no    bool   // refused

	values   []Operand // of the list being read
	unstable bool      // Where has a subquery, or an operator that calls a function of the application

	args    int  // placeholders met
	inWhere bool // these are those of Where
	// PostgreSQL: the least and the greatest number of a placeholder, outside of Where and in it.
	least, greatest [2]int
}

// narrowOf is what the text that the parser has read tells of its rows, or nil.
func narrowOf(p *parser) *Narrow {
	table := p.single()
	if table == "" {
		return nil
	}
	n := narrower{parser: parser{lexer: lexer{sql: p.sql, d: p.d, escapes: p.escapes}}, verb: p.info.Verb}
	n.tok, n.ahead = n.scan(), n.scan()
	n.statement()
	for !n.no && n.tok.kind == tSemi {
		n.step()
	}
	// A quoted name with a dot in it is not its last part: there the two differ.
	if n.no || n.tok.kind != tEnd || n.out.Table != table || n.shared() {
		return nil
	}
	n.out.Pure = n.pure(&p.info)
	if n.out.Params = n.args; n.d == Postgres {
		n.out.Params = max(n.greatest[0], n.greatest[1])
	}
	out := n.out
	return &out
}

// single is the only table that the text touches, or for one that writes, that it writes. It is empty
// where the text is surely not narrow.
func (p *parser) single() string {
	i := &p.info
	if i.Statements != 1 || p.broken != "" || p.lost != "" {
		return ""
	}
	// A NUL ends the text for some drivers, and bytes that are no UTF-8 hint at another encoding, where a
	// character may contain a quote.
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

// refuse ends the text: it is not narrow.
func (n *narrower) refuse() {
	n.no = true
	n.tok, n.ahead = n.stop(), n.stop()
}

// step goes to the next token.
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
			n.refuse()
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

// param counts a placeholder. Named ones are refused: their ordinals depend on the driver.
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

// shared says that a placeholder of PostgreSQL may stand both in Where and outside of it. Its type may
// come from either place, so that Select might read it otherwise.
func (n *narrower) shared() bool {
	if n.d != Postgres {
		return false
	}
	n.out.WhereFirst, n.out.WhereParams = 0, max(n.greatest[0], n.greatest[1])
	return n.least[0] > 0 && n.least[1] > 0 && n.least[0] <= n.greatest[1] && n.least[1] <= n.greatest[0]
}

// compound says that the word of a SELECT, wherever it stands, makes more of it than a query of one table.
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

// writing says whether the word starts a statement that writes, within a condition.
func (n *narrower) writing() bool {
	switch n.tok.kw {
	case kInsert, kUpdate, kDelete, kMerge, kReplace, kInto:
		return !n.parenAhead()
	}
	return false
}

// calling says whether the word makes a condition more than a function of the row.
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
	// Behind a IS DISTINCT FROM b the real FROM, where only a clause may follow, is refused.
	if n.expect(kFrom) && n.table(true) {
		n.condition()
	}
}

// table reads the name of the table and its alias.
func (n *narrower) table(aliased bool) bool {
	start := n.tok
	var end token
	for {
		if !n.bare() {
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
	if as := n.tok.kw == kAs; aliased && (as || n.bare()) {
		if as {
			n.step()
		}
		end = n.tok
		if n.alias, ok = n.identifier(end); !ok || !n.bare() {
			n.refuse()
			return false
		}
		n.step()
	}
	n.out.From = n.sql[start.start:end.end]
	return !n.no
}

// bare says whether the token is a name and can be nothing else.
func (n *narrower) bare() bool {
	return n.tok.kind == tQuoted || n.tok.kind == tWord && n.tok.kw == kNone && class[n.sql[n.tok.start]] == cIdent
}

// identifier is the name that a token stands for, in lower case. Names beyond ASCII are refused: every
// database folds them in its own way.
func (n *narrower) identifier(t token) (name string, ok bool) {
	name = n.unquote(t)
	if name == "" || n.d == Postgres && len(name) > longestName {
		return "", false
	}
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	return strings.ToLower(name), true
}

// condition reads WHERE, or what may stand in its place, and goes to the end.
func (n *narrower) condition() {
	if n.isWhere() {
		n.step()
		n.where()
	}
	if n.ended() {
		return
	}
	if !n.clause() {
		n.refuse()
	}
	n.out.Returning = n.verb != Select
	for !n.ended() {
		n.step()
		if n.level == 0 && (n.isWhere() || n.verb != Select && n.tok.kw == kTail) {
			n.refuse()
		}
	}
}

func (n *narrower) isWhere() bool { return n.tok.kw == kTail && n.is(n.tok, "where") }

// clause says whether what ends a condition starts here, outside of all parentheses. Words that
// are names in the dialect, or start what is not followed, are refused.
func (n *narrower) clause() bool {
	ok := false
	switch n.tok.kw {
	case kTail:
		if n.is(n.tok, "returning") {
			ok = n.returning()
		} else {
			ok = n.verb == Select && n.tail()
		}
	case kFor:
		switch n.ahead.kw {
		case kUpdate, kShare, kNo, kKey:
			ok = n.verb == Select && n.d != SQLite
		}
	case kLock:
		ok = n.verb == Select && n.d == MySQL && n.ahead.kw == kIn
	default:
		return false
	}
	if !ok {
		n.refuse()
	}
	return ok
}

// tail says whether the word starts a clause behind WHERE.
func (n *narrower) tail() bool {
	switch {
	case n.is(n.tok, "group"), n.is(n.tok, "order"), n.is(n.tok, "having"), n.is(n.tok, "limit"):
		return true
	case n.is(n.tok, "fetch"):
		return n.d != SQLite
	}
	return n.d == Postgres && (n.is(n.tok, "offset") || n.is(n.tok, "window"))
}

// returning says whether the word starts a clause. To MySQL it is a name, to MariaDB it is not: there it
// must stand where no name can.
func (n *narrower) returning() bool {
	if n.verb == Select || n.d != MySQL {
		return n.verb != Select
	}
	switch n.prev.kind {
	case tParam, tNumber, tString, tQuoted, tClose:
		return n.verb != Update
	}
	return n.verb != Update && n.is(n.prev, "null")
}

// assignments reads what stands behind SET.
func (n *narrower) assignments() {
	for {
		column, ok := n.target()
		if !ok || len(n.out.Sets) == maxColumns || n.tok.kind != tOp || n.text(n.tok) != "=" {
			n.refuse()
			return
		}
		n.step()
		value := n.operand(true)
		if !n.assigned() {
			value = Operand{}
			for !n.assigned() {
				n.skip()
			}
		}
		n.out.Sets = append(n.out.Sets, Set{column, value})
		if n.tok.kind != tComma {
			break
		}
		n.step()
	}
	if len(n.out.Sets) == 1 {
		return
	}
	columns := make([]string, len(n.out.Sets))
	for i, s := range n.out.Sets {
		columns[i] = s.Column
	}
	n.once(columns)
}

// assigned says whether an assignment ends here.
func (n *narrower) assigned() bool {
	switch n.tok.kind {
	case tEnd, tSemi, tComma:
		return true
	case tWord:
		if n.tok.kw == kFrom {
			n.refuse()
			return true
		}
		return n.isWhere() || n.clause() || n.no
	}
	return false
}

// skip goes to the next token of this level.
func (n *narrower) skip() {
	level := n.level
	n.step()
	for n.level > level && n.tok.kind != tEnd {
		n.step()
	}
}

// target reads the name of a column that is written.
func (n *narrower) target() (column string, ok bool) {
	if !n.column() {
		return "", false
	}
	t := n.tok
	n.step()
	if n.tok.kind == tDot { // elsewhere the field of a column
		if qualifier, ok := n.identifier(t); n.d != MySQL || !ok || qualifier != n.alias {
			return "", false
		}
		n.step()
		if t = n.tok; !n.column() {
			return "", false
		}
		n.step()
	}
	column, ok = n.identifier(t)
	if n.d == SQLite && (column == "rowid" || column == "oid" || column == "_rowid_") {
		return "", false // may stand for the primary key
	}
	return column, ok
}

// column says whether the token may be the name of a column.
func (n *narrower) column() bool {
	switch n.tok.kw {
	case kBegin, kCopy, kKey, kNext, kRows, kSets, kShare, kValue:
		return true
	}
	return n.bare()
}

// once refuses a text that names a column twice: databases differ in which one counts.
func (n *narrower) once(columns []string) {
	slices.Sort(columns)
	for i := 1; i < len(columns); i++ {
		if columns[i] == columns[i-1] {
			n.refuse()
			return
		}
	}
}

// insert reads INSERT behind that word.
func (n *narrower) insert() {
	if !n.expect(kInto) || !n.table(false) {
		return
	}
	if n.is(n.tok, "default") && n.ahead.kw == kValues && n.d != MySQL {
		n.step()
		n.step()
		n.out.Columns, n.out.Rows = []string{}, [][]Operand{{}}
	} else {
		n.columnList()
		if n.expect(kValues) {
			n.rows()
		}
	}
	n.condition()
	if n.out.Where != "" {
		n.refuse()
	}
}

// columnList reads (a, b).
func (n *narrower) columnList() {
	if n.tok.kind != tOpen {
		n.refuse()
		return
	}
	for n.tok.kind != tClose {
		n.step()
		column, ok := n.target()
		if !ok || len(n.out.Columns) == maxColumns || n.tok.kind != tComma && n.tok.kind != tClose {
			n.refuse()
			return
		}
		n.out.Columns = append(n.out.Columns, column)
	}
	n.step()
	n.once(slices.Clone(n.out.Columns))
}

// rows reads (1, 2), (3, 4).
func (n *narrower) rows() {
	for {
		row := n.row()
		if n.no || len(n.out.Rows) == maxRows {
			n.refuse()
			return
		}
		n.out.Rows = append(n.out.Rows, row)
		if n.tok.kind != tComma {
			return
		}
		n.step()
	}
}

func (n *narrower) row() []Operand {
	if n.tok.kind != tOpen {
		n.refuse()
		return nil
	}
	row := make([]Operand, 0, len(n.out.Columns))
	for n.tok.kind == tOpen || n.tok.kind == tComma {
		n.step()
		value := n.operand(true)
		if n.tok.kind != tComma && n.tok.kind != tClose {
			value = Operand{}
			for n.tok.kind != tComma && n.tok.kind != tClose && n.tok.kind != tEnd {
				n.skip()
			}
		}
		if len(row) == len(n.out.Columns) {
			n.refuse()
			return nil
		}
		row = append(row, value)
	}
	if n.tok.kind != tClose || len(row) != len(n.out.Columns) {
		n.refuse()
		return nil
	}
	n.step()
	return row
}
