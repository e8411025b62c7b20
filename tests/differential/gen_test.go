package differential_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// gen draws the parts of a program. Zero is always the simplest choice, since that is what rapid cuts
// a failing program down to.
type gen struct {
	*rapid.T
	*program
	inTx   bool           // the operation drawn stands in a transaction that writes
	focus  int            // the query that a snapshot is about
	beside bool           // the operation drawn runs while another handle's transaction is open
	filled map[*table]int // how many rows there are at first
	writer int            // the handle that may write then
}

// n draws one of 0 … n-1.
func (g *gen) n(n int) int { return rapid.IntRange(0, n-1).Draw(g.T, "") }

// one draws true once in n times.
func (g *gen) one(n int) bool { return g.n(n) == n-1 }

// pick draws one of a list.
func pick[E any](g *gen, list ...E) E { return list[g.n(len(list))] }

// choice is one of several ways on, and how often it is to be taken.
type choice[E any] struct {
	weight int
	make   func() E
}

// choose draws by weight.
func choose[E any](g *gen, choices ...choice[E]) E {
	sum := 0
	for _, c := range choices {
		sum += c.weight
	}
	n := g.n(sum)
	for _, c := range choices {
		if n < c.weight {
			return c.make()
		}
		n -= c.weight
	}
	panic("unreachable")
}

// some draws a part of a list, in its order; at least one.
func some[E any](g *gen, list []E) []E {
	var part []E
	for _, e := range list {
		if g.one(2) {
			part = append(part, e)
		}
	}
	if len(part) == 0 && len(list) > 0 {
		return list[:1]
	}
	return part
}

// quote writes a name as the dialect does.
func (p *program) quote(name string) string {
	q := `"`
	if p.dialect == my {
		q = "`"
	}
	return q + strings.ReplaceAll(name, ".", q+"."+q) + q
}

// f is fmt.Sprintf, for texts that hold as many names as these.
func f(format string, args ...any) string { return fmt.Sprintf(format, args...) }
