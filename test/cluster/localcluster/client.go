package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const maxAnswer = 1 << 20 // bytes of an answer that are read

// Client asks the API server what the supervisor needs to know, as the administrator.
type Client struct {
	server string
	http   *http.Client
}

func newClient(server string, authority *Authority, admin Pair) (*Client, error) {
	config, err := authority.tlsConfig(admin)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config} // no proxy, whatever the environment says
	return &Client{server: server, http: &http.Client{Transport: transport, Timeout: 10 * time.Second}}, nil
}

func (c *Client) do(method, path, body string) ([]byte, int, error) {
	request, err := http.NewRequest(method, c.server+path, strings.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "localcluster")
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	return text, answer.StatusCode, err
}

func (c *Client) get(path string) ([]byte, error) {
	text, status, err := c.do(http.MethodGet, path, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("GET %s: %d: %s", path, status, text)
	}
	return text, err
}

func (c *Client) ready() error {
	_, err := c.get("/readyz")
	return err
}

// create posts an object.
func (c *Client) create(path, body string) error {
	text, status, err := c.do(http.MethodPost, path, body)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("POST %s: %d: %s", path, status, text)
	}
	return err
}

func (c *Client) serviceAccount() error {
	_, err := c.get("/api/v1/namespaces/default/serviceaccounts/default")
	return err
}

// nodeReady is nil when the Node's condition Ready is True and no taint keeps Pods away any more.
func (c *Client) nodeReady(name string) error {
	text, err := c.get("/api/v1/nodes/" + name)
	if err != nil {
		return err
	}
	var node struct {
		Spec   struct{ Taints []struct{ Key string } }
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if err := json.Unmarshal(text, &node); err != nil {
		return err
	}
	if len(node.Spec.Taints) > 0 {
		return fmt.Errorf("Node %s is tainted with %s", name, node.Spec.Taints[0].Key)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("Node %s is not Ready", name)
}
