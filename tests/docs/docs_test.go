package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root     = "../.."
	snippets = root + "/examples/readme"
)

// files returns the Markdown files of the repository.
func files(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 5 {
		t.Fatalf("only %d Markdown files found: %v", len(all), all)
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is a fenced piece of code in a document.
type block struct {
	line     int
	language string
	name     string // from the comment above it
	code     string
}

var nameComment = regexp.MustCompile(`^<!-- docs: (.+) -->$`)

// blocks returns the fenced blocks of a document.
func blocks(text string) (all []block) {
	var (
		lines = strings.Split(text, "\n")
		open  *block
	)
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "```") && open == nil:
			open = &block{line: i + 1, language: strings.TrimPrefix(line, "```")}
			if i > 0 {
				if m := nameComment.FindStringSubmatch(lines[i-1]); m != nil {
					open.name = m[1]
				}
			}
		case strings.HasPrefix(line, "```"):
			all, open = append(all, *open), nil
		case open != nil:
			open.code += line + "\n"
		}
	}
	return all
}

// regions returns the named pieces of the Go files in dir.
func regions(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, path := range paths {
		name, indent := "", ""
		for line := range strings.Lines(read(t, path)) {
			comment, isComment := strings.CutPrefix(strings.TrimSpace(line), "// docs: ")
			switch {
			case isComment && comment == "end":
				name = ""
			case isComment:
				name, indent = comment, line[:strings.Index(line, "/")]
				if _, twice := found[name]; twice {
					t.Errorf("%s: the name %q is taken", path, name)
				}
				found[name] = ""
			case name != "":
				found[name] += strings.TrimPrefix(line, indent)
			}
		}
	}
	return found
}

// TestGoIsCodeThatRuns compares each Go block of the documents with the code it was taken from.
func TestGoIsCodeThatRuns(t *testing.T) {
	pieces := regions(t, snippets)
	shown := map[string]bool{}
	for _, path := range files(t) {
		for _, b := range blocks(read(t, path)) {
			if b.language != "go" {
				continue
			}
			shown[b.name] = true
			if want, known := pieces[b.name]; !known {
				t.Errorf("%s:%d: Go code without a comment `<!-- docs: name -->` that names a piece of %s", path, b.line, snippets)
			} else if b.code != want {
				t.Errorf("%s:%d: %q differs from the code in %s; there it is\n%s", path, b.line, b.name, snippets, want)
			}
		}
	}
	for name := range pieces {
		if !shown[name] {
			t.Errorf("%s: %q is shown nowhere", snippets, name)
		}
	}
}

// TestQuickStartIsShort holds the README to what it promises a newcomer.
func TestQuickStartIsShort(t *testing.T) {
	pieces := regions(t, snippets)
	lines := strings.Count(pieces["quick start"]+pieces["first queries"], "\n")
	if lines == 0 || lines > 16 {
		t.Errorf("the quick start has %d lines, want at most 16", lines)
	}
}

var (
	makeCommand = regexp.MustCompile(`(?m)^make +([a-z]+)`)
	goRun       = regexp.MustCompile(`(?m)go run (?:-v )?(\./[a-z./]+)`)
	makeTarget  = regexp.MustCompile(`(?m)^([a-z]+):`)
)

// TestCommandsExist finds the make targets and programs that the documents tell to run.
func TestCommandsExist(t *testing.T) {
	var targets []string
	for _, m := range makeTarget.FindAllStringSubmatch(read(t, root+"/Makefile"), -1) {
		targets = append(targets, m[1])
	}
	found := 0
	for _, path := range files(t) {
		for _, b := range blocks(read(t, path)) {
			for _, m := range makeCommand.FindAllStringSubmatch(b.code, -1) {
				found++
				if !slices.Contains(targets, m[1]) {
					t.Errorf("%s:%d: there is no `make %s`", path, b.line, m[1])
				}
			}
			for _, m := range goRun.FindAllStringSubmatch(b.code, -1) {
				found++
				if _, err := os.Stat(filepath.Join(root, m[1], "main.go")); err != nil {
					t.Errorf("%s:%d: go run %s: %v", path, b.line, m[1], err)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no command found: the test looks in the wrong place")
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	code    = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
)

// TestLinksLeadSomewhere follows the links within the repository, to their headings too.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, path := range files(t) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, path), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", path, err)
			} else if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s has no heading #%s", path, target, anchor)
			}
		}
	}
}

var notInAnchors = regexp.MustCompile(`[^a-z0-9 _-]`)

// anchors returns the names that a document's headings are linked by.
func anchors(text string) (all []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := notInAnchors.ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

var numbered = regexp.MustCompile(`(?m)^(\d+)\. `)

// TestCaveatsAreNumbered keeps the numbers by which caveats are referred to.
func TestCaveatsAreNumbered(t *testing.T) {
	for i, m := range numbered.FindAllStringSubmatch(read(t, root+"/CAVEATS.md"), -1) {
		if m[1] != fmt.Sprint(i+1) {
			t.Fatalf("caveat %s stands where %d should", m[1], i+1)
		}
	}
}

var (
	caveatTest = regexp.MustCompile("\\*Test:\\*\\s+(`Test\\w+`(?:,\\s+`Test\\w+`)*)")
	testName   = regexp.MustCompile(`Test\w+`)
	testFunc   = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
)

// TestCaveatsAreShown finds the test of each caveat. What can't be shown by one says why.
func TestCaveatsAreShown(t *testing.T) {
	paths, err := filepath.Glob(root + "/tests/*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, path := range paths {
		for _, m := range testFunc.FindAllStringSubmatch(read(t, path), -1) {
			tests[m[1]] = true
		}
	}
	text := read(t, root+"/CAVEATS.md")
	at := numbered.FindAllStringIndex(text, -1)
	if len(at) == 0 {
		t.Fatal("no caveat found: the test looks in the wrong place")
	}
	named := map[string]bool{}
	for i, from := range at {
		caveat := text[from[0]:]
		if i+1 < len(at) {
			caveat = text[from[0]:at[i+1][0]]
		}
		shown := caveatTest.FindAllString(caveat, -1)
		if len(shown) == 0 {
			if !strings.Contains(caveat, "*No test:* ") {
				t.Errorf("caveat %d names no test, nor why there is none: %q", i+1, strings.SplitN(caveat, "\n", 2)[0])
			}
			continue
		}
		for _, name := range testName.FindAllString(strings.ReplaceAll(strings.Join(shown, " "), "*Test:*", ""), -1) {
			named[name] = true
			if !tests[name] {
				t.Errorf("caveat %d: there is no %s in tests", i+1, name)
			}
		}
	}
	for name := range tests {
		if strings.HasPrefix(name, "TestLimit") && !named[name] {
			t.Errorf("no caveat names %s", name)
		}
	}
}
