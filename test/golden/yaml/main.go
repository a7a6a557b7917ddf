// The oracle of test/unit/object/yaml_golden_test.cpp: what Kubernetes' own YAML library makes of a text.
//
// Reads a JSON array of strings on standard input and writes a JSON array of the same length: {"json": value} or
// {"error": text} for each, by sigs.k8s.io/yaml's YAMLToJSON (not its strict form: that is what kubectl calls).
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

type answer struct {
	JSON  json.RawMessage `json:"json,omitempty"`
	Error string          `json:"error,omitempty"`
}

func convert(text string) (out answer) {
	// The library panics on some broken texts; for its callers that is a refusal too.
	defer func() {
		if problem := recover(); problem != nil {
			out = answer{Error: fmt.Sprint("panic: ", problem)}
		}
	}()
	value, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{JSON: value}
}

func run() error {
	var texts []string
	if err := json.NewDecoder(os.Stdin).Decode(&texts); err != nil {
		return fmt.Errorf("standard input must be a JSON array of strings: %w", err)
	}
	answers := make([]answer, len(texts))
	for i, text := range texts {
		answers[i] = convert(text)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "yaml oracle:", err)
		os.Exit(1)
	}
}
