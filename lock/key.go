package lock

// keys returns what makes the keys of a function's calls by a template.
func keys[In any](pattern string) (func(In) (string, error), error) {
	return func(In) (string, error) { return pattern, nil }, nil
}
