package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// decodeValue reads JSON as Kubernetes reads an object without a schema: a number that is an integer becomes an int64, any
// other a float64.
func decodeValue(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("the values cannot be read: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the values are more than one")
	}
	return numbers(value)
}

func numbers(value any) (any, error) {
	var err error
	switch typed := value.(type) {
	case map[string]any:
		for name, member := range typed {
			if typed[name], err = numbers(member); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, member := range typed {
			if typed[i], err = numbers(member); err != nil {
				return nil, err
			}
		}
	case json.Number:
		if whole, err := typed.Int64(); err == nil {
			return whole, nil
		}
		real, err := typed.Float64()
		if err != nil || math.IsInf(real, 0) {
			return nil, fmt.Errorf("the number %s is beyond what can be held", typed)
		}
		return real, nil
	}
	return value, nil
}
