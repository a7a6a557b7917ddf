// The container registry that the tests push to: the CNCF distribution with its storage in memory, on a free loopback port, and
// with either of its ways to ask who somebody is. Once it answers it prints "HOST:PORT", and behind that the URL of its token
// service where it has one. It serves until its standard input ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"golang.org/x/crypto/bcrypt"
)

const settings = `
version: 0.1
log: {level: warn}
storage: {inmemory: {}, delete: {enabled: true}}
http: {secret: a secret of tests}
`

func main() {
	log.SetFlags(0)
	directory := flag.String("directory", "", "where files go: htpasswd, certificates")
	auth := flag.String("auth", "", "basic, token, or empty for none")
	user := flag.String("user", "", "who may push and pull")
	password := flag.String("password", "", "and by which password")
	tls := flag.Bool("tls", false, "speak https, by a certificate that DIRECTORY/ca.crt signs")
	flag.Parse()

	config, err := configuration.Parse(strings.NewReader(settings))
	check(err)
	address := freeAddress()
	config.HTTP.Addr = address
	config.Log.AccessLog.Disabled = true // it would go to standard output
	realm := ""
	switch *auth {
	case "basic":
		config.Auth = basicAuth(*directory, *user, *password)
	case "token":
		config.Auth, realm = tokenAuth(*directory, *user, *password)
	}
	if *tls {
		authority := newAuthority()
		authority.writeTo(filepath.Join(*directory, "ca.crt"))
		config.HTTP.TLS.Certificate, config.HTTP.TLS.Key = authority.serverFiles(*directory)
	}
	server, err := registry.NewRegistry(context.Background(), config)
	check(err)
	go func() { check(server.ListenAndServe()) }()
	await(address)
	fmt.Println(address, realm)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer listener.Close()
	return listener.Addr().String()
}

func await(address string) {
	for deadline := time.Now().Add(30 * time.Second); ; {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			return
		}
		if time.Now().After(deadline) {
			log.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func basicAuth(directory, user, password string) configuration.Auth {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	check(err)
	file := filepath.Join(directory, "htpasswd")
	check(os.WriteFile(file, []byte(user+":"+string(hash)+"\n"), 0o600))
	return configuration.Auth{"htpasswd": configuration.Parameters{"realm": "registry", "path": file}}
}
