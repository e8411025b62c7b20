package users

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// instance is a process of the service.
type instance struct {
	*servers.Program
	url string
}

var serving = regexp.MustCompile(`(?m)^Serving (http://\S+),`)

// start starts an instance that does not pause, unless args say so.
func start(t *testing.T, args ...string) *instance {
	t.Helper()
	args = append([]string{"-addr", "127.0.0.1:0", "-read-delay", "0", "-write-delay", "0"}, args...)
	in := &instance{Program: servers.Run(t, program, args...)}
	lab.Eventually(t, "the address in the output of the service", func() bool {
		if !in.Running() {
			t.Fatalf("the service has ended:\n%s", in.Output(t))
		}
		found := serving.FindStringSubmatch(in.Output(t))
		if found != nil {
			in.url = found[1]
		}
		return found != nil
	})
	return in
}

// pair starts two instances on one Redis and one database, each with its arguments after those of both. Join starts
// one more.
func pair(t *testing.T, both, first, second []string) (a, b *instance, join func(args ...string) *instance) {
	t.Helper()
	shared := slices.Concat([]string{"-redis", servers.Redis(t).Addr, "-db", filepath.Join(t.TempDir(), "users.db")}, both)
	join = func(args ...string) *instance {
		t.Helper()
		return start(t, slices.Concat(shared, args)...)
	}
	return join(first...), join(second...), join
}

// await waits until the instance has logged a line about a user.
func (in *instance) await(t *testing.T, line string) {
	t.Helper()
	lab.Eventually(t, line, func() bool { return strings.Contains(in.Output(t), line) })
}

// loads returns how often the instance has read the database.
func (in *instance) loads(t *testing.T) int {
	t.Helper()
	return strings.Count(in.Output(t), "reading the database")
}

// answer is what a request was answered with.
type answer struct {
	status int
	cache  string
	body   string
	header http.Header
	err    error
}

// short is the part of an answer that tests compare: its status, what the cache did, and the body.
func (a answer) short() string {
	if a.err != nil {
		return a.err.Error()
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", a.status, a.cache, a.body))
}

// ask sends a request, and gives up when ctx ends.
func (in *instance) ask(ctx context.Context, method, path, body string) (a answer) {
	req, err := http.NewRequestWithContext(ctx, method, in.url+path, bytes.NewBufferString(body))
	if err != nil {
		return answer{err: err}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header.Get("X-Cache"), strings.TrimSpace(string(text)), res.Header, err}
}

// want sends a request, compares the answer's short form, and the answer with the description of the service.
func (in *instance) want(t *testing.T, method, path, body, want string) {
	t.Helper()
	got := in.ask(t.Context(), method, path, body)
	if got.short() != want {
		t.Errorf("%s %s %s: %s\nwant %s", method, path, body, got.short(), want)
	}
	described(t, method, path, got)
}

// later sends a request, and gives its answer by the channel.
func (in *instance) later(ctx context.Context, method, path, body string) <-chan answer {
	answers := make(chan answer, 1)
	go func() { answers <- in.ask(ctx, method, path, body) }()
	return answers
}

// description is the part of an OpenAPI text that can be compared with answers.
type description struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]json.RawMessage
}

func describe(t *testing.T) (d description) {
	t.Helper()
	text, err := os.ReadFile("../../examples/users/docs/openapi.json")
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// described checks that the OpenAPI text has the answer's status, and that answers are JSON.
func described(t *testing.T, method, path string, a answer) {
	t.Helper()
	if a.err != nil {
		return
	}
	if got := a.header.Get("Content-Type"); got != "application/json" || !json.Valid([]byte(a.body)) {
		t.Errorf("%s %s: %s %q is no JSON", method, path, got, a.body)
	}
	if path != "/users/" {
		path = "/users/{id}"
	}
	operation, ok := describe(t).Paths[path][strings.ToLower(method)]
	if !ok {
		if a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s is answered by %d, and not described", method, path, a.status)
		}
		return
	}
	var responses struct{ Responses map[string]any }
	if err := json.Unmarshal(operation, &responses); err != nil {
		t.Fatal(err)
	}
	if _, ok := responses.Responses[fmt.Sprint(a.status)]; !ok {
		t.Errorf("%s %s: status %d is not described", method, path, a.status)
	}
}

// user is a body for the user of that name.
func user(name string) string {
	return fmt.Sprintf(`{"name": %q, "email": "%s@example.com"}`, name, strings.ToLower(name))
}

// is is how a user of that name is shown.
func is(id int, name string) string {
	return fmt.Sprintf(`{"id":%d,"name":%q,"email":"%s@example.com"}`, id, name, strings.ToLower(name))
}
