package main

import (
	"embed"
	"net/http"
)

//go:embed docs
var pages embed.FS

// docs adds the page to try the service with, and its description in OpenAPI 3.1.
func docs(mux *http.ServeMux) {
	for _, path := range []string{"GET /{$}", "GET /docs/{$}"} {
		mux.Handle(path, http.RedirectHandler("/docs", http.StatusFound))
	}
	for path, file := range map[string]string{
		"/docs":              "docs/page.html",
		"/docs/page.css":     "docs/page.css",
		"/docs/page.js":      "docs/page.js",
		"/docs/openapi.json": "docs/openapi.json",
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; frame-ancestors 'none'")
			http.ServeFileFS(w, r, pages, file)
		})
	}
}
