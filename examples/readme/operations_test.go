package readme

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

func TestInspect(t *testing.T) {
	db, cache := shop(t)
	var users []User
	check(t, db.Clauses(fromcache.Region("default")).Find(&users).Error)
	mux := http.NewServeMux()
	// docs: inspect
	mux.HandleFunc("GET /debug/cache", func(w http.ResponseWriter, r *http.Request) {
		state, err := cache.Inspect(r.Context(), r.URL.Query()["table"]...)
		fmt.Fprintln(w, state, err) // err: the store does not answer; state is what this process knows
	})
	// docs: end
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/cache?table=users", nil))
	if body := answer.Body.String(); !strings.Contains(body, "shop:t:users") || !strings.Contains(body, "clean") || !strings.Contains(body, "<nil>") {
		t.Errorf("it shows\n%s", body)
	}
}

func TestShutdown(t *testing.T) {
	db, cache := shop(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	// docs: shutdown
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := server.Config.Shutdown(ctx)
	err = errors.Join(err, cache.Close()) // requests that go on longer are answered by the database
	// docs: end
	check(t, err)
	var users []User
	check(t, db.Clauses(fromcache.Region("default")).Find(&users).Error)
}
