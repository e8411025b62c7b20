package shop

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// query is one that the tour repeats. Run gives it the cache's scope, or nothing for the plain answer.
type query struct {
	name   string
	tables []string // what it reads, so which writes make it load again
	run    func(ctx context.Context, db *gorm.DB, scope ...clause.Expression) (any, error)
}

// asker is the user whose orders are looked at.
const asker = 42

var queries = []query{
	{"companies of Oslo", []string{"companies"}, companiesOfOslo},
	{"number of users over 60", []string{"users"}, usersOver60},
	{"user 42", []string{"users"}, oneUser},
	{"that user's orders", []string{"orders"}, ordersOfUser},
	{"revenue by company", []string{"companies", "orders", "users"}, revenueByCompany},
}

func companiesOfOslo(ctx context.Context, db *gorm.DB, scope ...clause.Expression) (any, error) {
	return gorm.G[Company](db, scope...).Where("city = ?", "Oslo").Order("id").Find(ctx)
}

func usersOver60(ctx context.Context, db *gorm.DB, scope ...clause.Expression) (any, error) {
	var n int64
	err := db.WithContext(ctx).Clauses(scope...).Model(&User{}).Where("age > ?", 60).Count(&n).Error
	return n, err
}

func oneUser(ctx context.Context, db *gorm.DB, scope ...clause.Expression) (any, error) {
	var user User
	err := db.WithContext(ctx).Clauses(scope...).First(&user, asker).Error
	return user, err
}

func ordersOfUser(ctx context.Context, db *gorm.DB, scope ...clause.Expression) (any, error) {
	var orders []Order
	err := db.WithContext(ctx).Clauses(scope...).Where("user_id = ?", asker).Order("id").Find(&orders).Error
	return orders, err
}

func revenueByCompany(ctx context.Context, db *gorm.DB, scope ...clause.Expression) (any, error) {
	var rows []Revenue
	err := db.WithContext(ctx).Clauses(scope...).Model(&Order{}).
		Select("companies.name AS company, COUNT(*) AS orders, SUM(orders.cents) AS cents").
		Joins("JOIN users ON users.id = orders.user_id").
		Joins("JOIN companies ON companies.id = users.company_id").
		Group("companies.id").Order("cents DESC").Scan(&rows).Error
	return rows, err
}
