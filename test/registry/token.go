package main

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const issuer, service = "tokens of tests", "registry of tests"

// tokenAuth starts a token service, which gives the one user what he asks for, and makes the registry trust it.
// Source: the distribution's specification, "Token Authentication".
func tokenAuth(directory, user, password string) (auth configuration.Auth, realm string) {
	authority := newAuthority()
	bundle := filepath.Join(directory, "token-ca.crt")
	authority.writeTo(bundle)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() {
		check(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name, word, given := r.BasicAuth()
			if !given || name != user || word != password {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			token := authority.token(name, r.URL.Query()["scope"])
			_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 300})
		})))
	}()
	realm = "http://" + listener.Addr().String() + "/token"
	return configuration.Auth{"token": configuration.Parameters{
		"realm": realm, "service": service, "issuer": issuer, "rootcertbundle": bundle,
	}}, realm
}

type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func (a *authority) token(subject string, scopes []string) string {
	granted := []access{}
	for _, scope := range scopes {
		// "repository:team/shop:pull,push"
		kind, rest, _ := strings.Cut(scope, ":")
		if end := strings.LastIndex(rest, ":"); end >= 0 {
			granted = append(granted, access{kind, rest[:end], strings.Split(rest[end+1:], ",")})
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: a.key},
		(&jose.SignerOptions{}).WithType("JWT").WithHeader("x5c", []string{base64.StdEncoding.EncodeToString(a.certificate.Raw)}))
	check(err)
	now := time.Now()
	text, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": issuer, "sub": subject, "aud": service, "access": granted,
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}).Serialize()
	check(err)
	return text
}
