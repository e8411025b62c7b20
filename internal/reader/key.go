package reader

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/memo"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// keyVersion is part of every key. Raise it when what goes into a key changes.
const keyVersion = 4

var keyBuffers = sync.Pool{New: func() any { return new([]byte) }}

// key is the entry's key: a hash of all the answer depends on but the data. Every part is preceded by
// its length or is of a fixed size, and every argument by its type, so that no two different lists of
// parts are written alike. Region and tags are parts too: an entry serves only readers that depend on
// the same tags. ok is false for arguments that can't be written.
func (q *query) key(stmt *gorm.Statement, pl *plan, class byte) (key string, ok bool) {
	sum, ok := q.sum(stmt, pl, class, stmt.SQL.String(), q.arguments(stmt).Forms)
	if !ok {
		return "", false
	}
	return q.engine.Namespace().Entry([24]byte(sum[:24])), true
}

// sum is the hash of all that the answer to a text with these arguments depends on; forms are theirs.
func (q *query) sum(stmt *gorm.Statement, pl *plan, class byte, sql string, forms ...[]any) (sum [sha256.Size]byte, ok bool) {
	buf := keyBuffers.Get().(*[]byte)
	defer keyBuffers.Put(buf)
	b := append((*buf)[:0], keyVersion, prepared(stmt), class)
	b = appendText(b, q.region.Name())
	b = binary.AppendUvarint(b, uint64(len(q.scope.Tags)))
	for _, t := range q.scope.Tags {
		b = appendText(b, t)
	}
	b = appendText(b, pl.database)
	b = appendText(b, pl.times)
	b = appendText(b, rows.LocalZone())
	b = appendText(b, q.cfg.Dialect)
	b = appendText(b, using(stmt))
	b = appendText(b, stmt.Table)
	b = binary.BigEndian.AppendUint64(b, q.prints.of(stmt.Schema))
	b = appendText(b, sql)
	ok = true
	for i := 0; i < len(forms) && ok; i++ {
		if b, ok = argument.AppendAll(b, forms[i]); ok && q.mysql() {
			b = argument.AppendSigns(b, forms[i]...)
		}
	}
	if ok {
		b, ok = argument.AppendAll(b, q.keys())
	}
	if cap(b) <= 64<<10 { // let one huge query not stay in memory
		*buf = b
	}
	return sha256.Sum256(b), ok
}

// mysql reports whether the database tells unsigned integers from signed ones.
func (q *query) mysql() bool { return q.cfg.Dialect == sqltext.MySQL.String() }

// keys are the forms of the values of fromcache.Key, asked once for one read. No driver is given them.
func (q *query) keys() []any {
	if q.keyed == nil {
		q.keyed = argument.Ask(sqltext.Unknown, q.scope.Key).Forms
	}
	return q.keyed
}

// prepared tells drivers' two protocols apart, which give some values in different types.
func prepared(stmt *gorm.Statement) byte {
	switch stmt.ConnPool.(type) {
	case *gorm.PreparedStmtDB, *gorm.PreparedStmtTX:
		return 1
	}
	return 0
}

// fingerprints remembers the fingerprint of each schema. The zero value is ready; it is safe for
// concurrent use.
type fingerprints struct {
	m memo.Memo[*schema.Schema, uint64]
}

// of is a hash of a model's name and columns: a program whose struct has changed does not read the
// entries of its older self, whose SELECT * gave other columns.
func (f *fingerprints) of(s *schema.Schema) uint64 {
	if s == nil {
		return 0
	}
	if v, ok := f.m.Get(s); ok {
		return v
	}
	var b []byte
	b = appendText(b, s.ModelType.String())
	for _, field := range s.Fields {
		b = appendText(b, field.DBName)
		b = appendText(b, field.FieldType.String())
	}
	sum := sha256.Sum256(b)
	v := binary.BigEndian.Uint64(sum[:8])
	f.m.Put(s, v)
	return v
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
