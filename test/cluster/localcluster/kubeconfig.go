package main

import (
	"encoding/base64"
	"fmt"
)

// kubeconfig renders a file for one user with everything embedded, so that it can be copied elsewhere.
func kubeconfig(server, user string, authority []byte, pair Pair) []byte {
	encode := base64.StdEncoding.EncodeToString
	return []byte(fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: gitsync-local
clusters:
- name: gitsync-local
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %q
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: gitsync-local
  context:
    cluster: gitsync-local
    user: %q
`, server, encode(authority), user, encode(pair.Certificate), encode(pair.Key), user))
}
