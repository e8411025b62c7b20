package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// parsed returns the syntax of the library's Go files that the patterns match.
func parsed(t *testing.T, patterns ...string) map[string]*ast.File {
	t.Helper()
	all := map[string]*ast.File{}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			all[path] = f
		}
	}
	if len(all) == 0 {
		t.Fatalf("no file matches %q", patterns)
	}
	return all
}

// library are the packages of the module, without its tests.
var library = []string{"*.go", "*/*.go", "store/*/*.go", "internal/*/*.go"}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

var (
	reasonHeading = regexp.MustCompile("(?m)^## `(\\w+)`$")
	spaces        = regexp.MustCompile(`\s+`)
	formatVerb    = regexp.MustCompile(`%[a-zA-Z]`)
)

// TestReasonsAreListed compares docs/reasons.md with the constants of observe.
func TestReasonsAreListed(t *testing.T) {
	listed := map[string]bool{}
	for _, m := range reasonHeading.FindAllStringSubmatch(read(t, root+"/docs/reasons.md"), -1) {
		listed[m[1]] = true
	}
	count := 0
	for _, f := range parsed(t, "observe/*.go") {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Reason" {
				return true
			}
			count++
			if reason, ok := literal(spec.Values[0]); !ok || !listed[reason] {
				t.Errorf("docs/reasons.md does not list %s (%q)", spec.Names[0], reason)
			}
			return true
		})
	}
	if count < 15 || count != len(listed) {
		t.Errorf("%d reasons in the code, %d listed", count, len(listed))
	}
}

// TestDetailsAreListed looks for each sentence that a detail may be in docs/reasons.md.
func TestDetailsAreListed(t *testing.T) {
	text := spaces.ReplaceAllString(read(t, root+"/docs/reasons.md"), " ")
	count := 0
	for path, f := range parsed(t, "internal/reader/reasons.go", "internal/engine/marked.go", "internal/schema/narrow.go") {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.CaseClause: // what is asked for there is said to nobody
				n.List = nil
			}
			e, ok := n.(*ast.BasicLit)
			if !ok {
				return true
			}
			s, ok := literal(e)
			for _, part := range formatVerb.Split(s, -1) {
				if part = strings.TrimSpace(part); ok && len(part) > 12 {
					count++
					if !strings.Contains(text, part) {
						t.Errorf("docs/reasons.md does not list %q of %s", part, path)
					}
				}
			}
			return true
		})
	}
	if count < 40 {
		t.Errorf("only %d sentences found: the test looks in the wrong place", count)
	}
}

// TestErrorsSayOnceWhoTheyAre: errors that wrap others are made by fault.Errorf, which takes their prefixes away, and
// sentinels have the prefix.
//
// Falls if: an error that may wrap one of the module's is made by fmt.Errorf with a prefix of its own.
func TestErrorsSayOnceWhoTheyAre(t *testing.T) {
	sentinels := 0
	for path, f := range parsed(t, library...) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				fun, ok := n.Fun.(*ast.SelectorExpr)
				if !ok || len(n.Args) == 0 {
					return true
				}
				pkg, _ := fun.X.(*ast.Ident)
				format, ok := literal(n.Args[0])
				switch {
				case pkg == nil || !ok || fun.Sel.Name != "Errorf":
				case pkg.Name == "fault" && strings.Contains(format, "gormcache:"):
					t.Errorf("%s: fault.Errorf(%q): it adds the prefix itself", path, format)
				case pkg.Name == "fmt" && strings.Contains(format, "gormcache:") && strings.Contains(format, "%w"):
					t.Errorf("%s: fmt.Errorf(%q): use fault.Errorf, and leave out the prefix", path, format)
				}
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if !ast.IsExported(name.Name) || !strings.HasPrefix(name.Name, "Err") || i >= len(n.Values) {
						continue
					}
					call, ok := n.Values[i].(*ast.CallExpr)
					if !ok {
						continue // another name of one elsewhere
					}
					text, ok := literal(call.Args[0])
					if sum, binary := call.Args[0].(*ast.BinaryExpr); binary {
						text, ok = literal(sum.X)
					}
					sentinels++
					if !ok || !strings.HasPrefix(text, "gormcache: ") || strings.Count(text, "gormcache: ") != 1 {
						t.Errorf("%s: %s reads %q", path, name, text)
					}
				}
			}
			return true
		})
	}
	if sentinels < 15 {
		t.Errorf("only %d exported errors found: the test looks in the wrong place", sentinels)
	}
}
