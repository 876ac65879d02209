// Command policy applies a MutatingAdmissionPolicy to pods as the API server would, without one: POLICY is its file, pods come by
// standard input as a JSON object a line, and each leaves as {"pod": …, "cost": …} or {"error": …}. Defaults and validation are the
// API server's own and not applied here.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	policies "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	limits "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"
)

type answer struct {
	Pod   runtime.Object `json:"pod,omitempty"`
	Cost  int64          `json:"cost,omitempty"`
	Error string         `json:"error,omitempty"`
}

func main() {
	compiler, evaluator := compile(os.Args[1])
	scheme := runtime.NewScheme()
	check(core.AddToScheme(scheme))
	objects := admission.NewObjectInterfacesFromScheme(scheme)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		pod := &core.Pod{}
		check(json.Unmarshal(lines.Bytes(), pod))
		text, err := json.Marshal(apply(compiler, evaluator, objects, pod))
		check(err)
		fmt.Println(string(text))
	}
	check(lines.Err())
}

// compile does what k8s.io/apiserver/pkg/admission/plugin/policy/mutating/compilation.go does for the first mutation.
func compile(path string) (*cel.CompositedCompiler, cel.MutatingEvaluator) {
	text, err := os.ReadFile(path)
	check(err)
	policy := policies.MutatingAdmissionPolicy{}
	check(yaml.UnmarshalStrict(text, &policy))
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	check(err)
	options := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	for _, variable := range policy.Spec.Variables {
		named := &validating.Variable{Name: variable.Name, Expression: variable.Expression}
		if result := compiler.CompileAndStoreVariable(named, options, environment.StoredExpressions); result.Error != nil {
			check(fmt.Errorf("variable %s: %w", variable.Name, result.Error))
		}
	}
	options.HasPatchTypes = true
	mutation := &patch.JSONPatchCondition{Expression: policy.Spec.Mutations[0].JSONPatch.Expression}
	evaluator := compiler.CompileMutatingEvaluator(mutation, options, environment.StoredExpressions)
	for _, err := range evaluator.CompilationErrors() {
		check(err)
	}
	return compiler, evaluator
}

func apply(compiler *cel.CompositedCompiler, evaluator cel.MutatingEvaluator, objects admission.ObjectInterfaces, pod *core.Pod) answer {
	kind := schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	attributes := admission.NewAttributesRecord(
		pod, nil, kind, "default", pod.Name, resource, "", admission.Create, &meta.CreateOptions{}, false, nil)
	versioned := &admission.VersionedAttributes{
		Attributes: attributes, VersionedObject: admission.NewLazyObject(pod), VersionedKind: kind}
	asked := cel.CreateAdmissionRequest(attributes, meta.GroupVersionResource(resource), meta.GroupVersionKind(kind))
	result, left, err := evaluator.ForInput(compiler.CreateContext(context.Background()), versioned, asked,
		cel.OptionalVariableBindings{}, &core.Namespace{}, limits.RuntimeCELCostBudget)
	if err == nil {
		err = result.Error
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	request := patch.Request{MatchedResource: resource, VersionedAttributes: versioned, ObjectInterfaces: objects, Namespace: &core.Namespace{}}
	made, err := patch.NewJSONPatcher(evaluator).Patch(
		compiler.CreateContext(context.Background()), request, limits.RuntimeCELCostBudget)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Pod: made, Cost: limits.RuntimeCELCostBudget - left}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "policy:", err)
		os.Exit(1)
	}
}
