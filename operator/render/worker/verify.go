package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// verifyRequest asks what the signatures of git objects are worth (operator/render/protocol.h).
type verifyRequest struct {
	Keys           []namedKey     `json:"keys"`
	AllowedSigners string         `json:"allowedSigners"`
	RevokedSigners string         `json:"revokedSigners"`
	Objects        []signedObject `json:"objects"`
}

type namedKey struct {
	Name string `json:"name"`
	Data string `json:"data"` // base64
}

// signedObject is a commit or an annotated tag as git stores it.
type signedObject struct {
	Tag  bool   `json:"tag"`
	Data string `json:"data"` // base64: a message may hold any bytes
}

// verdict is what one signature is worth.
type verdict struct {
	Good        bool   `json:"good"`
	Problem     string `json:"problem,omitempty"`
	Signer      string `json:"signer,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Format      string `json:"format,omitempty"`
	Author      string `json:"author,omitempty"`
	Committer   string `json:"committer,omitempty"`
	TagName     string `json:"tagName,omitempty"`
}

// The first lines of the signatures that git knows, by what they are called here.
const (
	beginOpenPGP        = "-----BEGIN PGP SIGNATURE-----"
	beginOpenPGPMessage = "-----BEGIN PGP MESSAGE-----"
	beginSSH            = "-----BEGIN SSH SIGNATURE-----"
	beginX509           = "-----BEGIN SIGNED MESSAGE-----"
)

// verifyAll judges each object; the error is about a key that cannot be used, so that nothing can be judged.
func verifyAll(asked verifyRequest, now time.Time) ([]verdict, error) {
	var rings openPGPKeys
	for _, key := range asked.Keys {
		data, err := base64.StdEncoding.DecodeString(key.Data)
		if err != nil {
			return nil, err
		}
		if err := rings.add(data); err != nil {
			return nil, fmt.Errorf("%s: %w", key.Name, err)
		}
	}
	signers, err := parseAllowedSigners(asked.AllowedSigners)
	if err != nil {
		return nil, err
	}
	revoked, err := parseRevoked(asked.RevokedSigners)
	if err != nil {
		return nil, err
	}
	signers.revoked = revoked
	out := make([]verdict, 0, len(asked.Objects))
	for _, object := range asked.Objects {
		content, err := base64.StdEncoding.DecodeString(object.Data)
		if err != nil {
			return nil, err
		}
		out = append(out, verifyOne(content, object.Tag, &rings, signers, now))
	}
	return out, nil
}

func verifyOne(content []byte, tag bool, rings *openPGPKeys, signers allowedSigners, now time.Time) (given verdict) {
	defer func() { // a defect of a library is that object's problem
		if defect := recover(); defect != nil {
			given = verdict{Problem: fmt.Sprintf("its signature cannot be read: %v", defect)}
		}
	}()
	split := splitCommit
	if tag {
		split = splitTag
	}
	parts, err := split(content)
	given = verdict{Author: parts.author, Committer: parts.committer, TagName: parts.name}
	if err != nil {
		given.Problem = err.Error()
		return given
	}
	switch text := string(parts.signature); {
	case text == "":
		err = errors.New("it is not signed")
	case strings.HasPrefix(text, beginSSH):
		given.Format = "SSH"
		when := parts.when
		if when.IsZero() {
			when = now
		}
		given.Signer, given.Fingerprint, err = signers.verify(parts.payload, parts.signature, when)
	case strings.HasPrefix(text, beginOpenPGP), strings.HasPrefix(text, beginOpenPGPMessage):
		given.Format = "OpenPGP"
		given.Signer, given.Fingerprint, err = rings.verify(parts.payload, parts.signature, now)
	case strings.HasPrefix(text, beginX509):
		err = errors.New("it has an X.509 signature, which cannot be judged here: sign with OpenPGP or SSH")
	default:
		err = errors.New("its signature is of no known kind")
	}
	given.Good = err == nil
	if err != nil {
		given.Problem = err.Error()
	}
	given.Signer = printable(given.Signer)
	given.Problem = printable(given.Problem)
	return given
}

// parts of a git object. What is signed is the payload: the object without its signature.
type parts struct {
	payload, signature []byte
	author, committer  string // mail addresses; empty where they cannot be told for certain
	name               string // of a tag
	when               time.Time
}

// splitCommit takes the signature out of a commit's header. A commit with two of them, which git's own versions read
// differently, has none that counts.
func splitCommit(content []byte) (parts, error) {
	var out parts
	header, message, found := bytes.Cut(content, []byte("\n\n"))
	if !found {
		header, message = bytes.TrimSuffix(content, []byte("\n")), nil
	}
	signatures, authors, committers := 0, 0, 0
	inSignature := false
	for _, line := range bytes.SplitAfter(append(bytes.Clone(header), '\n'), []byte("\n")) {
		text := string(line)
		switch {
		case text == "":
			continue
		case inSignature && text[0] == ' ':
			out.signature = append(out.signature, line[1:]...)
			continue
		case strings.HasPrefix(text, "gpgsig"):
			signatures++
			value, is := strings.CutPrefix(text, "gpgsig ")
			if !is || signatures > 1 {
				return out, errors.New("it has more than one signature, or one of an unknown kind")
			}
			inSignature = true
			out.signature = append(out.signature, value...)
			continue
		case strings.HasPrefix(text, "author "):
			authors++
			out.author, _ = identity(text)
		case strings.HasPrefix(text, "committer "):
			committers++
			out.committer, out.when = identity(text)
		}
		inSignature = false
		out.payload = append(out.payload, line...)
	}
	if authors != 1 || committers != 1 {
		return out, errors.New("it is no well-formed commit")
	}
	if found {
		out.payload = append(append(out.payload, '\n'), message...)
	}
	return out, nil
}

// splitTag cuts an annotated tag where its signature begins: at the last line that looks like one, as git does.
func splitTag(content []byte) (parts, error) {
	var out parts
	begin := len(content)
	for at := 0; at < len(content); {
		for _, first := range []string{beginOpenPGP, beginOpenPGPMessage, beginSSH, beginX509} {
			if bytes.HasPrefix(content[at:], []byte(first)) {
				begin = at
			}
		}
		next := bytes.IndexByte(content[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	out.payload, out.signature = content[:begin], content[begin:]
	header, _, _ := bytes.Cut(out.payload, []byte("\n\n"))
	names := 0
	for _, line := range strings.Split(string(header), "\n") {
		if strings.HasPrefix(line, "gpgsig") {
			return out, errors.New("it has more than one signature, or one of an unknown kind")
		}
		if name, is := strings.CutPrefix(line, "tag "); is {
			names++
			out.name = name
		}
		if strings.HasPrefix(line, "tagger ") {
			_, out.when = identity(line)
		}
	}
	if names != 1 {
		return out, errors.New("it is no well-formed tag")
	}
	return out, nil
}

// identity reads "author A Name <mail> 1700000000 +0100": the mail address, where there is just one, and the time.
func identity(line string) (string, time.Time) {
	var when time.Time
	if fields := strings.Fields(line[strings.LastIndexByte(line, '>')+1:]); len(fields) > 0 {
		if seconds, err := strconv.ParseInt(fields[0], 10, 64); err == nil && seconds > 0 {
			when = time.Unix(seconds, 0)
		}
	}
	if strings.Count(line, "<") != 1 || strings.Count(line, ">") != 1 {
		return "", when
	}
	_, rest, _ := strings.Cut(line, "<")
	mail, _, closed := strings.Cut(rest, ">")
	if !closed {
		return "", when
	}
	return printable(mail), when
}

// printable keeps what strangers wrote from moving a terminal's cursor.
func printable(text string) string {
	const most = 300
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
