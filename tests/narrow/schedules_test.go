package narrow_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

const lockClauses = " FOR NO KEY UPDATE| FOR UPDATE"

func unlocked(query string) string {
	for _, lock := range strings.Split(lockClauses, "|") {
		query = strings.TrimSuffix(query, lock)
	}
	return query
}

// stage is a world whose writer stops once it has read a pre-image.
type stage struct {
	*world
	stop    atomic.Bool
	stopped chan struct{}
	goOn    chan struct{}
	lock    atomic.Bool
	ran     func(query string) // set: told of each statement of the writer
}

func newStage(t *testing.T, kind, params string) *stage {
	t.Helper()
	s := &stage{stopped: make(chan struct{}), goOn: make(chan struct{})}
	s.lock.Store(true)
	d := servers.Empty(t, kind)
	if kind == "mariadb" {
		d.DSN += params
	}
	tapped := d.OpenTapped(t, &tap.Tap{
		Rewrite: func(query string) string {
			if s.lock.Load() {
				return query
			}
			return unlocked(query)
		},
		Ran: func(query string) {
			if s.ran != nil {
				s.ran(query)
			}
			if unlocked(query) != query && s.stop.CompareAndSwap(true, false) {
				close(s.stopped)
				<-s.goOn
			}
		},
	})
	st := memory.New()
	t.Cleanup(func() { _ = st.Close() })
	s.world = over(t, d, tapped, st, st)
	return s
}

func named(name string) read {
	for _, r := range reads {
		if r.name == name {
			return r
		}
	}
	panic(name)
}

// knows makes sure that the writer knows which columns are tracked.
func (w *world) knows(t *testing.T) {
	t.Helper()
	named("shop 2").warm(t, w.reader)
	for range 2 { // the first commit learns that the schema it went by may be old
		must(t, w.writer.Model(&Item{ID: 77}).Update("qty", 0).Error)
	}
	named("shop 2").warm(t, w.reader)
}

// A: reads that item 1 is of shop 1, and stops.
//
//	B: moves item 1 to shop 2, and commits.
//	C: stores the items of shop 2.
//
// A: changes item 1, commits, and changes the tags of shop 1, where it saw the item.
//
// With the lock B waits for A.
func TestMoveSchedule(t *testing.T) {
	for _, kind := range []string{"postgres", "mariadb"} {
		for _, lock := range []bool{true, false} {
			t.Run(kind+map[bool]string{true: ", locked", false: ", unlocked"}[lock], func(t *testing.T) {
				s := newStage(t, kind, "")
				s.knows(t)
				s.lock.Store(lock)
				s.stop.Store(true)
				a, b := make(chan error, 1), make(chan error, 1)
				go func() { a <- s.writer.Model(&Item{ID: 1}).Update("qty", 7).Error }()
				<-s.stopped
				go func() { b <- s.reader.Model(&Item{ID: 1}).Update("shop_id", 2).Error }()
				if lock {
					for !s.waiting(t) {
						select {
						case err := <-b:
							t.Fatalf("the move did not wait for the lock: %v", err)
						case <-time.After(often):
						}
					}
				} else {
					must(t, <-b)
					named("shop 2").warm(t, s.reader)
				}
				close(s.goOn)
				must(t, <-a)
				if lock {
					must(t, <-b)
				}
				got, seen := named("shop 2").answer(t, s.reader)
				stale := !same(got, named("shop 2").direct(t, s.bare))
				if stale == lock {
					t.Errorf("stale: %v, with the lock: %v (%v)", stale, lock, seen.Outcome)
				}
			})
		}
	}
}

// A: reads what it is about to change, and does not find item 9; stops.
//
//	B: inserts item 9 of shop 8, commits.
//	C: stores the items of shop 8.
//
// A: changes item 9 too. That it changes more rows than it has found makes it change the table's tag. MySQL does not
// count a row that was like this before: it may say 1 then, which is as many as were found.
func TestRowThatCameBetween(t *testing.T) {
	for _, name := range []string{"postgres", "mariadb", "mariadb, as before"} {
		t.Run(name, func(t *testing.T) {
			kind, as, _ := strings.Cut(name, ", ")
			s := newStage(t, kind, "&tx_isolation='READ-COMMITTED'") // else MariaDB locks the gap too, and B waits
			s.knows(t)
			if as != "" {
				must(t, s.bare.Exec("UPDATE items SET qty = 7 WHERE id = 1").Error)
			}
			s.stop.Store(true)
			a := make(chan error, 1)
			go func() { a <- s.writer.Model(&Item{}).Where("id IN ?", []int{1, 9}).Update("qty", 7).Error }()
			<-s.stopped
			must(t, s.reader.Create(&Item{ID: 9, ShopID: ptr(int64(8)), Name: "x"}).Error)
			before := named("shop 8").warm(t, s.reader)
			close(s.goOn)
			must(t, <-a)
			got, _ := named("shop 8").answer(t, s.reader)
			if want := named("shop 8").direct(t, s.bare); same(before, want) || !same(got, want) {
				t.Errorf("got %v, want %v; before %v", got, want, before)
			}
		})
	}
}

// The same where two keys have one text, which collations may find equal:
//
//	A: reads what it is about to change of 'ab-1' and 'AB-1', and finds the one; stops.
//	B: inserts the other, with a qty of 5, commits.
//	C: stores the codes with a qty of 5.
//	A: changes both.
//
// Falls if: as many rows as there are texts count as all that there can be.
func TestRowWithAnEqualTextThatCameBetween(t *testing.T) {
	s, r := newStage(t, "postgres", ""), read{"qty 5", find[Code](where("qty = ?", 5))}
	r.warm(t, s.reader)
	for range 2 { // the first commit learns that the schema it went by may be old
		must(t, s.writer.Model(&Code{ID: "ab-2"}).Update("qty", 0).Error)
	}
	s.stop.Store(true)
	a := make(chan error, 1)
	go func() { a <- s.writer.Model(&Code{}).Where("id IN ?", []string{"ab-1", "AB-1"}).Update("qty", 7).Error }()
	<-s.stopped
	must(t, s.reader.Create(&Code{ID: "AB-1", Qty: 5}).Error)
	before := r.warm(t, s.reader)
	close(s.goOn)
	must(t, <-a)
	if s.fresh(t, r); same(before, r.direct(t, s.bare)) {
		t.Errorf("nothing has changed: %v", before)
	}
}

// A row may hold a value that has no text, but equals one that has. What it was before can't be told then.
//
// Falls if: a write to it drops only what it can tell. Then the query by the other value stays as it was.
func TestStoredValuesThatCannotBeCompared(t *testing.T) {
	w, r := newWorld(t, "mariadb"), read{"name e", find[Item](where("name = ?", "e"))}
	must(t, w.bare.Exec("ALTER TABLE items MODIFY name varchar(40) COLLATE utf8mb4_general_ci").Error)
	must(t, w.bare.Exec("UPDATE items SET name = 'É' WHERE id = 1").Error)
	r.warm(t, w.reader)
	for range 2 {
		must(t, w.writer.Model(&Item{ID: 77}).Update("qty", 0).Error)
	}
	if got := r.warm(t, w.reader).([]Item); len(got) != 2 {
		t.Fatalf("the database does not find them equal: %v", got)
	}
	must(t, w.writer.Model(&Item{ID: 1}).Update("qty", 7).Error)
	w.fresh(t, r)
}

// The same of a key: the row is found by a tracked column, and has a name that can't be told.
//
// Falls if: it counts as no row. Then the query by the other key stays as it was.
func TestStoredKeysThatCannotBeCompared(t *testing.T) {
	w, r, qty := newWorld(t, "mariadb"), read{"code e", find[Code](where("id = ?", "e"))}, read{"qty 5", find[Code](where("qty = ?", 5))}
	must(t, w.bare.Exec("ALTER TABLE codes MODIFY id varchar(40) COLLATE utf8mb4_general_ci").Error)
	must(t, w.bare.Create(&Code{ID: "é", Qty: 5}).Error)
	w.warmAll(t, r, qty)
	for range 2 {
		must(t, w.writer.Model(&Code{ID: "ab-1"}).Update("qty", 1).Error)
	}
	w.warmAll(t, qty)
	if got := r.warm(t, w.reader).([]Code); len(got) != 1 {
		t.Fatalf("the database does not find them equal: %v", got)
	}
	must(t, w.writer.Where("qty = ?", 5).Delete(&Code{}).Error)
	w.fresh(t, r)
}

// A writer that has never heard of tracked columns learns of them before it commits.
func TestWriterLearnsWhatIsTracked(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind)
			must(t, w.writer.Model(&Item{ID: 77}).Update("qty", 0).Error) // nothing is tracked yet
			r := named("shop 1")
			r.warm(t, w.reader)
			must(t, w.writer.Model(&Item{ID: 1}).Update("qty", 7).Error)
			if got, want := first(r.answer(t, w.reader)), r.direct(t, w.bare); !same(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			r.warm(t, w.reader)
			must(t, w.writer.Model(&Item{ID: 3}).Update("qty", 7).Error)
			if _, seen := r.answer(t, w.reader); seen.Outcome != observe.Hit {
				t.Errorf("%v (%s): the writer knows by now that item 3 is of another shop", seen.Outcome, seen.Reason)
			}
		})
	}
}

func first[A, B any](a A, _ B) A { return a }
