package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// talk sends messages and returns the answers by id.
func talk(t *testing.T, messages ...string) (map[uint64]answer, error) {
	t.Helper()
	var in, out bytes.Buffer
	for _, message := range messages {
		if err := writeFrame(&in, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	err := serve(&in, &out, newEvaluator())
	answers := map[uint64]answer{}
	reader := bufio.NewReader(&out)
	for {
		text, readErr := readFrame(reader)
		if readErr != nil {
			return answers, err
		}
		var one answer
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		answers[one.ID] = one
	}
}

func TestEveryRequestIsAnsweredByItsID(t *testing.T) {
	var messages []string
	for i := 1; i <= 100; i++ {
		messages = append(messages, fmt.Sprintf(`{"id":%d,"kind":"cel","expressions":["n == %d"],"values":{"n":%d}}`, i, i, i))
	}
	answers, err := talk(t, messages...)
	if err != nil || len(answers) != 100 {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	for id, one := range answers {
		if one.Error != "" || len(one.Results) != 1 || one.Results[0].Value == nil || !*one.Results[0].Value {
			t.Errorf("%d: %+v", id, one)
		}
	}
}

func TestAnUnknownKindIsThatRequestsError(t *testing.T) {
	answers, err := talk(t, `{"id":1,"kind":"poem"}`, `{"id":2,"kind":"cel","expressions":["true"],"values":{}}`)
	if err != nil || !strings.Contains(answers[1].Error, `"poem"`) || answers[2].Results[0].Value == nil {
		t.Errorf("%+v %v", answers, err)
	}
}

func TestWhatIsNoMessageEndsTheConversation(t *testing.T) {
	if _, err := talk(t, `{"id":`); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("%v", err)
	}
	for _, bytesIn := range []string{"\x00", "\x00\x00\x00\x05abc", "\xff\xff\xff\xff"} {
		if err := serve(strings.NewReader(bytesIn), &bytes.Buffer{}, newEvaluator()); err == nil {
			t.Errorf("%q was taken", bytesIn)
		}
	}
	if err := serve(strings.NewReader(""), &bytes.Buffer{}, newEvaluator()); err != nil {
		t.Errorf("the end of the input is no error: %v", err)
	}
}
