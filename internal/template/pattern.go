package template

import (
	"errors"
	"fmt"
	"strings"
)

// piece is a part of a pattern: a literal, or a placeholder.
type piece struct {
	text        string
	placeholder bool
}

// parse cuts a pattern into its pieces. The error names all that is wrong.
func parse(pattern string) (pieces []piece, err error) {
	if pattern == "" {
		return nil, errors.New("it is empty: name what is cached")
	}
	var errs []error
	seen := map[string]bool{}
	for rest := pattern; rest != ""; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			pieces = append(pieces, piece{text: rest})
			break
		}
		if open > 0 {
			pieces = append(pieces, piece{text: rest[:open]})
		}
		if rest[open] == '}' {
			return nil, errors.Join(append(errs, fmt.Errorf("%q closes no brace: a template has braces around placeholders only", rest[:open+1]))...)
		}
		name, after, closed := strings.Cut(rest[open+1:], "}")
		if !closed {
			return nil, errors.Join(append(errs, fmt.Errorf("the brace of %q is not closed", rest[open:]))...)
		}
		switch {
		case !plain(name):
			errs = append(errs, fmt.Errorf("%q is no name for a placeholder: use letters, digits, '_', '.' and '-'", name))
		case seen[name]:
			errs = append(errs, fmt.Errorf("the placeholder {%s} stands in it twice: once is enough to tell arguments apart", name))
		}
		seen[name] = true
		pieces = append(pieces, piece{text: name, placeholder: true})
		rest = after
	}
	return pieces, errors.Join(errs...)
}

// plain reports whether a name can stand in a key before the '='.
func plain(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return name != ""
}
