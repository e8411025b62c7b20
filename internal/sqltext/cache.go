package sqltext

import (
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/memo"
)

const (
	// maxMemo is the longest text remembered.
	maxMemo = 4 << 10
	// maxMemoParams is the greatest number of placeholders in a text that is remembered: otherwise IN lists of every
	// length would push out texts that are asked again.
	maxMemoParams = 64
)

// Cache remembers what texts touch. It is safe for concurrent use, and bounded in entries and bytes.
// A hit takes no lock and allocates nothing. Texts of more than 4 KB or 64 placeholders are read anew
// each time.
type Cache struct {
	d     Dialect
	texts memo.Memo[string, *Info]
}

// NewCache returns a Cache of at most max texts of a dialect.
func NewCache(d Dialect, max int) *Cache {
	return &Cache{d: d, texts: memo.Memo[string, *Info]{Max: max, Text: func(sql string) string { return sql }}}
}

// Info returns the remembered result of Parse.
func (c *Cache) Info(sql string) *Info {
	if len(sql) > maxMemo {
		return Parse(c.d, sql)
	}
	if info, ok := c.texts.Get(sql); ok {
		return info
	}
	// The names in Info are parts of the text: keep a copy, not a caller's larger buffer.
	sql = strings.Clone(sql)
	info, params := parseAs(c.d, sql)
	if params <= maxMemoParams {
		c.texts.Put(sql, info)
	}
	return info
}
