package sqltext

// condition reads WHERE, or the clause that stands in its place, and all that follows.
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

// clause reports whether a clause that ends the condition starts here, outside of all parentheses. Words that are names
// in the dialect, or start something that is not followed, are refused.
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
	if !ok && n.verb != Select && n.tok.kw == kTail && n.tail() {
		n.because(wideLimited)
	}
	if !ok {
		n.refuse()
	}
	return ok
}

// tail reports whether the word starts a clause after WHERE.
func (n *narrower) tail() bool {
	switch {
	case n.is(n.tok, "group"), n.is(n.tok, "order"), n.is(n.tok, "having"), n.is(n.tok, "limit"):
		return true
	case n.is(n.tok, "fetch"):
		return n.d != SQLite
	}
	return n.d == Postgres && (n.is(n.tok, "offset") || n.is(n.tok, "window"))
}

// returning reports whether RETURNING starts a clause. In MySQL it is a name, in MariaDB a keyword: for both it must stand
// where no name can.
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
