package plugin_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// A program that sets time.Local does so in its main or an init: behind the initialization of what it imports.
func init() {
	switch name := os.Getenv("LOCAL_ZONE"); name {
	case "":
	case "UTC":
		time.Local = time.UTC
	case "fixed":
		time.Local = time.FixedZone("here", 5400)
	default:
		loc, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		time.Local = loc
	}
}

type occasion struct {
	ID       uint
	At       time.Time // timestamptz where there is one, TEXT in SQLite
	Day      time.Time `gorm:"type:date"`
	Instant  *time.Time
	Reminder time.Time `gorm:"type:timestamp"`
}

// localDSNs are ways in which a connection gives times.
func localDSNs(d *servers.Database) map[string]string {
	switch d.Kind {
	case "postgres":
		return map[string]string{"plain": d.DSN, "server elsewhere": d.DSN + " TimeZone=Asia/Tokyo", "text": d.DSN + " default_query_exec_mode=simple_protocol"}
	case "mariadb":
		return map[string]string{"local": d.DSN + "&parseTime=true&loc=Local", "utc": d.DSN + "&parseTime=true&loc=UTC", "named": d.DSN + "&parseTime=true&loc=Asia%2FTokyo"}
	}
	return map[string]string{"plain": d.DSN, "auto": d.DSN + "&_loc=auto"}
}

// Processes whose time.Local was replaced, each by another zone, share one database and one Redis. What each
// reads from the cache, whoever filled it, has the very zones that it reads from the database.
//
// Falls if: the serializer keeps time.Local from its initialization, or keys leave out what it is.
func TestTimesInTheLocalThatIsSet(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			d, server := servers.Empty(t, kind), servers.Redis(t)
			plain := d.Open(t)
			must(t, plain.AutoMigrate(&occasion{}))
			at := time.Date(2024, 7, 1, 22, 30, 0, 0, time.UTC)
			must(t, plain.Create([]occasion{{At: at, Day: at, Instant: &at, Reminder: at}, {At: at.AddDate(0, 6, 0), Day: at, Reminder: at}}).Error)
			for what, dsn := range localDSNs(d) {
				space := "all"
				if kind == "sqlite" { // whose DSN the plugin does not see: caveat 21
					space = what
				}
				for _, zone := range []string{"UTC", "", "Europe/Berlin", "fixed", "Asia/Tokyo"} {
					cmd := exec.Command(os.Args[0], "-test.run=^TestLocalProcess$", "-test.count=1")
					cmd.Env = append(os.Environ(), "LOCAL_ZONE="+zone, "LOCAL_KIND="+kind, "LOCAL_DSN="+dsn, "LOCAL_REDIS="+server.Addr, "LOCAL_SPACE="+space, "TZ=America/New_York")
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%s, time.Local %q: %v\n%s", what, zone, err, out)
					}
				}
			}
		})
	}
}

// TestLocalProcess is such a process.
func TestLocalProcess(t *testing.T) {
	kind := os.Getenv("LOCAL_KIND")
	if kind == "" {
		return // it runs as part of another test
	}
	d := &servers.Database{Kind: kind, DSN: os.Getenv("LOCAL_DSN")}
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("LOCAL_REDIS"), ContextTimeoutEnabled: true})
	defer func() { _ = client.Close() }()
	s := redisstore.New(client)
	defer func() { _ = s.Close() }()
	plain, db := d.Open(t), d.Open(t)
	use(t, db, s, func(c *gormcache.Config) { c.Namespace = os.Getenv("LOCAL_SPACE") })
	db, seen := watching(t, db)
	forms := map[string]func(db *gorm.DB) any{
		"find": func(db *gorm.DB) any {
			var got []occasion
			must(t, db.Order("id").Find(&got).Error)
			return fmt.Sprintf("%#v %#v", got, got[0].Instant)
		},
		"map": func(db *gorm.DB) any {
			var got []map[string]any
			must(t, db.Table("occasions").Order("id").Find(&got).Error)
			return fmt.Sprintf("%#v", got)
		},
		"scan": func(db *gorm.DB) any {
			var got struct{ At, Day any }
			must(t, db.Model(&occasion{}).Where("id = ?", 1).Select("at", "day").Scan(&got).Error)
			return fmt.Sprintf("%#v", got)
		},
	}
	for what, form := range forms {
		want, outcome := form(plain), miss
		for range 3 {
			got := form(db.Clauses(fromcache.Region("default")))
			if outcome = seen().Outcome; got != want {
				t.Errorf("%s, %v:\n got %s\nwant %s", what, outcome, got, want)
			}
		}
		if outcome != hit {
			t.Errorf("%s: %+v, want a hit", what, seen())
		}
	}
}

// watching returns the handle, and how its last read went.
func watching(t testing.TB, db *gorm.DB) (*gorm.DB, func() observe.Read) {
	t.Helper()
	read := new(observe.Read)
	return db.WithContext(lab.Seeing(t.Context(), read)), func() observe.Read { return *read }
}
