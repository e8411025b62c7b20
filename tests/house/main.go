// Command house measures the packages of a tree of the library, as a table in Markdown:
//
//	go run ./tests/house [tree]
//
// Columns: lines of code without tests; files; exported names (top-level names; methods and fields of exported types are
// in parentheses); the type whose methods are spread over the most files; and, of the calls between files of the
// package, how many run upwards. Upwards are the calls that remain against the order when the files are put in the order
// that has the fewest such calls. Calls through interfaces, and through values of other packages' types, are not seen.
//
// The numbers are measures, not limits.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	tree := "."
	if len(os.Args) > 1 {
		tree = os.Args[1]
	}
	dirs, err := packages(tree)
	if err == nil {
		err = report(tree, dirs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
}

// packages returns the directories of the library's module that hold Go files, in order.
func packages(tree string) ([]string, error) {
	found := map[string]bool{}
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != tree {
			_, module := os.Stat(filepath.Join(path, "go.mod"))
			if module == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
		}
		if isSource(d.Name()) {
			found[filepath.Dir(path)] = true
		}
		return nil
	})
	return slices.Sorted(maps.Keys(found)), err
}

func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

func report(tree string, dirs []string) error {
	fmt.Println("| package | lines | files | exported | most spread type | calls upwards |")
	fmt.Println("|---|---:|---:|---:|---|---:|")
	var sum, words measures
	all := make([]measures, len(dirs))
	for i, dir := range dirs {
		m, err := measure(dir)
		if err != nil {
			return err
		}
		all[i] = m
		sum.add(m)
		if path := filepath.ToSlash(dir) + "/"; !strings.Contains(path, "/internal/") && !strings.HasPrefix(path, "internal/") && !strings.Contains(path, "store/") {
			words.add(m)
		}
	}
	for i, m := range all {
		name, err := filepath.Rel(tree, dirs[i])
		if err != nil {
			return err
		}
		m.row(name, sum.lines)
	}
	words.row("public, without stores", sum.lines)
	sum.row("all", sum.lines)
	return nil
}

// measures are the numbers of one package.
type measures struct {
	lines, files   int
	names, members int // exported
	spread         string
	calls, upwards int // between files
}

func (m *measures) add(o measures) {
	m.lines, m.files = m.lines+o.lines, m.files+o.files
	m.names, m.members = m.names+o.names, m.members+o.members
	m.calls, m.upwards = m.calls+o.calls, m.upwards+o.upwards
}

func (m measures) row(name string, lines int) {
	fmt.Printf("| %s | %d (%d %%) | %d | %d (%d) | %s | %d of %d |\n", name, m.lines, (100*m.lines+lines/2)/lines, m.files,
		m.names, m.members, m.spread, m.upwards, m.calls)
}

func measure(dir string) (m measures, err error) {
	fset := token.NewFileSet()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return m, err
	}
	var files []*ast.File
	for _, e := range entries {
		if !isSource(e.Name()) {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return m, err
		}
		files = append(files, f)
		m.files++
		m.lines += fset.File(f.FileStart).LineCount()
	}
	for _, f := range files {
		for _, decl := range f.Decls {
			m.count(decl)
		}
	}
	m.spread = spread(fset, files)
	m.calls, m.upwards = upwards(fset, files)
	return m, nil
}

// count counts the exported names of one declaration.
func (m *measures) count(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		switch {
		case !d.Name.IsExported():
		case d.Recv == nil:
			m.names++
		case ast.IsExported(receiver(d)):
			m.members++
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					m.names++
					m.members += fields(s.Type)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() {
						m.names++
					}
				}
			}
		}
	}
}

// fields counts the exported fields of a struct, or the methods of an interface.
func fields(t ast.Expr) (n int) {
	var list *ast.FieldList
	switch t := t.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		return 0
	}
	for _, f := range list.List {
		for _, name := range f.Names {
			if name.IsExported() {
				n++
			}
		}
	}
	return n
}

// receiver returns the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// spread names the type whose methods stand in the most files.
func spread(fset *token.FileSet, files []*ast.File) string {
	type kind struct {
		name    string
		methods int
		files   map[string]bool
	}
	kinds := map[string]*kind{}
	for _, f := range files {
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || d.Recv == nil {
				continue
			}
			name := receiver(d)
			if kinds[name] == nil {
				kinds[name] = &kind{name: name, files: map[string]bool{}}
			}
			kinds[name].methods++
			kinds[name].files[fset.Position(d.Pos()).Filename] = true
		}
	}
	if len(kinds) == 0 {
		return ""
	}
	most := slices.MaxFunc(slices.Collect(maps.Values(kinds)), func(a, b *kind) int {
		return cmp.Or(cmp.Compare(len(a.files), len(b.files)), cmp.Compare(a.methods, b.methods), cmp.Compare(b.name, a.name))
	})
	return fmt.Sprintf("%s: %d in %d", most.name, most.methods, len(most.files))
}

// nowhere imports nothing: only the package's own names are resolved.
type nowhere struct{}

func (nowhere) Import(path string) (*types.Package, error) {
	return nil, errors.New("not imported: " + path)
}

// upwards counts the calls between files, and those that run upwards.
func upwards(fset *token.FileSet, files []*ast.File) (calls, up int) {
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	cfg := types.Config{Importer: nowhere{}, Error: func(error) {}}
	_, _ = cfg.Check("p", fset, files, &info)
	place := map[string]int{}
	for i, f := range files {
		place[fset.Position(f.FileStart).Filename] = i
	}
	weights := make([][]int, len(files)) // weights[a][b]: calls from a to b
	for i := range weights {
		weights[i] = make([]int, len(files))
	}
	for i, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if to, ok := place[fset.Position(callee(info, call.Fun)).Filename]; ok && to != i {
				weights[i][to]++
				calls++
			}
			return true
		})
	}
	return calls, fewest(weights)
}

// callee returns where the function that is called is declared.
func callee(info types.Info, fun ast.Expr) token.Pos {
	switch x := fun.(type) {
	case *ast.IndexExpr:
		return callee(info, x.X)
	case *ast.SelectorExpr:
		return callee(info, x.Sel)
	case *ast.Ident:
		if f, ok := info.Uses[x].(*types.Func); ok {
			return f.Origin().Pos()
		}
	}
	return token.NoPos
}

// fewest returns how many calls run upwards in the best order that moving single files finds.
func fewest(weights [][]int) int {
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	cost := func(order []int) (n int) {
		for i, below := range order {
			for _, above := range order[:i] {
				n += weights[below][above]
			}
		}
		return n
	}
	best := cost(order)
	for improved := true; improved; {
		improved = false
		for from := range order {
			for to := range order {
				moved := slices.Delete(slices.Clone(order), from, from+1)
				moved = slices.Insert(moved, to, order[from])
				if c := cost(moved); c < best {
					best, order, improved = c, moved, true
				}
			}
		}
	}
	return best
}
