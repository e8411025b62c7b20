package memory_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
)

const ns = store.Namespace("test")

func openFile(t *testing.T, path string) *memory.Store {
	t.Helper()
	s, err := memory.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeFile(t *testing.T, s *memory.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// put stores a payload under a key, with the present tokens of its tags.
func put(t *testing.T, s *memory.Store, kind entry.Kind, key string, ttl time.Duration, tags ...string) {
	t.Helper()
	states := make([]store.State, len(tags))
	if err := s.Tokens(t.Context(), tags, states); err != nil {
		t.Fatal(err)
	}
	var tokens []byte
	for _, state := range states {
		tokens = append(tokens, state.Token[:]...)
	}
	value, err := entry.Append(nil, key, &entry.Envelope{Kind: kind, Tokens: tokens, Payload: []byte("the value of " + key)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), key, value, ttl); err != nil {
		t.Fatal(err)
	}
}

// valid reports whether a key has an entry whose tokens are those that its tags have now.
func valid(t *testing.T, s *memory.Store, key string, tags ...string) bool {
	t.Helper()
	l := store.Lookup{Keys: []string{key}, Tags: tags}
	if err := s.Lookup(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	var env entry.Envelope
	if l.Values[0] == nil || env.Decode(key, l.Values[0]) != nil {
		return false
	}
	var tokens []byte
	for _, state := range l.States {
		tokens = append(tokens, state.Token[:]...)
	}
	return bytes.Equal(env.Tokens, tokens)
}

func TestStoreOfAFile(t *testing.T) {
	storetest.RunConfig(t, storetest.Config{
		Open:   func(t *testing.T) store.Store { return openFile(t, filepath.Join(t.TempDir(), "values")) },
		Around: synctest.Test,
	})
}

// TestWhatIsSaved: values that depend on no table, and only these.
func TestWhatIsSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	s := openFile(t, path)
	epoch, region, user, table := ns.Epoch(), ns.Region("r"), ns.User("mine"), ns.Table("users")
	gone, marked := ns.User("gone"), ns.User("marked")
	put(t, s, entry.KindValue, "value", 0, epoch, region)
	put(t, s, entry.KindValue, "tagged", time.Hour, epoch, region, user)
	soft, grace := ns.Soft("r"), ns.Grace("r")
	put(t, s, entry.KindValue, "served stale", 0, epoch, region, soft, grace)
	put(t, s, entry.KindAbsent, "absent", 0, epoch, region)
	put(t, s, entry.KindAbsent, "absent of a table", 0, epoch, region, table)
	put(t, s, entry.KindValue, "of a table", 0, epoch, region, table)
	put(t, s, entry.KindRows, "rows", 0, epoch, region)
	put(t, s, entry.KindValue, "dropped", 0, epoch, region, gone)
	put(t, s, entry.KindValue, "being dropped", 0, epoch, region, marked)
	if err := s.Set(t.Context(), "foreign", []byte("bytes of another kind"), 0); err != nil {
		t.Fatal(err)
	}
	w := store.NewWriter()
	if err := store.Failure(s.Settle(t.Context(), []string{gone}, w, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Mark(t.Context(), []string{marked}, w, time.Hour); err != nil {
		t.Fatal(err)
	}
	closeFile(t, s)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}

	s = openFile(t, path)
	defer s.Close()
	if !valid(t, s, "value", epoch, region) || !valid(t, s, "tagged", epoch, region, user) {
		t.Error("a value that depends on no table is lost")
	}
	if !valid(t, s, "served stale", epoch, region, soft, grace) {
		t.Error("a value of a region that serves stale values is lost")
	}
	if !valid(t, s, "absent", epoch, region) {
		t.Error("the answer that there is no value is lost")
	}
	l := store.Lookup{Keys: []string{"of a table", "absent of a table", "rows", "dropped", "being dropped", "foreign"}, Tags: []string{table, gone, marked}}
	if err := s.Lookup(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	for i, key := range l.Keys {
		if l.Values[i] != nil {
			t.Errorf("%s is saved", key)
		}
	}
	for i, tag := range l.Tags {
		if l.States[i].Known {
			t.Errorf("the tag %s is saved", tag)
		}
	}
	// What is loaded is invalidated as before.
	if err := store.Failure(s.Settle(t.Context(), []string{region}, w, 0)); err != nil {
		t.Fatal(err)
	}
	if valid(t, s, "value", epoch, region) {
		t.Error("a value outlives its region's new token")
	}
}

// TestSavedTimesToLiveGoOn while no process runs.
func TestSavedTimesToLiveGoOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	synctest.Test(t, func(t *testing.T) {
		s := openFile(t, path)
		put(t, s, entry.KindValue, "short", time.Minute, ns.Epoch())
		put(t, s, entry.KindValue, "long", time.Hour, ns.Epoch())
		put(t, s, entry.KindValue, "over", time.Second, ns.Epoch())
		time.Sleep(30 * time.Second)
		closeFile(t, s)
		time.Sleep(20 * time.Second)
		s = openFile(t, path)
		if !valid(t, s, "short", ns.Epoch()) || !valid(t, s, "long", ns.Epoch()) || valid(t, s, "over", ns.Epoch()) {
			t.Error("after 50 seconds")
		}
		time.Sleep(11 * time.Second)
		if valid(t, s, "short", ns.Epoch()) || !valid(t, s, "long", ns.Epoch()) {
			t.Error("after 61 seconds")
		}
		closeFile(t, s)
		time.Sleep(time.Hour)
		if s = openFile(t, path); valid(t, s, "long", ns.Epoch()) {
			t.Error("after more than an hour")
		}
		closeFile(t, s)
	})
}

// TestAFileIsLoadedOnce: what was changed after the file was written, by a process that was killed, does not come back.
func TestAFileIsLoadedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	s := openFile(t, path)
	put(t, s, entry.KindValue, "k", 0, ns.Epoch())
	closeFile(t, s)
	killed := openFile(t, path)
	if !valid(t, killed, "k", ns.Epoch()) {
		t.Fatal("not loaded")
	}
	if err := killed.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	s = openFile(t, path)
	if valid(t, s, "k", ns.Epoch()) {
		t.Error("a deleted value is back")
	}
	closeFile(t, s)
}

// TestWhoIsReplacedDoesNotSave: B opens before A is closed, as while a program is deployed, deletes a value, and is killed.
func TestWhoIsReplacedDoesNotSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	a := openFile(t, path)
	put(t, a, entry.KindValue, "k", 0, ns.Epoch())
	b := openFile(t, path)
	if err := a.Close(); err == nil || !strings.Contains(err.Error(), "another store has opened") {
		t.Errorf("Close of the one that was replaced gives %v", err)
	}
	c := openFile(t, path)
	if valid(t, c, "k", ns.Epoch()) {
		t.Error("the value that A had is back after B")
	}
	if err := b.Close(); err == nil {
		t.Error("B was replaced too, and its Close does not say so")
	}
	put(t, c, entry.KindValue, "of c", 0, ns.Epoch())
	closeFile(t, c)
	d := openFile(t, path)
	if !valid(t, d, "of c", ns.Epoch()) {
		t.Error("the last one did not save")
	}
	closeFile(t, d)
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// TestNoChangeIsUndoneByTheFile: a Delete that returned without an error holds after Close and Open.
func TestNoChangeIsUndoneByTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	for range 30 {
		s := openFile(t, path)
		const n = 50
		for i := range n {
			put(t, s, entry.KindValue, fmt.Sprint(i), 0, ns.Epoch())
		}
		var deleted [n]atomic.Bool
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { deleted[i].Store(s.Delete(t.Context(), fmt.Sprint(i)) == nil) })
		}
		closeFile(t, s)
		wg.Wait()
		s = openFile(t, path)
		for i := range n {
			if has := valid(t, s, fmt.Sprint(i), ns.Epoch()); has == deleted[i].Load() {
				t.Fatalf("entry %d: deleted is %v, and it is there: %v", i, deleted[i].Load(), has)
			}
		}
		closeFile(t, s)
	}
}

func TestDamagedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	s := openFile(t, path)
	put(t, s, entry.KindValue, "k", time.Hour, ns.Epoch(), ns.User("mine"))
	closeFile(t, s)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range good {
		for _, bad := range [][]byte{good[:at], append(append(bytes.Clone(good[:at]), good[at]^1), good[at+1:]...)} {
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := memory.Open(path)
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Fatalf("%d bytes, damaged at %d: %v", len(bad), at, err)
			}
			if valid(t, s, "k", ns.Epoch(), ns.User("mine")) {
				t.Fatalf("%d bytes, damaged at %d: the entry is loaded", len(bad), at)
			}
			put(t, s, entry.KindValue, "k", 0, ns.Epoch()) // works nevertheless
			if at == 0 {
				closeFile(t, s)
			}
		}
	}
}

func TestAFolderThatIsMissing(t *testing.T) {
	s, err := memory.Open(filepath.Join(t.TempDir(), "no", "values"))
	if err == nil || !strings.Contains(err.Error(), "nothing will be saved") {
		t.Errorf("Open gives %v", err)
	}
	put(t, s, entry.KindValue, "k", 0, ns.Epoch())
	if !valid(t, s, "k", ns.Epoch()) {
		t.Error("the store does not work")
	}
	closeFile(t, s)
}

// TestOpenTakesNothingThatIsNotItsOwn: a path that was meant for something else. Falls if a folder, or a file of another kind, is
// moved, changed or removed, or is overwritten when the store is closed.
func TestOpenTakesNothingThatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	folder, database, hidden := filepath.Join(dir, "folder"), filepath.Join(dir, "shop.db"), filepath.Join(dir, ".mine.open")
	inside := filepath.Join(folder, "kept")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{database, hidden, inside} {
		if err := os.WriteFile(name, []byte("SQLite format 3"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		folder: "is no file", dir + string(filepath.Separator): "names no file", "": "names no file", database: "name another path",
	} {
		s, err := memory.Open(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nothing will be saved") {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
		put(t, s, entry.KindValue, "k", 0, ns.Epoch())
		closeFile(t, s)
	}
	for _, name := range []string{database, hidden, inside} {
		if b, err := os.ReadFile(name); err != nil || string(b) != "SQLite format 3" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// TestStoresWhoseNamesBeginAlike are two stores: one does not keep the other from saving.
func TestStoresWhoseNamesBeginAlike(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	long := openFile(t, path+".orders")
	put(t, long, entry.KindValue, "k", 0, ns.Epoch())
	short := openFile(t, path)
	closeFile(t, long)
	closeFile(t, short)
	long = openFile(t, path+".orders")
	if !valid(t, long, "k", ns.Epoch()) {
		t.Error("the value is lost")
	}
	closeFile(t, long)
}
