package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
)

const (
	serviceRange = "10.96.0.0/16"
	serviceIP    = "10.96.0.1" // the first of serviceRange: the Service "kubernetes"
	// Sockets in the cluster's directory, where all programs run: nobody else gets at etcd, and no ports are needed. etcd
	// insists on host:port, and takes the whole of it for the file's name.
	etcdSocket = "etcd:1"
	peerSocket = "peer:1"
	auditName  = "audit.log"
)

// Feature gates, admission plugins and the API server's limits stay at Kubernetes' defaults: what passes here should pass elsewhere.

func etcdCommand(bin string) []string {
	client, peer := "unix://"+etcdSocket, "unix://"+peerSocket
	return []string{filepath.Join(bin, "controlplane"), "etcd", "--name=local", "--data-dir=etcd",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client, "--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer, "--initial-cluster=local=" + peer, "--unsafe-no-fsync", "--log-level=warn"}
}

func apiserverCommand(bin string, port int, audit bool) []string {
	argv := []string{filepath.Join(bin, "controlplane"), "kube-apiserver", "--etcd-servers=unix://" + etcdSocket,
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port), "--permit-port-sharing",
		"--endpoint-reconciler-type=none", // it would refuse a loopback address
		"--tls-cert-file=pki/apiserver.crt", "--tls-private-key-file=pki/apiserver.key", "--client-ca-file=pki/ca.crt",
		"--service-account-key-file=pki/service-account.key", "--service-account-signing-key-file=pki/service-account.key",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=" + serviceRange,
		"--authorization-mode=RBAC", "--allow-privileged"}
	if audit {
		argv = append(argv, "--audit-policy-file=audit-policy.yaml", "--audit-log-path="+auditName, "--audit-log-maxsize=0")
	}
	return argv
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

func managerCommand(bin string) []string {
	return []string{filepath.Join(bin, "controlplane"), "kube-controller-manager", "--kubeconfig=controller-manager.kubeconfig",
		"--service-account-private-key-file=pki/service-account.key", "--root-ca-file=pki/ca.crt",
		"--use-service-account-credentials", "--leader-elect=false", "--secure-port=0",
		// Its own limit of 20 requests per second makes the start 4 s slower, and would blur what the bench measures.
		"--kube-api-qps=300", "--kube-api-burst=600"}
}

func schedulerCommand(bin string) []string {
	return []string{filepath.Join(bin, "controlplane"), "kube-scheduler", "--kubeconfig=scheduler.kubeconfig",
		"--leader-elect=false", "--secure-port=0"}
}

// kwokCommand passes KWOK its own stages (Nodes become Ready, Pods run, complete and go away at once) and those given.
func kwokCommand(bin string, more []string) ([]string, error) {
	stages, _ := filepath.Glob(filepath.Join(bin, "stages", "*.yaml"))
	if len(stages) == 0 {
		return nil, fmt.Errorf("%s: holds no stages of KWOK; build it with `make deps`", filepath.Join(bin, "stages"))
	}
	sort.Strings(stages)
	stages = append(stages, more...)
	argv := []string{filepath.Join(bin, "kwok"), "--kubeconfig=kubeconfig", "--manage-all-nodes=true"}
	for _, stage := range stages {
		argv = append(argv, "--config="+stage)
	}
	return argv, nil
}

func fakeNode(index int) string {
	name := nodeName(index)
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":%q,
"annotations":{"kwok.x-k8s.io/node":"fake"},
"labels":{"kubernetes.io/hostname":%q,"kubernetes.io/os":"linux","kubernetes.io/arch":"amd64","type":"kwok"}},
"status":{"allocatable":{"cpu":"64","memory":"256Gi","pods":"5000"},"capacity":{"cpu":"64","memory":"256Gi","pods":"5000"}}}`,
		name, name)
}

func nodeName(index int) string { return fmt.Sprintf("fake-%d", index) }

// checkBinaries fails early and says what to do, instead of five programs failing one by one.
func checkBinaries(o Options) error {
	names := []string{"controlplane"}
	if o.Kwok {
		names = append(names, "kwok")
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(o.Bin, name)); err != nil {
			return fmt.Errorf("%w; build it with `make deps`, and name its directory with --bin or GITSYNC_CONTROLPLANE", err)
		}
	}
	return nil
}
