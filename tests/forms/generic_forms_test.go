package forms_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// g is gorm.G with the run's scope.
func g[T any](x *run, opts ...clause.Expression) gorm.Interface[T] {
	return gorm.G[T](x.DB, append([]clause.Expression{x.scope()}, opts...)...)
}

// generic is a form of gorm.G that returns a value and an error.
func generic[T any](name string, read func(x *run) (T, error)) form {
	return form{name: "generic/" + name, run: func(x *run) {
		v, err := read(x)
		x.see("value", v)
		x.see("error", err)
	}}
}

// genericForms are the reads of gorm.G.
var genericForms = []form{
	generic("first", func(x *run) (User, error) { return g[User](x).Where("age > ?", 22).First(x.ctx) }),
	generic("first pointer", func(x *run) (*User, error) { return g[*User](x).Where("age > ?", 22).First(x.ctx) }),
	generic("take", func(x *run) (User, error) { return g[User](x).Where("id = ?", 4).Take(x.ctx) }),
	generic("last", func(x *run) (User, error) { return g[User](x).Last(x.ctx) }),
	generic("not found", func(x *run) (User, error) { return g[User](x).Where("id = ?", 99).First(x.ctx) }),
	generic("find", func(x *run) ([]User, error) { return g[User](x).Where("age > ?", 22).Order("id").Find(x.ctx) }),
	generic("find nothing", func(x *run) ([]User, error) { return g[User](x).Where("id = ?", 99).Find(x.ctx) }),
	generic("find with all", func(x *run) ([]User, error) {
		return g[User](x).Select("active, age").Distinct().Not("id = ?", 2).Or("id = ?", 3).Order("age").Limit(3).Offset(1).Find(x.ctx)
	}),
	generic("group", func(x *run) (out []Summary, err error) {
		err = g[User](x).Select("active, count(*) AS n").Group("active").Having("count(*) > ?", 1).Order("active").Scan(x.ctx, &out)
		return out, err
	}),
	generic("count", func(x *run) (int64, error) { return g[User](x).Where("age > ?", 22).Count(x.ctx, "*") }),
	generic("scan DTOs", func(x *run) (out []DTO, err error) {
		err = g[User](x).Order("id").Scan(x.ctx, &out)
		return out, err
	}),
	generic("table", func(x *run) ([]map[string]any, error) {
		return g[map[string]any](x).Table("companies").Order("id").Find(x.ctx)
	}),
	generic("map columns", func(x *run) ([]User, error) {
		return g[User](x).Where("age > ?", 22).MapColumns(map[string]string{"name": "secret"}).Order("id").Find(x.ctx)
	}).asText(),
	generic("raw find", func(x *run) ([]User, error) {
		return g[User](x).Raw("SELECT * FROM users WHERE age > ? ORDER BY id", 22).Find(x.ctx)
	}),
	generic("raw scan", func(x *run) (names []string, err error) {
		err = g[User](x).Raw("SELECT name FROM users ORDER BY id").Scan(x.ctx, &names)
		return names, err
	}),
	generic("row", func(x *run) (name string, err error) {
		err = g[User](x).Select("name").Where("id = ?", 2).Row(x.ctx).Scan(&name)
		return name, err
	}),
	{name: "generic/rows", run: func(x *run) {
		rows, err := g[User](x).Select("id, name").Order("id").Rows(x.ctx)
		x.rows(rows, err, func() []any { return []any{new(int), new(string)} })
	}},
	{name: "generic/with result", run: func(x *run) {
		r := gorm.WithResult()
		us, err := g[User](x, r).Where("age > ?", 22).Order("id").Find(x.ctx)
		x.see("users", us)
		x.see("error", err)
		x.see("result", []any{r.RowsAffected, r.Error, r.Result == nil})
	}},
	{name: "generic/with result of nothing", run: func(x *run) {
		r := gorm.WithResult()
		_, err := g[User](x, r).Where("id = ?", 99).First(x.ctx)
		x.see("error", err)
		x.see("result", []any{r.RowsAffected, r.Error, r.Result == nil})
	}},
	{name: "generic/find in batches", run: func(x *run) {
		err := g[User](x).Where("age > ?", 21).FindInBatches(x.ctx, 2, func(us []User, n int) error {
			x.see("batch", append([]User(nil), us...))
			x.see("number", n)
			return endless(n)
		})
		x.see("error", err)
	}, reads: 3},
	generic("joins", func(x *run) ([]User, error) {
		return g[User](x).Joins(clause.Has("Company"), func(db gorm.JoinBuilder, on, cur clause.Table) error {
			db.Where("?.name = ?", on, "Fjord")
			return nil
		}).Order("users.id").Find(x.ctx)
	}),
	generic("left join", func(x *run) ([]User, error) {
		return g[User](x).Joins(clause.LeftJoin.Association("Company"), nil).Order("users.id").Find(x.ctx)
	}),
	generic("join of a subquery", func(x *run) ([]User, error) {
		return g[User](x).Joins(clause.LeftJoin.AssociationFrom("Company", gorm.G[Company](x.DB).Select("id, name").Where("id < ?", 3)).As("c"),
			func(db gorm.JoinBuilder, on, cur clause.Table) error {
				db.Where("?.company_id = ?.id", cur, on)
				return nil
			}).Order("users.id").Find(x.ctx)
	}),
	generic("subquery", func(x *run) ([]User, error) {
		return g[User](x).Where("age > (?)", gorm.G[User](x.DB).Select("avg(age)")).Order("id").Find(x.ctx)
	}),
	{name: "generic/preload", run: func(x *run) {
		us, err := g[User](x).Preload("Orders", func(db gorm.PreloadBuilder) error { db.Order("id"); return nil }).Order("id").Find(x.ctx)
		x.see("users", us)
		x.see("error", err)
	}, also: 1},
	{name: "generic/preload some of each", run: func(x *run) {
		us, err := g[User](x).Preload("Orders", func(db gorm.PreloadBuilder) error { db.Order("total").LimitPerRecord(1); return nil }).Order("id").Find(x.ctx)
		x.see("users", us)
		x.see("error", err)
	}, also: 1},
	generic("scopes", func(x *run) ([]User, error) {
		return g[User](x).Scopes(func(stmt *gorm.Statement) { stmt.DB.Where("age > ?", 23) }).Order("id").Find(x.ctx)
	}),
}
