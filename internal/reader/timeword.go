package reader

import (
	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// timeWord finds an argument that PostgreSQL may read as the time of the query.
func (rd *Reader) timeWord(args *argument.List) (word string) {
	if rd.cfg.Dialect != sqltext.Postgres.String() {
		return ""
	}
	return argument.TimeWord(args.Forms)
}
