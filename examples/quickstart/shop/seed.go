package shop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

const (
	companies    = 50
	users        = 5_000
	ordersByUser = 4
	batch        = 500
)

var (
	cities = []string{"Lisbon", "Oslo", "Turin", "Ghent", "Graz", "Malmö", "Porto", "Leeds"}
	trades = []string{"Bakery", "Books", "Cycles", "Optics", "Paper", "Seeds", "Tools", "Toys"}
	first  = []string{"Ada", "Bo", "Cleo", "Dag", "Eve", "Finn", "Gus", "Ida", "Jo", "Kim", "Lea", "Max"}
	last   = []string{"Berg", "Costa", "Dubois", "Eriksen", "Fontana", "Gruber", "Hall", "Jansen"}
	items  = []string{"lamp", "desk", "chair", "kettle", "clock", "scarf", "globe", "tent", "drill"}
)

// seed makes the shop's tables and rows, the same ones each time, and shows how far it is to those who watch.
func seed(ctx context.Context, db *gorm.DB, out *page, watched bool) error {
	start := time.Now()
	if err := db.WithContext(ctx).AutoMigrate(&Company{}, &User{}, &Order{}); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // made-up data needs no secret
	done, total := 0, companies+users+users*ordersByUser
	progress := func(n int) {
		if done += n; watched {
			out.printf("\rSeeding a shop: %d of %d rows", done, total)
		}
	}
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := insert(tx, progress, makeCompanies(random)); err != nil {
			return err
		}
		if err := insert(tx, progress, makeUsers(random)); err != nil {
			return err
		}
		return insert(tx, progress, makeOrders(random))
	})
	if watched {
		out.printf("\r")
	}
	if err == nil {
		out.printf("A shop in SQLite: %d companies, %d users, %d orders, made in %s.\n", companies, users, users*ordersByUser,
			time.Since(start).Round(10*time.Millisecond))
	}
	return err
}

func insert[T any](tx *gorm.DB, progress func(int), rows []T) error {
	for from := 0; from < len(rows); from += batch {
		part := rows[from:min(from+batch, len(rows))]
		if err := tx.Create(&part).Error; err != nil {
			return err
		}
		progress(len(part))
	}
	return nil
}

func makeCompanies(random *rand.Rand) []Company {
	rows := make([]Company, companies)
	for i := range rows {
		rows[i] = Company{Name: fmt.Sprintf("%s %s %d", pick(random, last), pick(random, trades), i+1), City: pick(random, cities)}
	}
	return rows
}

func makeUsers(random *rand.Rand) []User {
	rows := make([]User, users)
	for i := range rows {
		name := pick(random, first) + " " + pick(random, last)
		rows[i] = User{
			CompanyID: uint(1 + random.IntN(companies)), Name: name, Age: 18 + random.IntN(60),
			Email: fmt.Sprintf("user%d@shop.test", i+1), CreatedAt: day(random),
		}
	}
	return rows
}

func makeOrders(random *rand.Rand) []Order {
	rows := make([]Order, users*ordersByUser)
	for i := range rows {
		rows[i] = Order{
			UserID: uint(1 + random.IntN(users)), Item: pick(random, items),
			Cents: int64(100 + random.IntN(50_000)), CreatedAt: day(random),
		}
	}
	return rows
}

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

func day(random *rand.Rand) time.Time {
	return time.Date(2026, 1, 1+random.IntN(365), 12, 0, 0, 0, time.UTC)
}
