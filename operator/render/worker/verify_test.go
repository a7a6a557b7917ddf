package main

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// workshop is a directory with a git repository, a gpg home and ssh keys, all made for one test, and the real programs.
type workshop struct {
	t           *testing.T
	dir         string
	environment []string
	keys        map[string]string // OpenPGP public keys, armored, by user
	allowed     string            // allowed_signers
	revoked     string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	for _, program := range []string{"git", "gpg", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: these tests compare with it", err)
		}
	}
	dir, err := os.MkdirTemp("", "gs") // gpg's socket needs a short path
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{t: t, dir: dir, keys: map[string]string{}}
	home := filepath.Join(dir, "gpg")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	w.environment = append(os.Environ(), "GNUPGHOME="+home, "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "TZ=UTC",
		"LC_ALL=C", "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=anna@example.com", "GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=carl@example.com")
	t.Cleanup(func() {
		w.run("", "gpgconf", "--kill", "all")
		os.RemoveAll(dir)
	})
	w.must("git", "init", "-q", "-b", "main", ".")
	w.must("git", "config", "gpg.ssh.allowedSignersFile", filepath.Join(dir, "allowed"))
	w.must("git", "config", "gpg.ssh.revocationFile", filepath.Join(dir, "revoked"))
	w.write("revoked", "")
	w.commit()
	return w
}

func (w *workshop) write(name, text string) {
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *workshop) run(input, name string, arguments ...string) (string, error) {
	command := exec.Command(name, arguments...)
	command.Dir, command.Env = w.dir, w.environment
	command.Stdin = strings.NewReader(input)
	var errs strings.Builder
	command.Stderr = &errs
	out, err := command.Output()
	if err != nil {
		return string(out) + errs.String(), err
	}
	return strings.TrimSpace(string(out)), nil
}

func (w *workshop) must(name string, arguments ...string) string {
	return w.mustWith("", name, arguments...)
}

func (w *workshop) mustWith(input, name string, arguments ...string) string {
	w.t.Helper()
	out, err := w.run(input, name, arguments...)
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return out
}

// gpgKey makes a key that certifies and signs, or what else the arguments of --quick-gen-key say; its fingerprint.
func (w *workshop) gpgKey(user string, more ...string) string {
	w.t.Helper()
	if len(more) == 0 {
		more = []string{"ed25519", "sign", "never"}
	}
	w.must("gpg", append([]string{"--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-gen-key", user}, more...)...)
	w.export(user)
	return w.fingerprints(user)[0]
}

func (w *workshop) export(user string) { w.keys[user] = w.must("gpg", "--armor", "--export", user) }

func (w *workshop) fingerprints(user string) []string {
	var out []string
	for _, match := range regexp.MustCompile(`(?m)^fpr:+([0-9A-F]+):`).FindAllStringSubmatch(w.must("gpg", "--with-colons", "--list-keys", user), -1) {
		out = append(out, match[1])
	}
	return out
}

// sshKey makes a key; its public half.
func (w *workshop) sshKey(name string, more ...string) string {
	w.t.Helper()
	if len(more) == 0 {
		more = []string{"-t", "ed25519"}
	}
	w.must("ssh-keygen", append([]string{"-q", "-N", "", "-C", name, "-f", filepath.Join(w.dir, name)}, more...)...)
	return w.public(name)
}

func (w *workshop) public(name string) string {
	text, err := os.ReadFile(filepath.Join(w.dir, name+".pub"))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text))[:2], " ")
}

func (w *workshop) allow(lines ...string) {
	w.allowed = strings.Join(lines, "\n") + "\n"
	w.write("allowed", w.allowed)
}

// commit makes one with these options of git and of git commit; its id.
func (w *workshop) commit(options ...string) string {
	w.t.Helper()
	w.must("git", append(append([]string{}, options...), "commit", "-q", "--allow-empty", "-m", "a change")...)
	return w.must("git", "rev-parse", "HEAD")
}

func (w *workshop) byGPG(key string) string {
	return w.commit("-c", "user.signingKey="+key+"!", "-c", "commit.gpgSign=true")
}

func (w *workshop) bySSH(name string, more ...string) string {
	return w.commit(append([]string{"-c", "gpg.format=ssh", "-c", "user.signingKey=" + filepath.Join(w.dir, name), "-c", "commit.gpgSign=true"}, more...)...)
}

// at makes what follows happen at that time, for git.
func (w *workshop) at(date string) {
	w.environment = append(w.environment, "GIT_COMMITTER_DATE="+date, "GIT_AUTHOR_DATE="+date)
}

func (w *workshop) raw(kind, id string) string {
	command := exec.Command("git", "cat-file", kind, id)
	command.Dir, command.Env = w.dir, w.environment
	out, err := command.Output()
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out)
}

// store writes an object as it stands; its id.
func (w *workshop) store(kind, content string) string {
	w.t.Helper()
	return w.mustWith(content, "git", "hash-object", "-t", kind, "-w", "--literally", "--stdin")
}

func (w *workshop) request(tag bool, contents ...string) verifyRequest {
	asked := verifyRequest{AllowedSigners: w.allowed, RevokedSigners: w.revoked}
	for user, key := range w.keys {
		asked.Keys = append(asked.Keys, namedKey{user, base64.StdEncoding.EncodeToString([]byte(key))})
	}
	for _, content := range contents {
		asked.Objects = append(asked.Objects, signedObject{tag, base64.StdEncoding.EncodeToString([]byte(content))})
	}
	return asked
}

func (w *workshop) judge(kind, id string) verdict {
	w.t.Helper()
	verdicts, err := verifyAll(w.request(kind == "tag", w.raw(kind, id)), time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return verdicts[0]
}

// git says whether git takes it.
func (w *workshop) git(kind, id string) bool {
	_, err := w.run("", "git", "verify-"+kind, id)
	return err == nil
}

// row is an object, whether it is good, and what its problem holds. Where git is more lenient, `lenient` says why that is meant.
type row struct {
	what, kind, id string
	good           bool
	problem        string
	lenient        string
}

func (w *workshop) check(rows []row) {
	w.t.Helper()
	for _, one := range rows {
		w.t.Run(one.what, func(t *testing.T) {
			got := w.judge(one.kind, one.id)
			if got.Good != one.good || !strings.Contains(got.Problem, one.problem) || (got.Problem == "") != one.good {
				t.Errorf("%+v", got)
			}
			if taken := w.git(one.kind, one.id); taken != (one.good || one.lenient != "") {
				t.Errorf("git says %v, and here it is %+v", taken, got)
			}
		})
	}
}

func TestOpenPGPSignaturesAreJudgedAsGitDoesWithGPG(t *testing.T) {
	w := newWorkshop(t)
	anna := w.gpgKey("Anna <anna@example.com>")
	rsa := w.gpgKey("Rita <rita@example.com>", "rsa2048", "sign", "never")
	ecdsa := w.gpgKey("Eva <eva@example.com>", "nistp256", "sign", "never")
	stranger := w.gpgKey("Stranger <s@example.com>")
	delete(w.keys, "Stranger <s@example.com>")
	short := w.gpgKey("Short <short@example.com>", "rsa1024", "sign", "never")
	sub := w.gpgKey("Sub <sub@example.com>", "ed25519", "cert", "never")
	w.must("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-add-key", sub, "ed25519", "sign", "never")
	w.export("Sub <sub@example.com>")
	subkey := w.fingerprints("sub@example.com")[1]
	revokedSub := w.gpgKey("Rev <rev@example.com>", "ed25519", "cert", "never")
	w.must("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-add-key", revokedSub, "ed25519", "sign", "never")
	revoked := w.gpgKey("Gone <gone@example.com>")

	rows := []row{
		{"an ed25519 key", "commit", w.byGPG(anna), true, "", ""},
		{"an RSA key", "commit", w.byGPG(rsa), true, "", ""},
		{"an ECDSA key", "commit", w.byGPG(ecdsa), true, "", ""},
		{"a subkey", "commit", w.byGPG(subkey), true, "", ""},
		{"an RSA key of 1024 bits", "commit", w.byGPG(short), false, "too weak", "gpg takes keys that can be broken"},
		{"a revoked key", "commit", w.byGPG(revoked), false, "revoked", ""},
		{"a revoked subkey", "commit", w.byGPG(w.fingerprints("rev@example.com")[1]), false, "revoked", ""},
		{"a key that nobody knows", "commit", w.byGPG(stranger), false, "none of the Secret's", "its key is in the ring that made it"},
		{"nobody, on a signed parent", "commit", w.commit(), false, "not signed", ""},
		{"SHA-1", "commit", w.commit("-c", "user.signingKey="+anna, "-c", "commit.gpgSign=true", "-c", "gpg.program="+w.wrapper("--digest-algo SHA1")), false, "too weak", "gpg 2.2 takes SHA-1"},
	}
	// Revoked after they have signed.
	revocation := strings.Replace(w.file("gpg/openpgp-revocs.d/"+revoked+".rev"), ":-----BEGIN", "-----BEGIN", 1)
	w.mustWith(revocation, "gpg", "--batch", "--import")
	w.export("Gone <gone@example.com>")
	w.mustWith("key 1\nrevkey\ny\n0\n\ny\nsave\n", "gpg", "--command-fd", "0", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--edit-key", revokedSub)
	w.export("Rev <rev@example.com>")

	signed := w.raw("commit", rows[0].id)
	header := regexp.MustCompile(`(?ms)^gpgsig .*?-----END PGP SIGNATURE-----\n`).FindString(signed)
	unsigned := w.raw("commit", w.commit())
	rows = append(rows,
		row{"a signature copied from another commit", "commit", w.store("commit", strings.Replace(unsigned, "\n\n", "\n"+header+"\n", 1)), false, "bad", ""},
		row{"another author put in", "commit", w.store("commit", strings.Replace(signed, "anna@example.com", "mallory@example.com", 1)), false, "bad", ""},
		row{"two signatures", "commit", w.store("commit", strings.Replace(signed, "\n\na change", "\n"+header+"\na change", 1)), false, "more than one", ""},
		row{"a second header that git leaves out", "commit", w.store("commit", strings.Replace(signed, "\ngpgsig ", "\ngpgsig-sha256 x\ngpgsig ", 1)), false, "more than one", "git leaves that header out"},
	)
	w.must("git", "checkout", "-q", "-b", "side", rows[0].id)
	w.must("git", "commit", "-q", "--allow-empty", "-m", "on the side")
	w.must("git", "checkout", "-q", "main")
	w.must("git", "-c", "user.signingKey="+anna, "-c", "commit.gpgSign=true", "merge", "-q", "--no-ff", "-S", "-m", "merge", "side")
	rows = append(rows, row{"a merge", "commit", w.must("git", "rev-parse", "HEAD"), true, "", ""})
	w.must("git", "-c", "user.signingKey="+anna, "tag", "-s", "-m", "release", "v1")
	w.must("git", "tag", "-a", "-m", "release", "v2")
	tag := w.raw("tag", "v1")
	rows = append(rows,
		row{"a signed tag", "tag", w.must("git", "rev-parse", "v1"), true, "", ""},
		row{"a tag that nobody signed", "tag", w.must("git", "rev-parse", "v2"), false, "not signed", ""},
		row{"a tag moved to another commit", "tag", w.store("tag", regexp.MustCompile(`object [0-9a-f]+`).ReplaceAllString(tag, "object "+rows[1].id)), false, "bad", ""},
		row{"a tag renamed", "tag", w.store("tag", strings.Replace(tag, "tag v1", "tag v9", 1)), false, "bad", ""})
	// A merge of a signed tag holds that tag's signature in its header: it isn't the merge's own.
	w.must("git", "checkout", "-q", "-b", "old", rows[0].id)
	w.commit()
	w.must("git", "merge", "-q", "--no-ff", "-m", "of a tag", "v1")
	rows = append(rows, row{"an unsigned merge of a signed tag", "commit", w.must("git", "rev-parse", "HEAD"), false, "not signed", ""})
	w.check(rows)

	got := w.judge("commit", rows[3].id)
	if got.Signer != "Sub <sub@example.com>" || got.Fingerprint != sub || got.Format != "OpenPGP" || got.Author != "anna@example.com" || got.Committer != "carl@example.com" {
		t.Errorf("%+v", got)
	}
	if got := w.judge("tag", w.must("git", "rev-parse", "v1")); got.TagName != "v1" {
		t.Errorf("%+v", got)
	}
}

func TestAnOpenPGPKeyThatHasExpiredVouchesForNothing(t *testing.T) {
	w := newWorkshop(t)
	key := w.gpgKey("Anna <anna@example.com>", "ed25519", "sign", "1d")
	id := w.byGPG(key)
	asked := w.request(false, w.raw("commit", id))
	for _, one := range []struct {
		after   time.Duration
		problem string
	}{{time.Minute, ""}, {48 * time.Hour, "has expired"}, {-time.Hour, "expired"}} {
		verdicts, err := verifyAll(asked, time.Now().Add(one.after))
		if err != nil || verdicts[0].Good != (one.problem == "") || !strings.Contains(verdicts[0].Problem, one.problem) {
			t.Errorf("%v: %+v %v", one.after, verdicts, err)
		}
	}
	late := w.wrapper("--faked-system-time " + time.Now().Add(48*time.Hour).UTC().Format("20060102T150405"))
	if _, err := w.run("", "git", "-c", "gpg.program="+late, "verify-commit", id); err == nil {
		t.Error("git takes a signature of a key that has expired since")
	}
}

func TestSSHSignaturesAreJudgedAsGitDoesWithSSHKeygen(t *testing.T) {
	w := newWorkshop(t)
	anna, rsa, ecdsa := w.sshKey("anna"), w.sshKey("rita", "-t", "rsa", "-b", "2048"), w.sshKey("eva", "-t", "ecdsa")
	files, late, early, gone := w.sshKey("files"), w.sshKey("late"), w.sshKey("early"), w.sshKey("gone")
	span, weak, ca := w.sshKey("span"), w.sshKey("weak", "-t", "rsa", "-b", "1024"), w.sshKey("ca")
	w.sshKey("stranger")
	for _, name := range []string{"dora", "ed", "host", "nobody"} {
		w.sshKey(name)
	}
	w.must("ssh-keygen", "-q", "-s", "ca", "-I", "id", "-n", "other,dora@example.com", "-V", "20200101:20300101", "dora.pub")
	w.must("ssh-keygen", "-q", "-s", "ca", "-I", "id", "-n", "ed@elsewhere.org", "ed.pub")
	w.must("ssh-keygen", "-q", "-h", "-s", "ca", "-I", "id", "-n", "host@example.com", "host.pub")
	w.must("ssh-keygen", "-q", "-s", "ca", "-I", "id", "nobody.pub")
	w.allow("# who may sign", "", "anna@example.com "+anna+" a comment", `"rita@example.com,r@example.com" namespaces="file,git" `+rsa, "eva@example.com "+ecdsa,
		`files@example.com namespaces="file" `+files, `late@example.com valid-after="20260601" `+late, `early@example.com valid-before="20260601Z" `+early,
		`span@example.com valid-after="202601010000",valid-before="20261231235959Z" `+span, "gone@example.com "+gone, "weak@example.com "+weak,
		`*@example.com,!bad@example.com cert-authority `+ca)
	w.revoked = gone + " lost\n"
	w.write("revoked", w.revoked)
	w.at("2026-03-01T12:00:00Z")
	certified := func(name string) string {
		return w.commit("-c", "gpg.format=ssh", "-c", "user.signingKey="+filepath.Join(w.dir, name+"-cert.pub"), "-c", "gpg.ssh.program=ssh-keygen", "-c", "commit.gpgSign=true")
	}
	rows := []row{
		{"an ed25519 key", "commit", w.bySSH("anna"), true, "", ""},
		{"an RSA key, of several principals, for git too", "commit", w.bySSH("rita"), true, "", ""},
		{"an ECDSA key", "commit", w.bySSH("eva"), true, "", ""},
		{"a key whose line is not for git", "commit", w.bySSH("files"), false, "not for git", ""},
		{"a key not valid yet", "commit", w.bySSH("late"), false, "not valid yet", ""},
		{"a key valid until later", "commit", w.bySSH("early"), true, "", ""},
		{"a key valid for a while", "commit", w.bySSH("span"), true, "", ""},
		{"a revoked key", "commit", w.bySSH("gone"), false, "revoked", ""},
		{"a key that nobody knows", "commit", w.bySSH("stranger"), false, "none of allowed_signers", ""},
		{"an RSA key of 1024 bits", "commit", w.bySSH("weak"), false, "too weak", "OpenSSH takes them for signatures"},
		{"a certificate", "commit", certified("dora"), true, "", ""},
		{"a certificate of another principal", "commit", certified("ed"), false, "no principal", ""},
		{"a host's certificate", "commit", certified("host"), false, "no user's", ""},
		{"a certificate without principals", "commit", certified("nobody"), false, "names no principal", ""},
		{"the authority's own key", "commit", w.bySSH("ca"), false, "none of allowed_signers", ""},
		{"nobody, on a signed parent", "commit", w.commit(), false, "not signed", ""},
	}
	w.at("2026-09-01T12:00:00Z")
	rows = append(rows,
		row{"a key valid by now", "commit", w.bySSH("late"), true, "", ""},
		row{"a key no longer valid", "commit", w.bySSH("early"), false, "no longer valid", ""})
	w.at("2031-01-01T00:00:00Z")
	rows = append(rows, row{"a certificate that has expired", "commit", certified("dora"), false, "certificate is not good", ""},
		row{"the end of a while", "commit", w.bySSH("span"), false, "no longer valid", ""})

	signed := w.raw("commit", rows[0].id)
	header := regexp.MustCompile(`(?ms)^gpgsig .*?-----END SSH SIGNATURE-----\n`).FindString(signed)
	rows = append(rows,
		row{"a signature copied from another commit", "commit", w.store("commit", strings.Replace(w.raw("commit", rows[15].id), "\n\n", "\n"+header+"\n", 1)), false, "bad", ""},
		row{"another message put in", "commit", w.store("commit", strings.Replace(signed, "a change", "another change", 1)), false, "bad", ""})
	// Made with the right key, for something else than git.
	payload := w.raw("commit", rows[15].id)
	w.write("payload", payload)
	w.must("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", "anna", "payload")
	foreign := "gpgsig " + strings.ReplaceAll(strings.TrimSpace(w.file("payload.sig")), "\n", "\n ") + "\n"
	rows = append(rows, row{"a signature made for a file", "commit", w.store("commit", strings.Replace(payload, "\n\n", "\n"+foreign+"\n", 1)), false, "not for git", ""})
	w.must("git", "-c", "gpg.format=ssh", "-c", "user.signingKey="+filepath.Join(w.dir, "anna"), "tag", "-s", "-m", "release", "v1")
	rows = append(rows, row{"a signed tag", "tag", w.must("git", "rev-parse", "v1"), true, "", ""})
	w.check(rows)

	want := w.must("ssh-keygen", "-lf", "dora-cert.pub")
	if got := w.judge("commit", rows[10].id); got.Signer != "dora@example.com" || !strings.Contains(want, got.Fingerprint) || got.Format != "SSH" {
		t.Errorf("%+v, not %s", got, want)
	}
	if got := w.judge("commit", rows[1].id); got.Signer != "rita@example.com,r@example.com" {
		t.Errorf("%+v", got)
	}
}

func TestKeysThatCannotBeUsedAreNamed(t *testing.T) {
	w := newWorkshop(t)
	key := w.sshKey("anna")
	w.gpgKey("Anna <anna@example.com>")
	private := w.must("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--armor", "--export-secret-keys", "anna@example.com")
	w.must("gpg", "--output", "anna.gpg", "--export", "anna@example.com")
	binary := w.file("anna.gpg")
	for _, one := range []struct {
		what, openPGP, allowed, revoked, problem string
	}{
		{"nothing", "", "", "", ""},
		{"a line without a key", "", "anna@example.com", "", "allowed_signers:1: after the principals"},
		{"no key at all", "", "# x\nanna@example.com no-key", "", "allowed_signers:2: after the principals"},
		{"an unknown option", "", "anna@example.com sudo " + key, "", `allowed_signers:1: the option "sudo"`},
		{"no time", "", `a valid-after="tomorrow" ` + key, "", `"tomorrow" is no time`},
		{"an empty span", "", `a valid-after="20270101",valid-before="20260101" ` + key, "", "not before"},
		{"an open quote", "", `"a ` + key, "", "quote"},
		{"nobody", "", "!a " + key, "", "no principal"},
		{"a revocation list", "", "", "SSHKRL\n\x00", "key revocation list"},
		{"no revoked key", "", "", "anna", "revoked_signers:1"},
		{"an OpenPGP private key", private, "", "", "private key"},
		{"a poem", "roses are red", "", "", "team.asc: is no OpenPGP public key"},
		{"a broken key", strings.Replace(w.keys["Anna <anna@example.com>"], "m", "M", 3), "", "", "cannot be read"},
		{"two keys in one", w.keys["Anna <anna@example.com>"] + "\n" + w.keys["Anna <anna@example.com>"], "", "", ""},
		{"a binary key", binary, "", "", ""},
	} {
		asked := verifyRequest{AllowedSigners: one.allowed, RevokedSigners: one.revoked}
		if one.openPGP != "" {
			asked.Keys = []namedKey{{"team.asc", base64.StdEncoding.EncodeToString([]byte(one.openPGP))}}
		}
		if _, err := verifyAll(asked, time.Now()); (err == nil) != (one.problem == "") || (err != nil && !strings.Contains(err.Error(), one.problem)) {
			t.Errorf("%s: %v", one.what, err)
		}
	}
}

func TestWhatIsNoGitObjectIsNotSigned(t *testing.T) {
	for _, content := range []string{"", "\n", "\n\n", "tree x\n", "gpgsig\n", "gpgsig -----BEGIN SSH SIGNATURE-----\n", "author a <a> 1 +0\nauthor b <b> 1 +0\ncommitter c <c> 1 +0\n\nm",
		"author a <a> 1 +0\ncommitter c <c> 1 +0\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n garbage\n\nm", "tag\n-----BEGIN SSH SIGNATURE-----\n", "author a <a> 1 +0\ncommitter c <c> 1 +0\ngpgsig -----BEGIN SIGNED MESSAGE-----\n x\n\nm"} {
		for _, tag := range []bool{false, true} {
			asked := verifyRequest{Objects: []signedObject{{tag, base64.StdEncoding.EncodeToString([]byte(content))}}}
			verdicts, err := verifyAll(asked, time.Now())
			if err != nil || len(verdicts) != 1 || verdicts[0].Good || verdicts[0].Problem == "" {
				t.Errorf("%q: %+v %v", content, verdicts, err)
			}
		}
	}
}

func TestAMailAddressIsOnlyTakenWhereThereIsJustOne(t *testing.T) {
	for line, want := range map[string]string{
		"author A <a@example.com> 1700000000 +0100":                 "a@example.com",
		"author A <a@example.com> <b@example.com> 1700000000 +0100": "",
		"author A <a@example.com 1700000000 +0100":                  "",
		"author <> 1700000000 +0100":                                "",
		"author A > <a@example.com> 1700000000 +0100":               "",
		"author A <a@example.com\x1b[2J> 1700000000 +0100":          "a@example.com?[2J",
	} {
		if got, _ := identity(line); got != want {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte("tree 1\nauthor a <a> 1 +0\ncommitter c <c> 1 +0\ngpgsig -----BEGIN SSH SIGNATURE-----\n U1NI\n -----END SSH SIGNATURE-----\n\nm"), "a ssh-ed25519 AAAA")
	f.Fuzz(func(t *testing.T, content []byte, allowed string) {
		for _, tag := range []bool{false, true} {
			asked := verifyRequest{AllowedSigners: allowed, Objects: []signedObject{{tag, base64.StdEncoding.EncodeToString(content)}}}
			if verdicts, err := verifyAll(asked, time.Now()); err == nil && verdicts[0].Good {
				t.Errorf("%q is good by %q", content, allowed)
			}
		}
	})
}

// wrapper is a gpg with further arguments.
func (w *workshop) wrapper(arguments string) string {
	w.t.Helper()
	file := filepath.Join(w.dir, "gpg-"+strings.Fields(arguments)[0])
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexec gpg "+arguments+` "$@"`+"\n"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	return file
}

func (w *workshop) file(name string) string {
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}
