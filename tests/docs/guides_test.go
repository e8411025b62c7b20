package docs

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// guides lead from another library here, call by call. The tests of each stand in the file.
var guides = map[string]string{"from-dogpile.md": "from_dogpile_test.go", "from-cachify.md": "from_cachify_test.go", "from-pymemcache.md": "from_pymemcache_test.go"}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// TestGuidesAreCodeThatRuns looks for each call that a guide shows as new in the tests of the guide. A call that is not
// needed says why.
//
// Falls if: a guide shows a call that does not compile, or leaves out a row's answer.
func TestGuidesAreCodeThatRuns(t *testing.T) {
	for guide, tests := range guides {
		code := spaces.ReplaceAllString(read(t, tests)+read(t, "guides_test.go"), " ")
		rows := 0
		for _, line := range strings.Split(read(t, root+"/docs/"+guide), "\n") {
			if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| Old") {
				continue
			}
			rows++
			cells := strings.Split(line, "|")
			if len(cells) != 5 {
				t.Errorf("%s: %d cells, want 3: %s", guide, len(cells)-2, line)
				continue
			}
			calls := codeSpan.FindAllStringSubmatch(cells[2], -1)
			if len(calls) == 0 && len(cells[3]) < 15 {
				t.Errorf("%s: neither a new call nor a reason: %s", guide, line)
			}
			for _, call := range calls {
				if !strings.Contains(code, call[1]) {
					t.Errorf("%s: %q is not in %s", guide, call[1], tests)
				}
			}
		}
		if rows < 25 {
			t.Errorf("%s: only %d rows found: the test looks in the wrong place", guide, rows)
		}
	}
}

// Person is a row of the guides.
type Person struct {
	ID        uint
	Name      string
	Age       int
	Addresses []Address
}

// Address belongs to a person.
type Address struct {
	ID       uint
	PersonID uint
	City     string
}

// people opens a database with the plugin, and a person in it.
func people(t *testing.T) (*gorm.DB, *gormcache.Plugin) {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "people.db")), &gorm.Config{Logger: logger.Discard})
	check(t, err)
	check(t, db.AutoMigrate(&Person{}, &Address{}))
	check(t, db.Create(&Person{ID: 5, Name: "Ann", Age: 30, Addresses: []Address{{City: "Kyiv"}}}).Error)
	p, err := gormcache.New(gormcache.Config{
		Namespace: "shop",
		Regions: map[string]region.Config{
			"default": {TTL: time.Hour, StaleWhileRevalidate: time.Minute},
			"local":   {TTL: time.Minute},
		},
	})
	check(t, err)
	check(t, db.Use(p))
	t.Cleanup(func() {
		check(t, p.Close())
		pool, err := db.DB()
		check(t, err)
		check(t, pool.Close())
	})
	return db, p
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is checks what a call gave.
func is[T comparable](t *testing.T, got, want T, err error) {
	t.Helper()
	if err != nil || got != want {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
}

// jsonCodec keeps values as JSON, for programs in other languages.
type jsonCodec struct{}

func (jsonCodec) Name() string                      { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error)     { return json.Marshal(v) }
func (jsonCodec) Unmarshal(b []byte, dst any) error { return json.Unmarshal(b, dst) }

// readName returns a function that counts its calls.
func readName(calls *int) func(context.Context, int) (string, error) {
	return func(_ context.Context, id int) (string, error) {
		*calls++
		return fmt.Sprintf("name %d, call %d", id, *calls), nil
	}
}
