package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const logTail = 4096 // bytes of a program's log that a failure shows

// Program is one child of the supervisor.
type Program struct {
	Name    string
	log     string
	command *exec.Cmd
	done    chan struct{} // closed once it has ended and was waited for
}

// Ended says that a program ended, for whatever reason.
type Ended struct {
	Program *Program
	State   string
}

// start runs a program in dir with its output in dir/logs/NAME.log. It must be called on the main thread, which is locked
// (see init in run.go): PR_SET_PDEATHSIG fires when the *thread* that forked ends. ended must have room for every program.
func start(dir, name string, argv []string, ended chan<- Ended) (*Program, error) {
	p := &Program{Name: name, log: filepath.Join(dir, "logs", name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command = exec.Command(argv[0], argv[1:]...)
	p.command.Dir, p.command.Stdout, p.command.Stderr = dir, log, log
	// Nothing of the caller's surroundings (KUBECONFIG, proxies, ETCD_*) reaches the programs.
	p.command.Env = []string{"HOME=" + dir, "TMPDIR=" + dir, "PATH=" + os.Getenv("PATH")}
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w; build it with `make deps`", name, err)
	}
	go func() {
		p.command.Wait()
		close(p.done)
		ended <- Ended{p, p.command.ProcessState.String()}
	}()
	return p, nil
}

// kill ends the program's process group and waits for it. Its data is thrown away, so there is nothing to end gently.
func (p *Program) kill() {
	syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// tail returns the end of the log, from a line's start.
func (p *Program) tail() string {
	file, err := os.Open(p.log)
	if err != nil {
		return ""
	}
	defer file.Close()
	size, err := file.Seek(0, 2)
	if err != nil {
		return ""
	}
	from := size - logTail
	if from < 0 {
		from = 0
	}
	text := make([]byte, size-from)
	n, _ := file.ReadAt(text, from)
	lines := string(text[:n])
	if from > 0 {
		lines = lines[strings.IndexByte(lines, '\n')+1:]
	}
	return strings.TrimSpace(lines)
}
