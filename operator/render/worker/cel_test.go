package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const widget = `{
	"apiVersion": "example.com/v1", "kind": "Widget", "type": "big",
	"metadata": {"name": "one", "generation": 3, "labels": {"app": "shop"}},
	"spec": {"size": 3, "ratio": 0.5, "parts": ["a", "b"]},
	"status": {"phase": "Running", "observedGeneration": 3,
		"conditions": [{"type": "Ready", "status": "True"}, {"type": "Synced", "status": "False"}]}
}`

// ask evaluates one expression over the members of an object.
func ask(t *testing.T, e *evaluator, text, values string, variables ...string) result {
	t.Helper()
	results, err := e.answer(celRequest{Expressions: []string{text}, Variables: variables, Values: json.RawMessage(values)})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func TestExpressionsOverAnObject(t *testing.T) {
	e := newEvaluator()
	for _, row := range []struct {
		text string
		want bool
	}{
		{`status.phase == 'Running'`, true},
		{`status.phase in ['Failed', 'Lost']`, false},
		{`status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')`, true},
		{`status.conditions.filter(e, e.type == 'Synced').all(e, e.status == 'True')`, false},
		{`status.observedGeneration == metadata.generation`, true},
		{`metadata.generation > 2.5`, true},
		{`spec.ratio < 1`, true},
		{`has(status.phase) && !has(status.message)`, true},
		{`has(self.status) && !has(self.data)`, true},
		{`self.?data.?ready.orValue('no') == 'no'`, true},
		{`status.?message.orValue('none') == 'none'`, true},
		{`self.type == 'big'`, true},
		{`type(spec.size) == int && type(metadata.name) == string`, true},
		{`'app' in metadata.labels`, true},
		{`spec.parts.size() == spec.size - 1`, true},
		{`spec.parts.join(',') == 'a,b'`, true},
		{`kind.lowerAscii() == 'widget' && apiVersion.startsWith('example.com/')`, true},
		{`sets.contains(spec.parts, ['b'])`, true},
		{`math.greatest(spec.size, 2) == 3`, true},
		{`cel.bind(s, status.phase, s == 'Running' || s == 'Done')`, true},
		{`optional.of(status.phase).hasValue()`, true},
		{`timestamp('2026-01-01T00:00:00Z').getHours('Europe/Berlin') == 1`, true},
		{`true`, true},
	} {
		got := ask(t, e, row.text, widget)
		if got.Problem != "" || got.Value == nil || *got.Value != row.want {
			t.Errorf("%s: %+v, want %v", row.text, got, row.want)
		}
	}
}

func TestARunThatCannotEndIsToldAndIsNotBroken(t *testing.T) {
	e := newEvaluator()
	for _, row := range []struct{ text, problem string }{
		{`status.message == 'x'`, "no such key: message"},
		{`data.ready == 'x'`, "no such attribute"},
		{`statsu.phase == 'Running'`, "no such attribute"},
		{`status.phase`, "gives string, not true or false"},
		{`spec.parts[7] == 'a'`, "index out of bounds"},
		{`spec.size / 0 == 1`, "division by zero"},
		{`metadata.name > 3`, "no such overload"},
	} {
		got := ask(t, e, row.text, widget)
		if got.Value != nil || got.Broken || !strings.Contains(got.Problem, row.problem) {
			t.Errorf("%s: %+v, want %q", row.text, got, row.problem)
		}
	}
}

func TestWhatCannotBeCompiledIsToldWithItsPosition(t *testing.T) {
	e := newEvaluator()
	for _, row := range []struct {
		text, problem string
		variables     []string
	}{
		{`status.phase ==`, "1:16: Syntax error", nil},
		{"status.phase == 'a' &&\n  unknown()", "2:10: undeclared reference to 'unknown'", nil},
		{`1 + 2`, "1:1: gives int, not true or false", nil},
		{`'a' + 1 == 'b'`, "1:5: found no matching overload for '_+_'", nil},
		{`dep.status.ready && slef.metadata.name == 'x'`, "1:21: undeclared reference to 'slef'", []string{"self", "dep"}},
		{strings.Repeat("!", maxExpression) + "true", "size", nil},
		{strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000), "recursion", nil},
		{``, "1:1: Syntax error", nil},
	} {
		for _, values := range []string{"", `{"self": {}, "dep": {}}`} {
			got := ask(t, e, row.text, values, row.variables...)
			if got.Value != nil || !got.Broken || !strings.Contains(got.Problem, row.problem) || strings.Contains(got.Problem, "\n") {
				t.Errorf("%.80s: %+v, want %q", row.text, got, row.problem)
			}
		}
	}
}

func TestOnlyCompiledWithoutValues(t *testing.T) {
	got := ask(t, newEvaluator(), `dep.status.observedGeneration == dep.metadata.generation`, "", "self", "dep")
	if got != (result{}) {
		t.Errorf("%+v", got)
	}
}

// Whatever an expression asks for, it ends: by its cost or by its deadline.
func TestNoExpressionGoesOnForEver(t *testing.T) {
	var list strings.Builder
	for i := 0; i < 1000; i++ {
		list.WriteString("1,")
	}
	values := `{"spec": {"items": [` + strings.TrimSuffix(list.String(), ",") + `], "text": "` + strings.Repeat("a", 1000) + `"}}`
	e := newEvaluator()
	for _, text := range []string{
		`spec.items.all(a, spec.items.all(b, spec.items.all(c, a + b + c > 0)))`,
		`spec.items.map(a, spec.items.map(b, spec.items.map(c, a + b + c))).size() > 0`,
		`spec.items.all(a, spec.items.all(b, spec.text.matches('(a*)*b') || true))`,
		`[1,2,3,4,5,6,7,8].map(a, spec.text + spec.text).map(t, t + t + t + t).map(t, spec.items.map(i, t + t + t)).size() > 0 &&
			spec.items.all(a, spec.items.all(b, (spec.text + spec.text + spec.text).size() > 0))`,
	} {
		got := ask(t, e, text, values)
		if got.Value != nil || got.Broken || (!strings.Contains(got.Problem, "costs more") && !strings.Contains(got.Problem, "takes longer")) {
			t.Errorf("%s: %+v", text, got)
		}
	}
	if got := ask(t, e, `spec.items.all(a, a == 1)`, values); got.Value == nil || !*got.Value {
		t.Errorf("what is cheap is no longer answered: %+v", got)
	}
}

func TestAResultPerExpression(t *testing.T) {
	results, err := newEvaluator().answer(celRequest{
		Expressions: []string{`status.phase == 'Running'`, `nothing.at.all`, `)`}, Values: json.RawMessage(widget)})
	if err != nil || len(results) != 3 || results[0].Value == nil || results[1].Problem == "" || !results[2].Broken {
		t.Errorf("%+v %v", results, err)
	}
}

func TestARequestThatIsWrongIsAnError(t *testing.T) {
	e := newEvaluator()
	for _, row := range []celRequest{
		{Expressions: make([]string, maxExpressions+1)},
		{Expressions: []string{"true"}, Values: json.RawMessage(`[1]`)},
		{Expressions: []string{"true"}, Values: json.RawMessage(`{"a": 1e999}`)},
		{Expressions: []string{"true"}, Values: json.RawMessage(`{`)},
	} {
		if results, err := e.answer(row); err == nil {
			t.Errorf("%+v", results)
		}
	}
}

func TestManyDifferentExpressionsAreNotAllRemembered(t *testing.T) {
	e := newEvaluator()
	for i := 0; i < rememberedPrograms+50; i++ {
		ask(t, e, "true || "+strings.Repeat("!", i%7)+"(1 == "+strings.Repeat("1", 1+i%15)+")"+strings.Repeat(" ", i), "{}")
	}
	if len(e.programs) > rememberedPrograms {
		t.Errorf("%d programs", len(e.programs))
	}
}
