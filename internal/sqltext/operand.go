package sqltext

import (
	"strconv"
	"strings"
)

// operand reads a value that stands alone; the tokens that follow must show that it does. Anything else has the kind
// OtherOperand. written is set for a value to be written, which may be DEFAULT.
func (n *narrower) operand(written bool) Operand {
	switch n.tok.kind {
	case tParam:
		return n.argument()
	case tNumber:
		return n.integer("")
	case tOp:
		if n.sql[n.tok.start] == '-' && n.ahead.kind == tNumber {
			n.step()
			return n.integer("-")
		}
	case tString:
		return n.literal()
	case tWord:
		switch {
		case n.is(n.tok, "null"):
			n.step()
			return Operand{Kind: NullOperand}
		case written && n.is(n.tok, "default"):
			n.step()
			return Operand{Kind: DefaultOperand}
		}
	}
	return Operand{}
}

func (n *narrower) argument() Operand {
	ordinal := n.args
	if n.d == Postgres {
		var ok bool
		if ordinal, ok = numbered(n.text(n.tok)); !ok {
			return Operand{} // the operator ?
		}
	}
	n.step()
	return Operand{Kind: ParamOperand, Param: ordinal}
}

func (n *narrower) integer(sign string) Operand {
	i, err := strconv.ParseInt(sign+n.text(n.tok), 10, 64)
	n.step()
	if err != nil { // too large, or with a dot
		return Operand{}
	}
	return Operand{Kind: IntegerOperand, Int: i}
}

// literal reads a string. One with a backslash may mean two things, except to SQLite; one in double
// quotes may be a name.
func (n *narrower) literal() Operand {
	t := n.tok
	s := n.text(t)
	n.step()
	if s[0] != '\'' || n.d != SQLite && strings.IndexByte(s, '\\') >= 0 {
		return Operand{}
	}
	return Operand{Kind: TextOperand, Text: n.unquote(t)}
}
