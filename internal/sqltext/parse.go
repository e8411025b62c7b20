package sqltext

import "slices"

// Parse returns what the text touches. It is pure, takes time linear in the length of the text, and accepts any text: one
// that it cannot read is opaque and has the verb Other.
func Parse(d Dialect, sql string) *Info {
	info, _ := parseAs(d, sql)
	return info
}

// parseAs returns the number of placeholders too.
func parseAs(d Dialect, sql string) (*Info, int) {
	if d == Unknown {
		info, params := parseAny(sql)
		return info, params
	}
	p := parse(d, sql, d == MySQL, false)
	if !p.doubtful {
		p.info.Narrow, p.info.Wide = narrowOf(p)
		return &p.info, p.params
	}
	p.info.Wide = wideDoubtful
	// There is a backslash before a quote, and the text does not show whether it escapes the quote.
	q := parse(d, sql, d != MySQL, false)
	q.info.Wide = wideDoubtful
	switch {
	case refused(q):
		return &p.info, p.params
	case refused(p):
		return &q.info, p.params
	}
	return merge(&p.info, &q.info), p.params
}

// refused reports whether the database rejects the whole text if it reads the text this way. Of several statements, those
// before the error may be executed.
func refused(p *parser) bool {
	return p.broken != "" && p.lost == "" && p.info.Statements <= 1
}

// parseAny reads the text by the rules of all dialects.
func parseAny(sql string) (*Info, int) {
	p := parse(MySQL, sql, true, true)
	info := &p.info
	for _, d := range []Dialect{SQLite, Postgres} {
		info = merge(info, &parse(d, sql, false, true).info)
	}
	if p.doubtful {
		info = merge(info, &parse(MySQL, sql, false, true).info)
	}
	return info, p.params
}

// merge joins two readings of one text. If they differ in what the text touches, it is not understood.
func merge(a, b *Info) *Info {
	m := *a
	m.Reads, m.Writes, m.Calls = join(a.Reads, b.Reads), join(a.Writes, b.Writes), join(a.Calls, b.Calls)
	m.Maybe, m.Loose = nil, nil
	if m.Volatile == "" {
		m.Volatile = b.Volatile
	}
	if m.Opaque == "" {
		m.Opaque = b.Opaque
	}
	m.Locking = a.Locking || b.Locking
	m.Ends, m.Inside, m.Saves = a.Ends || b.Ends, a.Inside || b.Inside, a.Saves || b.Saves
	m.DDL = a.DDL || b.DDL
	m.Cascades = a.Cascades || b.Cascades
	m.Write = a.Write || b.Write
	m.Transaction = a.Transaction || b.Transaction
	if a.Savepoint == "" {
		m.Savepoint = b.Savepoint
	}
	if !slices.Equal(a.Reads, b.Reads) && m.Opaque == "" {
		m.Opaque = "ambiguous"
	}
	if a.Verb != b.Verb || a.Statements != b.Statements || !slices.Equal(a.Writes, b.Writes) {
		m.Verb, m.Write = Other, true
		m.Statements = max(a.Statements, b.Statements)
		if m.Opaque == "" {
			m.Opaque = "ambiguous"
		}
	}
	return &m
}

// join returns the sorted union of two sorted lists.
func join(a, b []string) []string {
	if slices.Equal(a, b) {
		return a
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
