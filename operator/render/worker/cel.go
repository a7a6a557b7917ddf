package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
)

const (
	// Kubernetes' limit of one expression (PerCallLimit of k8s.io/apiserver): about a tenth of a second.
	costLimit          = 1_000_000
	deadline           = 2 * time.Second // of one expression, should the cost not tell
	interruptEvery     = 1               // a step that is interrupted ends as an error, which an enclosing loop may swallow: all have to look
	maxExpression      = 16 << 10        // bytes
	maxExpressions     = 256             // of one request
	maxProblem         = 1 << 10         // bytes of what is told of one expression
	rememberedPrograms = 512
)

// celRequest asks for the values of expressions, each of which has to be true or false.
type celRequest struct {
	Expressions []string `json:"expressions"`
	// The names that expressions may use. Without any they may use the members of Values, whatever they are, and self for
	// all of it.
	Variables []string `json:"variables"`
	// Their values; without any the expressions are only compiled.
	Values json.RawMessage `json:"values"`
}

// result is an expression's value, or why there is none.
type result struct {
	Value   *bool  `json:"value,omitempty"`
	Problem string `json:"problem,omitempty"`
	// The expression cannot be used with any values; Problem begins with "line:column: ".
	Broken bool `json:"broken,omitempty"`
}

// evaluator compiles and evaluates; programs are remembered. Safe for concurrent use.
type evaluator struct {
	base     *cel.Env
	mutex    sync.Mutex
	programs map[string]compiled // by what compile is given
}

type compiled struct {
	program cel.Program
	problem string
}

// newEvaluator has the options that Flux's and Kubernetes' users know: optional types, strings, sets, lists, encoders, math,
// bindings, comprehensions with two variables, regular expressions.
func newEvaluator() *evaluator {
	base, err := cel.NewEnv(
		cel.HomogeneousAggregateLiterals(),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		cel.ParserExpressionSizeLimit(maxExpression),
		ext.Strings(), ext.Sets(), ext.Lists(), ext.Encoders(), ext.Math(), ext.Bindings(), ext.TwoVarComprehensions(), ext.Regex(),
	)
	if err != nil {
		panic(err) // the options are constants
	}
	return &evaluator{base: base, programs: map[string]compiled{}}
}

// answer gives one result per expression. Its error is about the request.
func (e *evaluator) answer(asked celRequest) ([]result, error) {
	if len(asked.Expressions) > maxExpressions {
		return nil, fmt.Errorf("%d expressions are more than %d", len(asked.Expressions), maxExpressions)
	}
	var values map[string]any
	if len(asked.Values) > 0 {
		decoded, err := decodeValue(asked.Values)
		if err != nil {
			return nil, err
		}
		var isObject bool
		if values, isObject = decoded.(map[string]any); !isObject {
			return nil, fmt.Errorf("the values are no object")
		}
		if len(asked.Variables) == 0 {
			open := make(map[string]any, len(values)+1)
			for name, value := range values {
				open[name] = value
			}
			open["self"] = decoded
			values = open
		}
	}
	results := make([]result, 0, len(asked.Expressions))
	for _, text := range asked.Expressions {
		ready := e.compile(text, asked.Variables)
		switch {
		case ready.problem != "":
			results = append(results, result{Problem: ready.problem, Broken: true})
		case values == nil:
			results = append(results, result{})
		default:
			results = append(results, evaluate(ready.program, values))
		}
	}
	return results, nil
}

func evaluate(program cel.Program, values map[string]any) result {
	limit, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	value, _, err := program.ContextEval(limit, values)
	if err != nil {
		return result{Problem: shorten(explain(err, limit.Err() != nil))}
	}
	if truth, isBool := value.(types.Bool); isBool {
		plain := bool(truth)
		return result{Value: &plain}
	}
	return result{Problem: shorten(fmt.Sprintf("gives %s, not true or false", typeName(value)))}
}

// explain says in a user's words why an evaluation ended.
func explain(err error, late bool) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "actual cost limit exceeded"):
		return "costs more than one expression may"
	case late:
		return fmt.Sprintf("takes longer than %s", deadline)
	}
	return text
}

func typeName(value ref.Val) string {
	if name := value.Type().TypeName(); name != "" {
		return name
	}
	return "something else"
}

// compile parses and checks an expression; the names that it may use are those of `variables`, or any.
func (e *evaluator) compile(text string, variables []string) compiled {
	key := strings.Join(variables, ",") + "\n" + text
	e.mutex.Lock()
	known, found := e.programs[key]
	e.mutex.Unlock()
	if found {
		return known
	}
	made := e.make(text, variables)
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if len(e.programs) >= rememberedPrograms {
		clear(e.programs) // costs compiling anew here and there, nothing else
	}
	e.programs[key] = made
	return made
}

func (e *evaluator) make(text string, variables []string) compiled {
	parsed, issues := e.base.Parse(text)
	if issues.Err() != nil {
		return compiled{problem: tell(issues)}
	}
	if len(variables) == 0 {
		variables = freeNames(parsed)
	}
	var declared []cel.EnvOption
	for _, name := range variables {
		declared = append(declared, cel.Variable(name, cel.DynType))
	}
	env, err := e.base.Extend(declared...)
	if err != nil {
		return compiled{problem: "1:1: " + shorten(err.Error())}
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return compiled{problem: tell(issues)}
	}
	if kind := checked.OutputType(); !kind.IsExactType(cel.BoolType) && !kind.IsExactType(cel.DynType) {
		return compiled{problem: fmt.Sprintf("1:1: gives %s, not true or false", kind)}
	}
	program, err := env.Program(checked, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return compiled{problem: "1:1: " + shorten(err.Error())}
	}
	return compiled{program: program}
}

// typeNames are identifiers that mean a type unless they are called as a function.
var typeNames = map[string]bool{
	"bool": true, "bytes": true, "double": true, "dyn": true, "int": true, "list": true, "map": true, "null_type": true,
	"string": true, "type": true, "uint": true, "optional_type": true, "google": true,
}

// freeNames are the identifiers of an expression that can stand for variables.
func freeNames(parsed *cel.Ast) []string {
	seen := map[string]bool{}
	var names []string
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(expr ast.Expr) {
		if expr.Kind() != ast.IdentKind {
			return
		}
		name := expr.AsIdent()
		if seen[name] || typeNames[name] || strings.HasPrefix(name, "@") || strings.HasPrefix(name, "__") {
			return
		}
		seen[name] = true
		names = append(names, name)
	}))
	return names
}

// tell puts the compiler's complaints into one line: "1:5: undeclared reference to 'x'; 1:9: …".
func tell(issues *cel.Issues) string {
	const most = 3
	var out []string
	for i, complaint := range issues.Errors() {
		if i == most {
			out = append(out, "…")
			break
		}
		message := strings.ReplaceAll(strings.TrimSuffix(complaint.Message, " (in container '')"), "\n", " ")
		out = append(out, fmt.Sprintf("%d:%d: %s", complaint.Location.Line(), max(complaint.Location.Column(), 0)+1, message))
	}
	return shorten(strings.Join(out, "; "))
}

func shorten(text string) string {
	if len(text) <= maxProblem {
		return text
	}
	return strings.ToValidUTF8(text[:maxProblem], "") + "…"
}
