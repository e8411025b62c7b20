package fromcache_test

import (
	"net/http"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

// A middleware: equal reads of one HTTP request are answered once.
func ExampleInRequest() {
	inRequest := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(fromcache.InRequest(r.Context())))
		})
	}
	mux := http.NewServeMux() // its handlers use db.WithContext(r.Context())
	_ = http.Server{Handler: inRequest(mux)}
}
