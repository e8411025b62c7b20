package engine

import "reflect"

// Function is what makes the values of a region under one template. It is plain data.
type Function struct {
	// Result is the type of the values.
	Result reflect.Type
	// Multi is set for a function that makes many values in one call.
	Multi bool
	// Code is the function's name and place, for people; functions of one place are one.
	Code string
}

// maxFunctions bounds the templates of one region that are remembered: those that a program writes down are few, and one
// that composes them must not cost memory for each.
const maxFunctions = 1000

// Enlist remembers the function that makes the values under a template, and returns those that were enlisted before it: the
// first for one value, the first for many, both with the same Result. Another Result is not remembered.
func (r *Region) Enlist(template string, f Function) (before []Function) {
	r.functionsMu.Lock()
	defer r.functionsMu.Unlock()
	before = r.functions[template]
	for _, other := range before {
		if other.Result != f.Result || other.Multi == f.Multi {
			return before
		}
	}
	if len(r.functions) >= maxFunctions && before == nil {
		return nil
	}
	if r.functions == nil {
		r.functions = map[string][]Function{}
	}
	r.functions[template] = append(before[:len(before):len(before)], f)
	return before
}

// Warn logs what a user of the region should know. The region's name is added.
func (r *Region) Warn(message string, args ...any) {
	r.engine.cfg.Logger.Warn("gormcache: "+message, append([]any{"region", r.name}, args...)...)
}
