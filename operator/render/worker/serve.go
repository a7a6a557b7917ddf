package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// request is what the operator asks (operator/render/protocol.h). Each kind has its own members beside these two.
type request struct {
	ID   uint64 `json:"id"`
	Kind string `json:"kind"`
	celRequest
	verifyRequest
}

// answer has the request's id and either results or what was wrong with the request itself.
type answer struct {
	ID      uint64   `json:"id"`
	Results []result `json:"results,omitempty"`
	// Of the kind verify: what each signature is worth, or which key cannot be used.
	Verdicts   []verdict `json:"verdicts,omitempty"`
	KeyProblem string    `json:"keyProblem,omitempty"`
	Error      string    `json:"error,omitempty"`
}

// serve answers requests until the input ends, several at the same time and in the order in which they are done. A message
// that cannot be read ends it: the two sides no longer understand each other.
func serve(in io.Reader, out io.Writer, evaluator *evaluator) error {
	var (
		reader  = bufio.NewReader(in)
		slots   = make(chan struct{}, atOnce)
		working sync.WaitGroup
		writing sync.Mutex
		broken  error // of a write, guarded by writing
	)
	defer working.Wait()
	for {
		message, err := readFrame(reader)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var asked request
		if err := json.Unmarshal(message, &asked); err != nil {
			return fmt.Errorf("a request cannot be read: %w", err)
		}
		slots <- struct{}{}
		working.Add(1)
		go func() {
			defer working.Done()
			defer func() { <-slots }()
			text, err := json.Marshal(respond(asked, evaluator))
			if err != nil {
				text = []byte(fmt.Sprintf(`{"id":%d,"error":"the answer cannot be written"}`, asked.ID))
			}
			writing.Lock()
			defer writing.Unlock()
			if err := writeFrame(out, text); err != nil && broken == nil {
				broken = err
			}
		}()
		writing.Lock()
		err = broken
		writing.Unlock()
		if err != nil {
			return err
		}
	}
}

// respond never panics: a defect of a library is that request's error.
func respond(asked request, evaluator *evaluator) (given answer) {
	given.ID = asked.ID
	defer func() {
		if defect := recover(); defect != nil {
			given = answer{ID: asked.ID, Error: fmt.Sprintf("defect: %v", defect)}
		}
	}()
	switch asked.Kind {
	case "cel":
		results, err := evaluator.answer(asked.celRequest)
		if err != nil {
			given.Error = err.Error()
		}
		given.Results = results
	case "verify":
		verdicts, err := verifyAll(asked.verifyRequest, time.Now())
		if err != nil {
			given.KeyProblem = printable(err.Error())
		}
		given.Verdicts = verdicts
	default:
		given.Error = fmt.Sprintf("there is no kind of request %q", asked.Kind)
	}
	return given
}
