package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	temporaryPrefix = "gitsync-cluster-"
	lockName        = "lock"           // held (flock) by the supervisor; its content is the supervisor's process id
	sweepAge        = 60 * time.Second // a younger directory may belong to a supervisor that is just taking its lock
)

// Home is a cluster's directory, held by the lock inside it. Exactly one supervisor owns it at a time.
type Home struct {
	Dir  string
	lock *os.File
}

// claim takes dir (or a new temporary directory when it is empty) and leaves it empty but for the lock.
// It refuses a directory that holds anything but an earlier cluster's remains, so that a wrong --dir destroys nothing.
func claim(dir string) (*Home, error) {
	if dir == "" {
		sweep(os.TempDir())
		temporary, err := os.MkdirTemp("", temporaryPrefix)
		if err != nil {
			return nil, err
		}
		dir = temporary
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := refuseForeign(dir); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	home := &Home{Dir: dir, lock: lock}
	if err := home.hold(); err != nil {
		lock.Close()
		return nil, err
	}
	home.empty()
	return home, nil
}

func refuseForeign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, lockName)); err != nil {
		return fmt.Errorf("%s: holds files that no cluster wrote; name an empty directory", dir)
	}
	return nil
}

func (h *Home) hold() error {
	if err := syscall.Flock(int(h.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%s: a cluster runs here already; end it with `localcluster down`", h.Dir)
	}
	held, err := h.lock.Stat()
	if err != nil {
		return err
	}
	if named, err := os.Stat(filepath.Join(h.Dir, lockName)); err != nil || !os.SameFile(held, named) {
		return fmt.Errorf("%s: the cluster that ran here is just ending; try again", h.Dir)
	}
	if err := h.lock.Truncate(0); err != nil {
		return err
	}
	_, err = h.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

// empty removes everything but the lock and what keep names. Errors are ignored: what stays is swept at the next start.
func (h *Home) empty(keep ...string) {
	entries, _ := os.ReadDir(h.Dir)
	for _, entry := range entries {
		kept := entry.Name() == lockName
		for _, name := range keep {
			kept = kept || entry.Name() == name
		}
		if !kept {
			os.RemoveAll(filepath.Join(h.Dir, entry.Name()))
		}
	}
}

// remove gives the directory back: contents, lock, then the directory itself. The lock goes last, so that nobody can claim
// the directory while it is being emptied.
func (h *Home) remove() {
	h.empty()
	os.Remove(filepath.Join(h.Dir, lockName))
	os.Remove(h.Dir)
}

// sweep removes the temporary clusters under parent whose supervisor is gone (killed with SIGKILL, or a lost machine).
func sweep(parent string) {
	locks, _ := filepath.Glob(filepath.Join(parent, temporaryPrefix+"*", lockName))
	for _, path := range locks {
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < sweepAge {
			continue
		}
		lock, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue // another user's
		}
		home := &Home{Dir: filepath.Dir(path), lock: lock}
		if home.hold() == nil {
			home.remove()
		}
		lock.Close()
	}
}

// supervisor returns the open lock file of dir and the process id of its holder, or os.ErrNotExist when nobody holds it.
func supervisor(dir string) (*os.File, int, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if err != nil {
		return nil, 0, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		lock.Close()
		return nil, 0, os.ErrNotExist
	} else if !errors.Is(err, syscall.EWOULDBLOCK) {
		lock.Close()
		return nil, 0, fmt.Errorf("%s: %w", lock.Name(), err)
	}
	text := make([]byte, 32)
	n, _ := lock.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		lock.Close()
		return nil, 0, fmt.Errorf("%s: holds no process id: %q", lock.Name(), text[:n])
	}
	return lock, pid, nil
}
