package main

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const (
	beginPublicKey  = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	beginPrivateKey = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
	leastRSABits    = 2048
)

// What a signature may be made with. gpg still takes SHA-1 here; two commits of one SHA-1 can be made.
var strongHashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512}

// openPGPKeys are those whose signatures count, subkeys included.
type openPGPKeys struct {
	list openpgp.EntityList
}

// add takes one or several armored public keys, one after the other, or a binary key ring.
func (k *openPGPKeys) add(data []byte) error {
	text := string(data)
	if strings.Contains(text, beginPrivateKey) {
		return errors.New("holds a private key: put only public keys there (gpg --armor --export), and take that one for known")
	}
	if !strings.Contains(text, beginPublicKey) {
		list, err := openpgp.ReadKeyRing(bytes.NewReader(data))
		if err != nil || len(list) == 0 {
			return errors.New("is no OpenPGP public key (gpg --armor --export), nor allowed_signers or revoked_signers")
		}
		return k.take(list)
	}
	for _, block := range strings.Split(text, beginPublicKey)[1:] {
		list, err := openpgp.ReadArmoredKeyRing(strings.NewReader(beginPublicKey + block))
		if err != nil {
			return fmt.Errorf("an OpenPGP public key cannot be read: %w", err)
		}
		if err := k.take(list); err != nil {
			return err
		}
	}
	return nil
}

func (k *openPGPKeys) take(list openpgp.EntityList) error {
	for _, entity := range list {
		if entity.PrivateKey != nil {
			return errors.New("holds a private key: put only public keys there (gpg --export), and take that one for known")
		}
	}
	k.list = append(k.list, list...)
	return nil
}

// verify judges as git does with gpg: what counts is a good signature by a key that is neither expired nor revoked now,
// whenever it was made. Stricter than gpg: one signature, by a strong hash and key.
func (k *openPGPKeys) verify(payload, signature []byte, now time.Time) (signer, fingerprint string, err error) {
	block, err := armor.Decode(bytes.NewReader(signature))
	if err != nil {
		return "", "", fmt.Errorf("its OpenPGP signature cannot be read: %w", err)
	}
	raw, err := io.ReadAll(block.Body)
	if err != nil {
		return "", "", fmt.Errorf("its OpenPGP signature cannot be read: %w", err)
	}
	issuer, err := onlySignature(raw)
	if err != nil {
		return "", "", err
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	_, entity, err := openpgp.VerifyDetachedSignatureAndHash(k.list, bytes.NewReader(payload), bytes.NewReader(raw), strongHashes, config)
	if entity != nil {
		fingerprint = fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint)
		if _, identity := entity.PrimarySelfSignature(); identity != nil {
			signer = identity.Name
		}
	}
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return "", "", fmt.Errorf("it is signed by the OpenPGP key %s, which is none of the Secret's", issuer)
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return signer, fingerprint, fmt.Errorf("it is signed by the OpenPGP key %s, which has expired", fingerprint)
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return signer, fingerprint, fmt.Errorf("it is signed by the OpenPGP key %s, which is revoked", fingerprint)
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return signer, fingerprint, errors.New("its OpenPGP signature has expired, or is from the future")
	case err != nil:
		return signer, fingerprint, fmt.Errorf("its OpenPGP signature is bad: %w", err)
	}
	if err := strongKeys(entity, issuer); err != nil {
		return signer, fingerprint, err
	}
	return signer, fingerprint, nil
}

// onlySignature gives the issuer of the one signature that there is. More than one would leave open whose counts.
func onlySignature(raw []byte) (string, error) {
	packets := packet.NewReader(bytes.NewReader(raw))
	issuer := ""
	for count := 0; ; count++ {
		next, err := packets.Next()
		if errors.Is(err, io.EOF) && count == 1 {
			return issuer, nil
		}
		if errors.Is(err, io.EOF) {
			return "", errors.New("its OpenPGP signature is none, or several")
		}
		if err != nil {
			return "", fmt.Errorf("its OpenPGP signature cannot be read: %w", err)
		}
		signature, is := next.(*packet.Signature)
		if !is {
			return "", errors.New("its OpenPGP signature holds something else")
		}
		strong := false
		for _, hash := range strongHashes {
			strong = strong || hash == signature.Hash
		}
		if !strong {
			return "", fmt.Errorf("its OpenPGP signature is made with %v, which is too weak", signature.Hash)
		}
		if signature.IssuerKeyId != nil {
			issuer = fmt.Sprintf("%016X", *signature.IssuerKeyId)
		}
		if len(signature.IssuerFingerprint) > 0 {
			issuer = fmt.Sprintf("%X", signature.IssuerFingerprint)
		}
	}
}

// strongKeys refuses what others refuse by default today: DSA, and RSA below 2048 bits, of the key that signed.
func strongKeys(entity *openpgp.Entity, issuer string) error {
	keys := []*packet.PublicKey{entity.PrimaryKey}
	for _, subkey := range entity.Subkeys {
		keys = append(keys, subkey.PublicKey)
	}
	for _, key := range keys {
		if issuer != fmt.Sprintf("%X", key.Fingerprint) && issuer != fmt.Sprintf("%016X", key.KeyId) {
			continue
		}
		bits, err := key.BitLength()
		if key.PubKeyAlgo == packet.PubKeyAlgoDSA || (err == nil && bits < leastRSABits && isRSA(key.PubKeyAlgo)) {
			return fmt.Errorf("it is signed by the OpenPGP key %X, which is too weak", key.Fingerprint)
		}
	}
	return nil
}

func isRSA(algorithm packet.PublicKeyAlgorithm) bool {
	return algorithm == packet.PubKeyAlgoRSA || algorithm == packet.PubKeyAlgoRSASignOnly
}
