package memory

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Open returns a store that begins with what an earlier store of the same file has saved, and that saves at [Store.Close]
// what depends on no table: values of regions without WithTables. Answers of queries, and values that depend on a table,
// are not saved: while no process runs, the database may change and nobody would invalidate them.
//
//	s, err := memory.Open("/var/cache/shop/values")
//	if err != nil {
//		log.Print(err) // and go on
//	}
//	defer s.Close() // after the plugin's Close
//
// Open takes the file away, so that no content is loaded twice: a process that crashes saves nothing, and the next one
// begins empty. So it does where the last store was closed only after this Open. The file is readable by its owner alone;
// it holds values in the clear. Entries that another store has sealed or compressed are not saved, nor those of a region
// that has this store to itself (region.Config.Store): their tags are elsewhere, and nobody could say what has become of them
// meanwhile. Open the file for Config.Store or region.New.
//
// If there is an error, the file could not be read or its folder not be written. Open then returns a store nevertheless,
// which begins empty.
func Open(path string, opts ...Option) (*Store, error) {
	s := New(opts...)
	w := store.NewWriter()
	f := &file{path: path, id: hex.EncodeToString(w[:])}
	err := f.mayTake()
	if err == nil {
		err = f.disown()
	}
	if err != nil {
		return s, fault.Errorf("memory: nothing will be saved: %w", err)
	}
	content, rerr := f.take()
	if rerr == nil && content != nil {
		rerr = s.load(content)
	}
	if rerr != nil {
		s.Clear() // what was loaded before the error
		rerr = fault.Errorf("memory: %s can't be loaded: %w", path, rerr)
	}
	if err := f.own(); err != nil {
		return s, errors.Join(rerr, fault.Errorf("memory: nothing will be saved: %w", err))
	}
	s.file = f
	return s, rerr
}

// file is where a store will be saved. A nil file saves nothing.
//
// Only the last store that opened a path may save to it:
//
//	process A   Open; runs on while it is being replaced
//	process B   Open; deletes a value
//	process A   Close: saves the value
//	process B   is killed
//	process C   Open: serves the deleted value
//
// So each store has a file of its own beside the path, which Open of another one removes. It is written there, and put in
// its place by renaming, which fails if it is gone.
type file struct {
	path, id string
	// changes is held for reading by calls that change something, and for writing while the store is saved.
	changes sync.RWMutex
}

func (f *file) begin() {
	if f != nil {
		f.changes.RLock()
	}
}

func (f *file) end() {
	if f != nil {
		f.changes.RUnlock()
	}
}

// The ends of the names of files beside the path: of a store that is open, and of content that is being loaded.
const (
	openSuffix = ".open"
	loadSuffix = ".load"
)

func (f *file) beside(suffix string) string { return f.path + "." + f.id + suffix }

// disown takes from all other stores of the path the right to save, and removes what killed processes left behind.
func (f *file) disown() error {
	dir, base := filepath.Split(f.path)
	all, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return err
	}
	for _, e := range all {
		name := e.Name()
		if !isBeside(name, base) || name == base+"."+f.id+openSuffix {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// isBeside reports whether a file is one beside the path of a store. That of another path may begin in the same way.
func isBeside(name, base string) bool {
	rest, ok := strings.CutPrefix(name, base+".")
	id, open := strings.CutSuffix(rest, openSuffix)
	if !open {
		id, open = strings.CutSuffix(rest, loadSuffix)
	}
	return ok && open && len(id) == hex.EncodedLen(len(store.Writer{})) && strings.IndexByte(id, '.') < 0
}

// mayTake returns why the path can't be that of a store. Open takes away what it finds there, and Close puts a file in its
// place: a path that was meant for something else must not cost its content.
func (f *file) mayTake() error {
	if _, base := filepath.Split(f.path); base == "" {
		return fmt.Errorf("the path %q names no file", f.path)
	}
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file: name a file in it, or beside it", f.path)
	}
	content, err := os.Open(f.path)
	if err != nil {
		return err
	}
	kind := make([]byte, len(dumpKind))
	n, err := io.ReadFull(content, kind)
	_ = content.Close()
	if errors.Is(err, io.EOF) || string(kind[:n]) == dumpKind {
		return nil // it is empty, or of any version
	}
	return fmt.Errorf("%s has been saved by something else: name another path, or remove it", f.path)
}

// take returns what the file holds, and removes it; nil if there is none.
func (f *file) take() ([]byte, error) {
	taken := f.beside(loadSuffix)
	if err := os.Rename(f.path, taken); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	content, err := os.ReadFile(taken)
	return content, errors.Join(err, os.Remove(taken))
}

// own makes this store the one that may save. Of two that open the path at the same moment one may, or none.
func (f *file) own() error {
	made, err := os.OpenFile(f.beside(openSuffix), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(made.Close(), f.disown())
}

// save writes the content of a store that is closed already: calls that have not begun yet fail.
func (f *file) save(s *Store) error {
	if f == nil {
		return nil
	}
	f.changes.Lock()
	defer f.changes.Unlock()
	if err := f.write(s.dump()); err != nil {
		return fault.Errorf("memory: nothing is saved: %w", err)
	}
	return nil
}

func (f *file) write(content []byte) error {
	own := f.beside(openSuffix)
	out, err := os.OpenFile(own, os.O_WRONLY, 0) // not made anew
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("another store has opened %s since", f.path)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = os.Rename(own, f.path)
	}
	if err != nil {
		_ = os.Remove(own)
	}
	return err
}
