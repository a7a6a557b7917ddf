package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const downTimeout = 20 * time.Second // after it the supervisor is killed, and its programs with it

// up starts a supervisor in a session of its own and prints its ready line; it does nothing when one is ready already.
func up(o Options) error {
	cluster, err := running(o.Dir)
	if err != nil {
		if cluster, err = launch(o); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(cluster)
}

func launch(o Options) (Cluster, error) {
	self, err := os.Executable()
	if err != nil {
		return Cluster{}, err
	}
	command := exec.Command(self, "run", "--detached", "--dir", o.Dir, "--bin", o.Bin, "--kwok="+strconv.FormatBool(o.Kwok),
		"--nodes", strconv.Itoa(o.Nodes), "--audit-log="+strconv.FormatBool(o.AuditLog), "--timeout", o.Timeout.String())
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	output, err := command.StdoutPipe()
	if err != nil {
		return Cluster{}, err
	}
	if err := command.Start(); err != nil {
		return Cluster{}, err
	}
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		return Cluster{}, fmt.Errorf("%s: the supervisor ended without a word: %v", o.Dir, command.Wait())
	}
	var cluster Cluster
	if err := json.Unmarshal(line, &cluster); err != nil {
		return Cluster{}, fmt.Errorf("%s: the supervisor said %q: %w", o.Dir, line, err)
	}
	if cluster.Error != "" {
		return Cluster{}, errors.New(cluster.Error)
	}
	return cluster, nil
}

// running returns the ready cluster in dir.
func running(dir string) (Cluster, error) {
	var cluster Cluster
	lock, _, err := supervisor(dir)
	if errors.Is(err, os.ErrNotExist) {
		return cluster, fmt.Errorf("%s: no cluster runs here; start one with `localcluster up`", dir)
	}
	if err != nil {
		return cluster, err
	}
	defer lock.Close()
	text, err := os.ReadFile(filepath.Join(dir, readyName))
	if err != nil {
		return cluster, fmt.Errorf("%s: the cluster is not ready yet", dir)
	}
	return cluster, json.Unmarshal(text, &cluster)
}

// down ends the supervisor of dir, waits until it is gone and removes what it may have left. Nothing running is no error.
func down(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, pid, err := supervisor(dir)
	if err == nil {
		defer lock.Close()
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("%s: cannot end the supervisor, process %d: %w", dir, pid, err)
		}
		killer := time.AfterFunc(downTimeout, func() { syscall.Kill(pid, syscall.SIGKILL) })
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX) // granted when the supervisor has ended, however it did
		killer.Stop()
		lock.Close()
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	home, err := claim(dir)
	if err != nil {
		return err
	}
	home.remove()
	return nil
}
