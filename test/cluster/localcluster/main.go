// Localcluster runs a real Kubernetes control plane (etcd, kube-apiserver, kube-controller-manager, kube-scheduler) and,
// unless told otherwise, two fake nodes by KWOK, without containers and without root.
//
// `run` is the supervisor: it prints one JSON line when the cluster is ready and ends, with everything it started and the
// directory it filled, when its standard input closes, its parent dies, a signal arrives or one of its programs ends.
// A SIGKILL takes its programs with it too (PR_SET_PDEATHSIG); only files stay, and the next start removes them.
// `up` puts a supervisor into the background, `down` ends it.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const usage = `localcluster: a real Kubernetes control plane for tests

  localcluster run  [--dir DIR] [options]   foreground; DIR defaults to a new temporary directory
  localcluster up   --dir DIR [options]     background; prints the cluster when ready, also when it already runs
  localcluster down --dir DIR               ends it and removes DIR
  localcluster status --dir DIR             prints the cluster as JSON; exit code 1 when none runs there
  localcluster kubeconfig --dir DIR         prints the path of the administrator's kubeconfig

`

// Options is what a supervisor is started with.
type Options struct {
	Dir      string        // everything the cluster writes; empty means a new temporary directory
	Bin      string        // holds controlplane, kwok and stages/
	Kwok     bool          // run KWOK and create the fake nodes
	Nodes    int           // how many
	AuditLog bool          // every request as one JSON line in DIR/audit.log
	Timeout  time.Duration // from the start to ready
	Detached bool          // started by `up`: outlives its parent, reports failures as JSON on standard output
}

// Cluster is the line that `run` prints when ready, and the content of DIR/ready.json.
type Cluster struct {
	Ready      bool    `json:"ready"`
	Dir        string  `json:"dir"`
	Kubeconfig string  `json:"kubeconfig"`
	Server     string  `json:"server"`
	AuditLog   string  `json:"auditLog,omitempty"`
	Nodes      int     `json:"nodes"`
	Pid        int     `json:"pid"`     // the supervisor's
	Seconds    float64 `json:"seconds"` // from start to ready
	Error      string  `json:"error,omitempty"`
}

func parse(verb string, args []string) (Options, error) {
	var o Options
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage); flags.PrintDefaults() }
	flags.StringVar(&o.Dir, "dir", "", "directory of the cluster; absent, empty or one that an earlier cluster left")
	flags.StringVar(&o.Bin, "bin", os.Getenv("GITSYNC_CONTROLPLANE"),
		"directory with controlplane, kwok and stages/ (default: GITSYNC_CONTROLPLANE, else where this program lies)")
	flags.BoolVar(&o.Kwok, "kwok", true, "fake nodes, so that Pods run and Deployments become Available")
	flags.IntVar(&o.Nodes, "nodes", 2, "number of fake nodes")
	flags.BoolVar(&o.AuditLog, "audit-log", false, "log every API request to DIR/audit.log")
	flags.DurationVar(&o.Timeout, "timeout", 2*time.Minute, "give up when not ready by then")
	flags.BoolVar(&o.Detached, "detached", false, "used by up: outlive the parent")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if o.Dir == "" && verb != "run" {
		return o, fmt.Errorf("%s: --dir is missing", verb)
	}
	if o.Nodes < 0 || o.Nodes > 100 {
		return o, fmt.Errorf("--nodes is %d; it must be between 0 and 100", o.Nodes)
	}
	if !o.Kwok {
		o.Nodes = 0
	}
	if o.Bin == "" {
		self, err := os.Executable()
		if err != nil {
			return o, err
		}
		o.Bin = filepath.Dir(self)
	}
	for _, path := range []*string{&o.Dir, &o.Bin} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return o, err
		}
		*path = absolute
	}
	return o, nil
}

func dispatch(verb string, o Options) error {
	switch verb {
	case "run":
		return run(o)
	case "up":
		return up(o)
	case "down":
		return down(o.Dir)
	case "status", "kubeconfig":
		cluster, err := running(o.Dir)
		if err != nil {
			return err
		}
		if verb == "kubeconfig" {
			fmt.Println(cluster.Kubeconfig)
			return nil
		}
		return json.NewEncoder(os.Stdout).Encode(cluster)
	}
	fmt.Fprint(os.Stderr, usage)
	return fmt.Errorf("unknown verb %q", verb)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	options, err := parse(os.Args[1], os.Args[2:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err == nil {
		err = dispatch(os.Args[1], options)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "localcluster:", err)
		os.Exit(1)
	}
}
