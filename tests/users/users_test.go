package users

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

const (
	busy   = `226  {"status":"update in progress"}`
	absent = `{"error":"there is no such user"}`
	taken  = `409  {"error":"another user has this email"}`
)

// The store in the process: falls if reads are not cached, or updates not reset.
func TestUserIsReadOnceUntilItIsUpdated(t *testing.T) {
	in := start(t)
	created := in.ask(t.Context(), "POST", "/users/", user("Ada"))
	if got := created.header.Get("Location"); created.status != http.StatusCreated || got != "/users/1" {
		t.Fatalf("POST: %s, Location %q", created.short(), got)
	}
	in.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
	in.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada"))
	if n := in.loads(t); n != 1 {
		t.Errorf("%d loads for two reads, want 1", n)
	}
	in.want(t, "PUT", "/users/1", user("Bo"), "200  "+is(1, "Bo"))
	in.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Bo"))
	in.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Bo"))
}

// Falls if an error is cached.
func TestAbsentUserIsNotCached(t *testing.T) {
	in := start(t)
	if a := in.ask(t.Context(), "GET", "/users/1", ""); a.status != 404 || a.body != absent {
		t.Errorf("a user that is not there: %s", a.short())
	}
	in.want(t, "PUT", "/users/1", user("Ada"), "404  "+absent)
	in.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	in.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
}

// Falls if a miss does not take the delay of reads. A hit does not read, as TestUserIsReadOnceUntilItIsUpdated shows.
func TestMissTakesTheDelay(t *testing.T) {
	const delay = 300 * time.Millisecond
	in := start(t, "-read-delay", delay.String())
	in.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	begin := time.Now()
	in.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
	if took := time.Since(begin); took < delay {
		t.Errorf("a miss took %s, want %s at least", took, delay)
	}
}

// Falls if what one instance has read is a miss in another, or if one that starts later drops it.
func TestInstancesShareWhatTheyRead(t *testing.T) {
	a, b, join := pair(t, nil, nil, nil)
	a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	a.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
	b.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada"))
	join().want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada"))
}

// Falls if a user who is being read by one instance is read by the other one, too.
func TestInstancesReadOnceTogether(t *testing.T) {
	a, b, _ := pair(t, []string{"-read-delay", "500ms"}, nil, nil)
	a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	first := a.later(t.Context(), "GET", "/users/1", "")
	a.await(t, "reading the database")
	b.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada"))
	if got, want := (<-first).short(), "200 miss "+is(1, "Ada"); got != want {
		t.Errorf("the first read: %s, want %s", got, want)
	}
	if n := a.loads(t) + b.loads(t); n != 1 {
		t.Errorf("the database was read %d times, want once", n)
	}
}

// The database is made anew, the Redis is not. Falls if the users of the old database are still served.
func TestNewDatabaseHasNoCachedUsers(t *testing.T) {
	redis, path := servers.Redis(t), filepath.Join(t.TempDir(), "users.db")
	again := func() *instance { return start(t, "-redis", redis.Addr, "-db", path) }
	in := again()
	in.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	in.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
	in.Terminate(t)
	in.Wait()
	in = again()
	in.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada")) // the same database
	in.Terminate(t)
	in.Wait()
	lab.Must(t, os.Remove(path))
	in = again()
	in.want(t, "POST", "/users/", user("Bo"), "201  "+is(1, "Bo"))
	in.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Bo"))
}

// An update runs in A. Falls if B may update the same user meanwhile, or may not update another one; if reads wait for
// the update, or show it before it has committed; if one of the two shows the old user afterwards.
func TestUpdateRunsOnceInAllInstances(t *testing.T) {
	for name, mode := range map[string][]string{"reset": nil, "tables": {"-tables"}} {
		t.Run(name, func(t *testing.T) {
			a, b, _ := pair(t, mode, []string{"-write-delay", "1s"}, nil)
			a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
			a.want(t, "POST", "/users/", user("Eve"), "201  "+is(2, "Eve"))
			b.want(t, "PUT", "/users/2", user("Eva"), "200  "+is(2, "Eva"))
			a.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))

			update := a.later(t.Context(), "PUT", "/users/1", user("Bo"))
			a.await(t, "updating user=1")
			b.want(t, "PUT", "/users/1", user("Cy"), busy)
			a.want(t, "PUT", "/users/1", user("Cy"), busy)
			b.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada"))
			b.want(t, "PUT", "/users/2", user("Eve"), "200  "+is(2, "Eve"))

			if got, want := (<-update).short(), "200  "+is(1, "Bo"); got != want {
				t.Errorf("the update in A: %s, want %s", got, want)
			}
			b.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Bo"))
			a.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Bo"))
			b.want(t, "PUT", "/users/1", user("Cy"), "200  "+is(1, "Cy"))
		})
	}
}

// Readers come all the time, and so in between a reset and a commit too, where the two are in the wrong order: the old user
// would be stored after the reset, and stay. Falls if a read that starts after an update was answered gives what was before.
func TestReadersLeaveNothingOldBehind(t *testing.T) {
	for name, mode := range map[string][]string{"reset": nil, "tables": {"-tables"}} {
		t.Run(name, func(t *testing.T) {
			a, b, _ := pair(t, mode, nil, nil)
			a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
			reading, stop := context.WithCancel(t.Context())
			var readers sync.WaitGroup
			for _, in := range []*instance{a, b, a, b} {
				readers.Go(func() {
					for reading.Err() == nil {
						_ = in.ask(reading, "GET", "/users/1", "")
					}
				})
			}
			defer readers.Wait()
			defer stop()
			for i := range 20 {
				writer, reader := a, b
				if i%2 == 1 {
					writer, reader = b, a
				}
				name := fmt.Sprintf("U%d", i)
				writer.want(t, "PUT", "/users/1", user(name), "200  "+is(1, name))
				if got := reader.ask(t.Context(), "GET", "/users/1", ""); got.body != is(1, name) {
					t.Fatalf("after the update to %s: %s", name, got.short())
				}
			}
		})
	}
}

// Falls if a reset drops other users; or if a table that is named does not drop them all, whatever is written to it.
func TestWhatAnUpdateDrops(t *testing.T) {
	for _, c := range []struct {
		mode         []string
		other, added string
	}{
		{nil, "hit", "hit"},
		{[]string{"-tables"}, "miss", "miss"},
	} {
		a, b, _ := pair(t, c.mode, nil, nil)
		a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
		a.want(t, "POST", "/users/", user("Eve"), "201  "+is(2, "Eve"))
		a.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
		b.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada"))
		b.want(t, "PUT", "/users/2", user("Eva"), "200  "+is(2, "Eva"))
		a.want(t, "GET", "/users/1", "", "200 "+c.other+" "+is(1, "Ada"))
		b.want(t, "POST", "/users/", user("Zoe"), "201  "+is(3, "Zoe"))
		a.want(t, "GET", "/users/1", "", "200 "+c.added+" "+is(1, "Ada"))
	}
}

// Falls if an update that is rolled back drops or changes what is cached.
func TestRolledBackUpdateLeavesTheCachedUser(t *testing.T) {
	for name, mode := range map[string][]string{"reset": nil, "tables": {"-tables"}} {
		t.Run(name, func(t *testing.T) {
			a, b, _ := pair(t, mode, nil, nil)
			a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
			a.want(t, "POST", "/users/", user("Eve"), "201  "+is(2, "Eve"))
			a.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
			a.want(t, "PUT", "/users/1", user("Eve"), taken)
			b.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada"))
			a.want(t, "PUT", "/users/1", user("Bo"), "200  "+is(1, "Bo")) // the lock is free
		})
	}
}

// A client goes away while its update runs. Falls if the update is written, or its lock stays.
func TestClientThatGoesAwayUndoesItsUpdate(t *testing.T) {
	a, b, _ := pair(t, nil, []string{"-write-delay", "1h", "-lock-ttl", "1h"}, nil)
	a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	a.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	update := a.later(ctx, "PUT", "/users/1", user("Bo"))
	a.await(t, "updating user=1")
	b.want(t, "PUT", "/users/1", user("Cy"), busy)
	leave()
	<-update
	a.await(t, "the client has gone")
	b.want(t, "GET", "/users/1", "", "200 hit "+is(1, "Ada"))
	b.want(t, "PUT", "/users/1", user("Cy"), "200  "+is(1, "Cy"))
}

// A is killed in the middle of an update. Falls if its lock outlives its TTL, or ends with the process, or if the update
// was written.
func TestLockOfAKilledUpdateEndsByItsTTL(t *testing.T) {
	const ttl = 1500 * time.Millisecond
	a, b, _ := pair(t, []string{"-lock-ttl", ttl.String()}, []string{"-write-delay", "1h"}, nil)
	a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	_ = a.later(t.Context(), "PUT", "/users/1", user("Bo"))
	a.await(t, "updating user=1")
	a.Kill()
	killed := time.Now()
	b.want(t, "PUT", "/users/1", user("Cy"), busy)
	b.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
	lab.Eventually(t, "the end of the lock", func() bool {
		return b.ask(t.Context(), "PUT", "/users/1", user("Cy")).short() == "200  "+is(1, "Cy")
	})
	if after := time.Since(killed); after > 2*ttl {
		t.Errorf("the lock outlived its process by %s, want its TTL, %s, at most", after, ttl)
	}
	b.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Cy"))
}

// Falls if a request under way is cut off when the service is told to end, or if its temporary files stay.
func TestShutdownWaitsForRequests(t *testing.T) {
	in := start(t, "-write-delay", "500ms")
	in.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	update := in.later(t.Context(), "PUT", "/users/1", user("Bo"))
	in.await(t, "updating user=1")
	in.Terminate(t)
	if got, want := (<-update).short(), "200  "+is(1, "Bo"); got != want {
		t.Errorf("the update under way: %s, want %s", got, want)
	}
	if status := in.Wait(); status != 0 {
		t.Errorf("exit status %d:\n%s", status, in.Output(t))
	}
	if left, _ := filepath.Glob(filepath.Join(in.Dir, "gormcache-users-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// Falls if the service starts where it could not work, or does not say why.
func TestStartTellsWhatIsWrong(t *testing.T) {
	in := start(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-addr", strings.TrimPrefix(in.url, "http://")}, "-addr sets another address"},
		{[]string{"-redis", "127.0.0.1:1"}, "no Redis at 127.0.0.1:1"},
		{[]string{"-db", "no/such/folder/users.db"}, "no/such/folder/users.db"},
		{[]string{"-lock-ttl", "0"}, "-lock-ttl is 0s"},
		{[]string{"-read-delay", "slow"}, "read-delay"},
		{[]string{"redis"}, "there are flags only"},
	} {
		p := servers.Run(t, program, append([]string{"-addr", "127.0.0.1:0"}, c.args...)...)
		if status, out := p.Wait(), p.Output(t); status == 0 || !strings.Contains(out, c.want) {
			t.Errorf("%q: exit status %d, want %q in\n%s", c.args, status, c.want, out)
		}
	}
}

// Falls if readers get errors because the Redis is down, since the database is there; or if an update runs then, since
// nobody knows whether another one does.
func TestReadsNeedNoRedisAndUpdatesDo(t *testing.T) {
	redis := servers.Redis(t)
	a := start(t, "-redis", redis.Addr)
	a.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	a.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada"))
	redis.Kill()
	if got := a.ask(t.Context(), "GET", "/users/1", ""); got.status != 200 || got.body != is(1, "Ada") {
		t.Errorf("a read without the Redis: %s", got.short())
	}
	a.want(t, "PUT", "/users/1", user("Bo"), `503  {"error":"the Redis that keeps updates apart does not answer: try again later"}`)
	if got := a.ask(t.Context(), "GET", "/users/1", ""); got.body != is(1, "Ada") {
		t.Errorf("after an update that was refused: %s", got.short())
	}
}

func TestBadRequestsAreToldWhy(t *testing.T) {
	in := start(t)
	in.want(t, "POST", "/users/", user("Ada"), "201  "+is(1, "Ada"))
	for _, c := range []struct {
		method, path, body string
		status             int
		why                string
	}{
		{"POST", "/users/", "", 400, "the body must be a JSON object"},
		{"POST", "/users/", `{"name": "Ada"`, 400, "the body must be a JSON object"},
		{"POST", "/users/", `[]`, 400, "the body must be a JSON object"},
		{"POST", "/users/", `null`, 400, "name has 0 characters"},
		{"POST", "/users/", user("Bo") + "x", 400, "invalid character 'x'"},
		{"POST", "/users/", user("Bo") + user("Cy"), 400, "something follows"},
		{"POST", "/users/", `{"name": "Bo", "email": "bo@example.com", "id": 7}`, 400, `unknown field \"id\"`},
		{"POST", "/users/", `{"name": " ", "email": "bo"}`, 400, "name has 0 characters"},
		{"POST", "/users/", `{"name": " ", "email": "bo"}`, 400, `email is \"bo\"`},
		{"POST", "/users/", `{"name": "` + strings.Repeat("é", 101) + `", "email": "bo@example.com"}`, 400, "name has 101 characters"},
		{"POST", "/users/", `{"name": "Bo", "email": "Bo <bo@example.com>"}`, 400, "email is"},
		{"POST", "/users/", strings.Repeat(" ", 20<<10), 413, "larger than"},
		{"POST", "/users/", user("Bo") + strings.Repeat(" ", 20<<10), 413, "larger than"},
		{"POST", "/users/", user("Ada"), 409, "another user has this email"},
		{"PUT", "/users/1", `{"name": ""}`, 400, "name has 0"},
		{"PUT", "/users/one", user("Bo"), 400, "whole number"},
		{"PUT", "/users/2", user("Bo"), 404, "no such user"},
		{"GET", "/users/0", "", 400, "whole number"},
		{"GET", "/users/99999999999999999999", "", 400, "whole number"},
		{"GET", "/users/2", "", 404, "no such user"},
		{"DELETE", "/users/1", "", 405, "takes GET, HEAD, PUT only"},
		{"GET", "/users/", "", 405, "takes POST only"},
	} {
		got := in.ask(t.Context(), c.method, c.path, c.body)
		if got.status != c.status || !strings.Contains(got.body, c.why) || !strings.HasPrefix(got.body, `{"error":`) {
			t.Errorf("%s %s %.60s: %s\nwant %d with %q", c.method, c.path, c.body, got.short(), c.status, c.why)
		}
		described(t, c.method, c.path, got)
	}
	in.want(t, "GET", "/users/1", "", "200 miss "+is(1, "Ada")) // nothing was changed
}

// A page of another site could otherwise write here, through the browser of somebody who runs the example.
func TestOtherSitesCannotWrite(t *testing.T) {
	in := start(t)
	req, err := http.NewRequestWithContext(t.Context(), "POST", in.url+"/users/", strings.NewReader(user("Ada")))
	lab.Must(t, err)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := http.DefaultClient.Do(req)
	lab.Must(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusForbidden || !strings.HasPrefix(string(text), `{"error":`) {
		t.Errorf("status %d, %s (%v), want 403", res.StatusCode, text, err)
	}
	in.want(t, "GET", "/users/1", "", "404 miss "+absent)
}

// Falls if the text is not OpenAPI 3.1, or lacks one of the requests.
func TestDescriptionIsServed(t *testing.T) {
	in := start(t)
	got := in.ask(t.Context(), "GET", "/docs/openapi.json", "")
	d := describe(t)
	if got.status != 200 || !strings.HasPrefix(d.OpenAPI, "3.1.") || !strings.Contains(got.body, `"openapi": "`+d.OpenAPI) {
		t.Errorf("%d, OpenAPI %q", got.status, d.OpenAPI)
	}
	for path, methods := range map[string][]string{"/users/": {"post"}, "/users/{id}": {"get", "put"}} {
		for _, method := range methods {
			if d.Paths[path][method] == nil {
				t.Errorf("%s %s is not described", method, path)
			}
		}
	}
}
