// gitsync-render-worker evaluates for the operator what has its one well-kept library in Go, in a process that can be killed.
// It reads requests from standard input and writes answers to standard output (frame.go, serve.go); it opens no connection,
// writes no file and knows no Kubernetes. At the end of its input it ends.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // time zones of expressions: the image may have none
)

const (
	softMemory = 96 << 20  // bytes; from here on the garbage collector works harder
	hardMemory = 768 << 20 // RLIMIT_DATA: Go reserves far more than it uses, so this is only the last wall
	maxStack   = 64 << 20  // an endless recursion ends here
	atOnce     = 2         // requests under way at the same time
)

func main() {
	if err := confine(); err != nil {
		die(err)
	}
	if err := serve(os.Stdin, os.Stdout, newEvaluator()); err != nil {
		die(err)
	}
}

func die(err error) {
	fmt.Fprintf(os.Stderr, "gitsync-render-worker: %v\n", err)
	os.Exit(1)
}

// confine sets the limits of this process: memory, no core files, no new privileges; it ends with the operator.
func confine() error {
	debug.SetMemoryLimit(softMemory)
	debug.SetMaxStack(maxStack)
	runtime.GOMAXPROCS(atOnce)
	for _, limit := range []struct {
		resource int
		value    uint64
	}{{syscall.RLIMIT_DATA, hardMemory}, {syscall.RLIMIT_CORE, 0}} {
		if err := syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: limit.value, Max: limit.value}); err != nil {
			return fmt.Errorf("setrlimit(%d): %w", limit.resource, err)
		}
	}
	const setParentDeathSignal, setNoNewPrivileges = 1, 38 // prctl(2)
	for _, call := range [][2]uintptr{{setParentDeathSignal, uintptr(syscall.SIGKILL)}, {setNoNewPrivileges, 1}} {
		if _, _, errno := syscall.AllThreadsSyscall6(syscall.SYS_PRCTL, call[0], call[1], 0, 0, 0, 0); errno != 0 {
			return fmt.Errorf("prctl(%d): %w", call[0], errno)
		}
	}
	return nil
}
