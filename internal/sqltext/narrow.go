package sqltext

import (
	"strconv"
	"strings"
)

// Narrow is what the text of a single statement on a single plain table shows about the rows that it reads or writes. It
// does not include what the called functions do (Info.Calls), nor what only the catalog shows: views, triggers, rules, the
// types of columns.
//
// It may err in one direction only: it may be nil, or have fewer pins than the text proves, never a pin too many.
type Narrow struct {
	// Table is the table's canonical name (store.TableName).
	Table string
	// Params is how many arguments the text takes. If there are more or fewer arguments, the driver has counted other
	// placeholders, and the ordinals here are wrong: MySQL's puts arguments into the text itself (interpolateParams),
	// in place of question marks in strings and comments too.
	Params int
	// From is the table as it stands in the text, with its schema and alias: fit for SELECT … FROM <From>.
	From string
	// Where is the condition as it stands, "" if there is none.
	Where string
	// WhereFirst and WhereParams are the arguments of Where: those from WhereFirst on, counted from zero,
	// WhereParams of them. PostgreSQL numbers its placeholders, so there these are all arguments of the
	// text; Select returns exactly the arguments used.
	WhereFirst, WhereParams int
	// Pins are the top-level conjuncts of Where that fix a column. Those of UPDATE bound the rows
	// as they are before it.
	Pins []Pin
	// Nulls are the columns, as in Pin, for which a top-level conjunct of Where is `column IS NULL`.
	Nulls []string
	// Pure is set if Where gives the same result each time it is evaluated on the same rows: it has no subquery, no
	// variable, nothing volatile, and calls only functions known to be pure.
	Pure bool
	// Sets are the assignments of UPDATE, all of them, each column once.
	Sets []Set
	// Columns is the column list of INSERT, each column once, canonical as in Pin. It is empty
	// with DEFAULT VALUES.
	Columns []string
	// Rows are the rows of INSERT … VALUES. Each has as many operands as there are Columns.
	Rows [][]Operand
	// Returning is set if the text has RETURNING.
	Returning bool
}

// Pin is a condition: every row has one of Values in Column, as the database compares them. A column may have several
// pins, which all hold.
type Pin struct {
	Column string // the last part of its name, in lower case
	Values []Operand
}

// Set is an assignment of UPDATE. The kind of Value is Other for an expression.
type Set struct {
	Column string // as in Pin
	Value  Operand
}

// OperandKind is the kind of an Operand.
type OperandKind uint8

// The kinds of operands. OtherOperand is the zero value: nothing is known about the value.
const (
	OtherOperand   OperandKind = iota
	ParamOperand               // a placeholder: Operand.Param
	IntegerOperand             // an integer literal: Operand.Int
	TextOperand                // a string literal: Operand.Text
	NullOperand                // NULL
	DefaultOperand             // DEFAULT, in INSERT and SET only
)

// Operand is a value as it stands in the text.
type Operand struct {
	Kind  OperandKind
	Param int    // the ordinal of the argument, counted from zero
	Int   int64  //
	Text  string // without its quotes
}

// Select is the query for columns of the rows that Where holds for, and which of the text's arguments
// to pass to it, in order. It locks nothing.
func (n *Narrow) Select(d Dialect, columns string) (sql string, params []int) {
	sql = "SELECT " + columns + " FROM " + n.From
	if n.Where == "" {
		return sql, nil
	}
	sql += " WHERE "
	if d == Postgres {
		where, params := renumber(n.Where)
		return sql + where, params
	}
	for i := range n.WhereParams {
		params = append(params, n.WhereFirst+i)
	}
	return sql + n.Where, params
}

// Names are all words of Where, and all names that are quoted in it, in lower case: those of the columns that it
// asks for are among them. ok is false if they are unknown: each database folds letters beyond ASCII in its own way.
func (n *Narrow) Names(d Dialect) (names []string, ok bool) {
	p := parser{lexer: lexer{sql: n.Where, d: d, escapes: d == MySQL}}
	for t := p.scan(); t.kind != tEnd; t = p.scan() {
		if !p.isName(t) {
			continue
		}
		name, ok := foldASCII(p.unquote(t))
		if !ok && t.kind != tString {
			return nil, false
		}
		names = append(names, name)
	}
	return names, p.lost == "" && p.broken == ""
}

// renumber numbers the placeholders of a condition of PostgreSQL from one, in the order in which they occur. It also
// returns the ordinals that they had.
func renumber(where string) (sql string, params []int) {
	var b strings.Builder
	l := lexer{sql: where, d: Postgres}
	numbers, copied := map[int]int{}, 0
	for t := l.scan(); t.kind != tEnd; t = l.scan() {
		if t.kind != tParam {
			continue
		}
		old, ok := numbered(where[t.start:t.end])
		if !ok {
			continue
		}
		number := numbers[old]
		if number == 0 {
			params = append(params, old)
			number = len(params)
			numbers[old] = number
		}
		b.WriteString(where[copied:t.start])
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(number))
		copied = int(t.end)
	}
	b.WriteString(where[copied:])
	return b.String(), params
}

// maxParam is the greatest number of a placeholder that PostgreSQL's protocol can carry.
const maxParam = 1<<16 - 1

// numbered is the ordinal, counted from zero, of a placeholder such as $1.
func numbered(text string) (ordinal int, ok bool) {
	if len(text) < 2 || text[0] != '$' {
		return 0, false
	}
	number, err := strconv.Atoi(text[1:])
	return number - 1, err == nil && number >= 1 && number <= maxParam
}
