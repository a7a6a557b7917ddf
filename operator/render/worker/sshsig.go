package main

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// The namespace in which git signs.
const gitNamespace = "git"

// allowedSigners is a file as ssh-keygen's "ALLOWED SIGNERS" describes it, with the keys that are revoked.
type allowedSigners struct {
	entries []allowedSigner
	revoked map[string]bool // by fingerprint
}

type allowedSigner struct {
	principals string // patterns
	key        ssh.PublicKey
	authority  bool   // signs certificates
	namespaces string // patterns; empty: all
	after      time.Time
	before     time.Time
}

func parseAllowedSigners(text string) (allowedSigners, error) {
	var out allowedSigners
	for i, line := range strings.Split(text, "\n") {
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		entry, err := parseAllowedSigner(line)
		if err != nil {
			return out, fmt.Errorf("allowed_signers:%d: %w", i+1, err)
		}
		out.entries = append(out.entries, entry)
	}
	return out, nil
}

func parseAllowedSigner(line string) (allowedSigner, error) {
	var out allowedSigner
	var rest string
	if quoted, is := strings.CutPrefix(line, `"`); is {
		principals, after, closed := strings.Cut(quoted, `"`)
		if !closed {
			return out, errors.New("a quote is not closed")
		}
		out.principals, rest = principals, after
	} else {
		at := strings.IndexAny(line, " \t")
		if at < 0 {
			return out, errors.New("after the principals there is no key")
		}
		out.principals, rest = line[:at], line[at:]
	}
	if !hasPositive(out.principals) {
		return out, errors.New("no principal is named")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil {
		return out, errors.New("after the principals there is no public key that can be read")
	}
	out.key = key
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		var err error
		switch strings.ToLower(name) {
		case "cert-authority":
			out.authority = true
		case "namespaces":
			out.namespaces = value
		case "valid-after":
			out.after, err = parseSSHTime(value)
		case "valid-before":
			out.before, err = parseSSHTime(value)
		default:
			err = fmt.Errorf("the option %q is none that is known", name)
		}
		if err != nil {
			return out, err
		}
	}
	if !out.after.IsZero() && !out.before.IsZero() && !out.after.Before(out.before) {
		return out, errors.New("valid-after is not before valid-before")
	}
	return out, nil
}

// parseSSHTime reads YYYYMMDD[HHMM[SS]][Z]. Without Z ssh-keygen takes the machine's own zone; here that is UTC.
func parseSSHTime(text string) (time.Time, error) {
	digits := strings.TrimSuffix(text, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(digits) == len(layout) {
			if when, err := time.Parse(layout, digits); err == nil {
				return when, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 20261231 or 20261231235959Z", text)
}

func parseRevoked(text string) (map[string]bool, error) {
	out := map[string]bool{}
	if strings.HasPrefix(text, "SSHKRL\n") {
		return nil, errors.New("revoked_signers: a key revocation list of ssh-keygen -k cannot be read here: list the public keys, one a line")
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("revoked_signers:%d: is no public key", i+1)
		}
		out[ssh.FingerprintSHA256(key)] = true
	}
	return out, nil
}

// verify judges as git does with ssh-keygen -Y find-principals and -Y verify: validity counts at the time when the object says
// that it was made. Stricter: no RSA below 2048 bits, no DSA.
func (s allowedSigners) verify(payload, armored []byte, when time.Time) (signer, fingerprint string, err error) {
	signature, err := sshsig.Unarmor(armored)
	if err != nil {
		return "", "", fmt.Errorf("its SSH signature cannot be read: %w", err)
	}
	plain := signature.PublicKey
	certificate, certified := plain.(*ssh.Certificate)
	if certified {
		plain = certificate.Key
	}
	fingerprint = ssh.FingerprintSHA256(plain)
	if signature.Namespace != gitNamespace {
		return "", fingerprint, fmt.Errorf("its SSH signature is made for %q, not for git", signature.Namespace)
	}
	if err := strongSSH(plain, signature.Signature.Format); err != nil {
		return "", fingerprint, err
	}
	if err := sshsig.Verify(bytes.NewReader(payload), signature, signature.PublicKey, signature.HashAlgorithm, gitNamespace); err != nil {
		return "", fingerprint, errors.New("its SSH signature is bad: it does not belong to this content")
	}
	if s.revoked[fingerprint] || s.revoked[ssh.FingerprintSHA256(signature.PublicKey)] ||
		(certified && s.revoked[ssh.FingerprintSHA256(certificate.SignatureKey)]) {
		return "", fingerprint, fmt.Errorf("it is signed by the SSH key %s, which is revoked", fingerprint)
	}
	why := fmt.Sprintf("it is signed by the SSH key %s, which is none of allowed_signers", fingerprint)
	for _, entry := range s.entries {
		principal, problem := entry.accepts(signature.PublicKey, when)
		if problem == "" {
			return principal, fingerprint, nil
		}
		if problem != notThisKey {
			why = fmt.Sprintf("it is signed by the SSH key %s, %s", fingerprint, problem)
		}
	}
	return "", fingerprint, errors.New(why)
}

const notThisKey = "-"

// accepts gives the principal whose signature it is, or why the line doesn't let it.
func (e allowedSigner) accepts(key ssh.PublicKey, when time.Time) (principal, problem string) {
	certificate, certified := key.(*ssh.Certificate)
	if certified != e.authority {
		return "", notThisKey
	}
	own := key
	if certified {
		own = certificate.SignatureKey
	}
	if !bytes.Equal(own.Marshal(), e.key.Marshal()) {
		return "", notThisKey
	}
	if e.namespaces != "" && !matchesList(gitNamespace, e.namespaces) {
		return "", "whose line in allowed_signers is not for git"
	}
	if !e.after.IsZero() && when.Before(e.after) {
		return "", "which was not valid yet"
	}
	if !e.before.IsZero() && when.After(e.before) {
		return "", "which was no longer valid"
	}
	if !certified {
		return e.principals, ""
	}
	if certificate.CertType != ssh.UserCert || len(certificate.ValidPrincipals) == 0 {
		return "", "whose certificate is no user's, or names no principal"
	}
	checker := ssh.CertChecker{Clock: func() time.Time { return when }}
	for _, name := range certificate.ValidPrincipals {
		if !matchesList(name, e.principals) {
			continue
		}
		if err := checker.CheckCert(name, certificate); err != nil {
			return "", fmt.Sprintf("whose certificate is not good: %v", err)
		}
		return name, ""
	}
	return "", "whose certificate is for no principal of allowed_signers"
}

func strongSSH(key ssh.PublicKey, format string) error {
	if key.Type() == "ssh-dss" || format == "ssh-rsa" {
		return errors.New("its SSH signature is made with SHA-1, which is too weak")
	}
	crypto, is := key.(ssh.CryptoPublicKey)
	if !is {
		return nil
	}
	if own, is := crypto.CryptoPublicKey().(*rsa.PublicKey); is && own.N.BitLen() < leastRSABits {
		return fmt.Errorf("it is signed by the SSH key %s, which is too weak", ssh.FingerprintSHA256(key))
	}
	return nil
}

// matchesList is ssh's PATTERNS: a list with commas; one that begins with ! and matches decides against.
func matchesList(text, list string) bool {
	found := false
	for _, pattern := range strings.Split(list, ",") {
		negated, is := strings.CutPrefix(pattern, "!")
		if is && matches(text, negated) {
			return false
		}
		found = found || (!is && matches(text, pattern))
	}
	return found
}

// matches: * is any text, ? any character.
func matches(text, pattern string) bool {
	at, from, star, back := 0, 0, -1, 0
	for at < len(text) {
		switch {
		case from < len(pattern) && pattern[from] == '*':
			star, back = from, at
			from++
		case from < len(pattern) && (pattern[from] == '?' || pattern[from] == text[at]):
			at, from = at+1, from+1
		case star >= 0:
			back++
			at, from = back, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[from:], "*") == ""
}

func hasPositive(list string) bool {
	for _, pattern := range strings.Split(list, ",") {
		if pattern != "" && pattern[0] != '!' {
			return true
		}
	}
	return false
}
