package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const validity = 365 * 24 * time.Hour

// Authority signs the certificates of one cluster. Its key lives only in memory: nothing can be signed later.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	PEM         []byte
}

// Pair is a certificate and its key, in PEM.
type Pair struct{ Certificate, Key []byte }

func newAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := certificate("gitsync-local-ca")
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate: parsed, key: key, PEM: block("CERTIFICATE", der)}, nil
}

// client returns a client certificate; Kubernetes reads the user from CN and the groups from O.
func (a *Authority) client(user string, groups ...string) (Pair, error) {
	template, err := certificate(user)
	if err != nil {
		return Pair{}, err
	}
	template.Subject.Organization = groups
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(template)
}

// server returns the API server's certificate, for loopback and for the names that Pods would use.
func (a *Authority) server(serviceIP string) (Pair, error) {
	template, err := certificate("kube-apiserver")
	if err != nil {
		return Pair{}, err
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(serviceIP)}
	return a.sign(template)
}

func (a *Authority) sign(template *x509.Certificate) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return Pair{}, err
	}
	keyPEM, err := privateKey(key)
	return Pair{Certificate: block("CERTIFICATE", der), Key: keyPEM}, err
}

// tlsConfig is a client's: it trusts this authority only and shows pair.
func (a *Authority) tlsConfig(pair Pair) (*tls.Config, error) {
	shown, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{shown}, MinVersion: tls.VersionTLS12}, nil
}

func certificate(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func privateKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return block("EC PRIVATE KEY", der), err
}

// writeKeys fills dir/pki with what the programs read, and writes one kubeconfig per user into dir. It returns the
// administrator's certificate for the supervisor's own requests.
func writeKeys(dir, server, serviceIP string, authority *Authority) (Pair, error) {
	pki := filepath.Join(dir, "pki")
	if err := os.Mkdir(pki, 0o700); err != nil {
		return Pair{}, err
	}
	serving, err := authority.server(serviceIP)
	if err != nil {
		return Pair{}, err
	}
	tokens, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	tokenKey, err := privateKey(tokens)
	if err != nil {
		return Pair{}, err
	}
	files := map[string][]byte{"ca.crt": authority.PEM, "apiserver.crt": serving.Certificate, "apiserver.key": serving.Key,
		"service-account.key": tokenKey}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(pki, name), content, 0o600); err != nil {
			return Pair{}, err
		}
	}
	var admin Pair
	users := []struct {
		file, user string
		groups     []string
	}{
		{"controller-manager.kubeconfig", "system:kube-controller-manager", nil},
		{"scheduler.kubeconfig", "system:kube-scheduler", nil},
		{"kubeconfig", "admin", []string{"system:masters"}},
	}
	for _, u := range users {
		pair, err := authority.client(u.user, u.groups...)
		if err != nil {
			return Pair{}, err
		}
		if err := os.WriteFile(filepath.Join(dir, u.file), kubeconfig(server, u.user, authority.PEM, pair), 0o600); err != nil {
			return Pair{}, fmt.Errorf("%s: %w", u.file, err)
		}
		admin = pair
	}
	return admin, nil
}
