package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	folderPrefix = "gormcache-server-"
	lockName     = "in-use"
)

// folder is a server's temporary folder. While the test binary lives it holds a lock on a file in it;
// the kernel lets go of the lock when the binary dies, however it dies, and then sweep may delete.
type folder struct {
	path string
	lock *os.File
}

var sweepOnce sync.Once

// newFolder makes a folder that belongs to owner.
func newFolder(kind string, owner *account) (*folder, error) {
	sweepOnce.Do(sweep)
	path, err := os.MkdirTemp("", folderPrefix+kind+"-")
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	if err := f.hold(); err != nil {
		f.remove()
		return nil, err
	}
	if err := owner.give(path); err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

// hold takes the lock under another name first: a sweep of another test binary must never see a lock
// file that is not locked yet.
func (f *folder) hold() error {
	unlocked := filepath.Join(f.path, lockName+".new")
	lock, err := os.Create(unlocked)
	if err != nil {
		return err
	}
	f.lock = lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("servers: lock %s: %w", unlocked, err)
	}
	return os.Rename(unlocked, filepath.Join(f.path, lockName))
}

// join returns a path inside the folder.
func (f *folder) join(name string) string { return filepath.Join(f.path, name) }

// remove deletes the folder. What cannot be deleted is left to a later sweep.
func (f *folder) remove() {
	_ = os.RemoveAll(f.path)
	if f.lock != nil {
		_ = f.lock.Close()
	}
}

// sweep deletes the folders of test binaries that were killed.
func sweep() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*", lockName))
	for _, path := range locks {
		lock, err := os.Open(path)
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		_ = lock.Close()
	}
}
