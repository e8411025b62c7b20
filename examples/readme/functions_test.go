package readme

import (
	"context"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/region"
)

func TestFunctions(t *testing.T) {
	db, cache := shop(t)
	ctx := t.Context()
	reports, err := cache.Region("reports")
	check(t, err)
	// docs: functions
	readUser := func(ctx context.Context, id uint) (User, error) {
		return gorm.G[User](db).Where("id = ?", id).First(ctx)
	}
	read := region.Cached(reports, "read_user-{user_id}", readUser, region.WithTables("users"))
	ada, err := read.Call(ctx, 1) // Get, Set, Reset, Refresh and Original speak of the same value
	// docs: end
	check(t, err)
	if ada.Name != "Ada" {
		t.Error(ada)
	}
	check(t, db.Model(&User{ID: 1}).Update("name", "Zoe").Error)
	if ada, err = read.Call(ctx, 1); err != nil || ada.Name != "Zoe" {
		t.Error(ada, err)
	}
	if ada, err = read.Get(ctx, 1); err != nil || ada.Name != "Zoe" {
		t.Error(ada, err)
	}
}
