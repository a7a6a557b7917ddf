package main

import (
	"fmt"
	"syscall"
)

const soReusePort = 0xf // Linux, all architectures Go's syscall package leaves it out for

// Port is a loopback TCP port that stays reserved until the process ends: a bound socket that never listens keeps the
// kernel from giving the number to anybody, and SO_REUSEPORT lets our own API server (--permit-port-sharing) listen on it.
// So there is no moment at which another cluster could take it.
type Port struct {
	Number int
	socket int
}

func reservePort() (*Port, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, soReusePort, 1); err != nil {
		syscall.Close(socket)
		return nil, fmt.Errorf("SO_REUSEPORT: %w", err)
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		syscall.Close(socket)
		return nil, fmt.Errorf("bind a free port of 127.0.0.1: %w", err)
	}
	address, err := syscall.Getsockname(socket)
	if err != nil {
		syscall.Close(socket)
		return nil, fmt.Errorf("getsockname: %w", err)
	}
	return &Port{Number: address.(*syscall.SockaddrInet4).Port, socket: socket}, nil
}
