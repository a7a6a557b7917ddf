package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const (
	readyName   = "ready.json"
	pollEvery   = 20 * time.Millisecond  // of the API server while it starts
	parentEvery = 500 * time.Millisecond // the slower net below the closing of standard input
	maxPrograms = 8
)

// errStopped ends a run that was asked to end: no failure.
var errStopped = errors.New("stopped")

// Children must be forked by a thread that lives as long as the process (see start).
func init() { runtime.LockOSThread() }

// Supervisor is one running cluster.
type Supervisor struct {
	options  Options
	home     *Home
	port     *Port
	client   *Client
	programs []*Program
	ended    chan Ended
	stop     <-chan string // receives why the cluster has to end
	began    time.Time
}

// run is the verb: it returns when the cluster has ended and its directory is gone. After a failure the logs stay.
func run(o Options) error {
	s := &Supervisor{options: o, ended: make(chan Ended, maxPrograms), began: time.Now()}
	s.stop = watchEnd(o.Detached)
	err := s.live()
	for i := len(s.programs) - 1; i >= 0; i-- {
		s.programs[i].kill()
	}
	if s.home != nil {
		if err == nil || errors.Is(err, errStopped) {
			s.home.remove()
		} else {
			s.home.empty("logs")
			err = fmt.Errorf("%w\nThe logs are in %s", err, filepath.Join(s.home.Dir, "logs"))
		}
	}
	if errors.Is(err, errStopped) {
		return nil
	}
	if o.Detached && err != nil {
		json.NewEncoder(os.Stdout).Encode(Cluster{Error: err.Error()})
	}
	return err
}

// live starts the cluster, says so and stays until there is a reason to end.
func (s *Supervisor) live() error {
	if err := checkBinaries(s.options); err != nil {
		return err
	}
	home, err := claim(s.options.Dir)
	if err != nil {
		return err
	}
	s.home = home
	if err := s.prepare(); err != nil {
		return err
	}
	if err := s.bringUp(); err != nil {
		return err
	}
	if err := s.announce(); err != nil {
		return err
	}
	return s.wait()
}

func (s *Supervisor) prepare() error {
	if err := os.Mkdir(filepath.Join(s.home.Dir, "logs"), 0o700); err != nil {
		return err
	}
	port, err := reservePort()
	if err != nil {
		return err
	}
	s.port = port
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	admin, err := writeKeys(s.home.Dir, s.server(), serviceIP, authority)
	if err != nil {
		return err
	}
	if s.client, err = newClient(s.server(), authority, admin); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.home.Dir, "audit-policy.yaml"), []byte(auditPolicy), 0o600)
}

func (s *Supervisor) server() string { return fmt.Sprintf("https://127.0.0.1:%d", s.port.Number) }

func (s *Supervisor) bringUp() error {
	bin := s.options.Bin
	deadline := time.After(s.options.Timeout)
	if err := s.start("etcd", etcdCommand(bin)); err != nil {
		return err
	}
	if err := s.start("kube-apiserver", apiserverCommand(bin, s.port.Number, s.options.AuditLog)); err != nil {
		return err
	}
	if err := s.until("the API server answers /readyz", deadline, s.client.ready); err != nil {
		return err
	}
	if err := s.start("kube-controller-manager", managerCommand(bin)); err != nil {
		return err
	}
	if err := s.start("kube-scheduler", schedulerCommand(bin)); err != nil {
		return err
	}
	if s.options.Kwok {
		own, err := writeOwnStages(s.home.Dir)
		if err != nil {
			return err
		}
		argv, err := kwokCommand(bin, own)
		if err != nil {
			return err
		}
		if err := s.start("kwok", argv); err != nil {
			return err
		}
	}
	for i := 0; i < s.options.Nodes; i++ {
		if err := s.client.create("/api/v1/nodes", fakeNode(i)); err != nil {
			return err
		}
	}
	if err := s.until("the default ServiceAccount exists", deadline, s.client.serviceAccount); err != nil {
		return err
	}
	for i := 0; i < s.options.Nodes; i++ {
		name := nodeName(i)
		err := s.until("Node "+name+" is Ready", deadline, func() error { return s.client.nodeReady(name) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Supervisor) start(name string, argv []string) error {
	program, err := start(s.home.Dir, name, argv, s.ended)
	if err == nil {
		s.programs = append(s.programs, program)
	}
	return err
}

// until repeats check until it returns nil. The deadline, an end of any program and a stop end it with an error.
func (s *Supervisor) until(what string, deadline <-chan time.Time, check func() error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		last := check()
		if last == nil {
			return nil
		}
		select {
		case <-deadline:
			return fmt.Errorf("not ready after %s, waiting until %s: %w", s.options.Timeout, what, last)
		case <-tick.C:
		case why := <-s.stop:
			return fmt.Errorf("%w: %s", errStopped, why)
		case end := <-s.ended:
			return endedEarly(end)
		}
	}
}

// wait blocks until a program ends or a stop arrives.
func (s *Supervisor) wait() error {
	select {
	case why := <-s.stop:
		return fmt.Errorf("%w: %s", errStopped, why)
	case end := <-s.ended:
		return endedEarly(end)
	}
}

func endedEarly(end Ended) error {
	return fmt.Errorf("%s ended (%s); its last words:\n%s", end.Program.Name, end.State, end.Program.tail())
}

func (s *Supervisor) announce() error {
	cluster := Cluster{Ready: true, Dir: s.home.Dir, Kubeconfig: filepath.Join(s.home.Dir, "kubeconfig"), Server: s.server(),
		Nodes: s.options.Nodes, Pid: os.Getpid(), Seconds: float64(time.Since(s.began).Milliseconds()) / 1000}
	if s.options.AuditLog {
		cluster.AuditLog = filepath.Join(s.home.Dir, auditName)
	}
	line, err := json.Marshal(cluster)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	file := filepath.Join(s.home.Dir, readyName)
	if err := os.WriteFile(file+".new", line, 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	if _, err := os.Stdout.Write(line); err != nil {
		return fmt.Errorf("%w: nobody reads standard output: %v", errStopped, err)
	}
	return nil
}

// watchEnd returns a channel that receives one reason to end: a signal, the end of standard input where that is a pipe or
// a socket, or another parent than at the start. The last two don't hold for a detached supervisor.
func watchEnd(detached bool) <-chan string {
	stop := make(chan string, 3) // one per watcher: none of them ever blocks
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() { stop <- (<-signals).String() }()
	if detached {
		return stop
	}
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			stop <- "standard input was closed"
		}()
	}
	parent := os.Getppid()
	go func() {
		for range time.Tick(parentEvery) {
			if os.Getppid() != parent {
				stop <- "the parent process ended"
				return
			}
		}
	}()
	return stop
}
