package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/lock"
)

// maxBody is the greatest size of a request's body, in bytes.
const maxBody = 16 << 10

// handler returns the routes of the service.
func handler(u *users, log *slog.Logger) http.Handler {
	api := api{users: u, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /users/{$}", api.create)
	mux.HandleFunc("GET /users/{id}", api.read)
	mux.HandleFunc("PUT /users/{id}", api.update)
	mux.HandleFunc("/users/{$}", api.onlyBy("POST"))
	mux.HandleFunc("/users/{id}", api.onlyBy("GET, HEAD, PUT"))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		api.fail(w, r, problem{http.StatusNotFound, "there is nothing at " + r.URL.Path + ", but a page at /docs"})
	})
	docs(mux)
	// A page of another site must not write here through the browser of somebody who runs this.
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.fail(w, r, problem{http.StatusForbidden, "pages of other sites may not write here"})
	}))
	return protection.Handler(mux)
}

// api answers requests. It knows HTTP and JSON, and leaves the rest to users.
type api struct {
	users *users
	log   *slog.Logger
}

func (a api) create(w http.ResponseWriter, r *http.Request) {
	in, err := decode(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	user, err := a.users.create(r.Context(), in)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/users/"+strconv.FormatInt(user.ID, 10))
	a.answer(w, r, http.StatusCreated, user)
}

func (a api) read(w http.ResponseWriter, r *http.Request) {
	id, err := userID(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	ctx, outcome := observed(r.Context())
	user, err := a.users.read.Call(ctx, id)
	if *outcome != 0 {
		w.Header().Set("X-Cache", outcome.String())
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.answer(w, r, http.StatusOK, user)
}

func (a api) update(w http.ResponseWriter, r *http.Request) {
	id, err := userID(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	in, err := decode(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	res, err := a.users.update.Call(r.Context(), change{UserID: id, Input: in})
	switch {
	case err != nil:
		a.fail(w, r, err)
	case res.InProgress:
		a.answer(w, r, http.StatusIMUsed, map[string]string{"status": "update in progress"})
	default:
		a.answer(w, r, http.StatusOK, res.User)
	}
}

// onlyBy answers methods that a path does not have.
func (a api) onlyBy(methods string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", methods)
		a.fail(w, r, problem{http.StatusMethodNotAllowed, r.URL.Path + " takes " + methods + " only"})
	}
}

// userID returns the id in the request's path.
func userID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, problem{http.StatusBadRequest, fmt.Sprintf("user id is %q: it must be a whole number from 1", r.PathValue("id"))}
	}
	return id, nil
}

// decode reads and validates the user in the request's body.
func decode(w http.ResponseWriter, r *http.Request) (Input, error) {
	var in Input
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	body.DisallowUnknownFields()
	err := body.Decode(&in)
	if err == nil {
		switch _, more := body.Token(); {
		case more == nil:
			err = errors.New("something follows the JSON object")
		case !errors.Is(more, io.EOF):
			err = more
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return in, problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", large.Limit)}
	case err != nil:
		return in, problem{http.StatusBadRequest, `the body must be a JSON object such as {"name": "Ada", "email": "ada@example.com"}: ` + err.Error()}
	}
	if err := in.validate(); err != nil {
		return in, problem{http.StatusBadRequest, err.Error()}
	}
	return in, nil
}

// problem is an error that the client is told of.
type problem struct {
	status int
	text   string
}

// Error implements error.
func (p problem) Error() string { return p.text }

// fail answers with an error. What is not the client's is logged, and its cause not shown.
func (a api) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, gorm.ErrRecordNotFound):
		p = problem{http.StatusNotFound, "there is no such user"}
	case errors.Is(err, gorm.ErrDuplicatedKey):
		p = problem{http.StatusConflict, "another user has this email"}
	case errors.Is(err, lock.ErrUnavailable): // and the update has not run
		a.log.Error("no lock", "method", r.Method, "path", r.URL.Path, "err", err)
		p = problem{http.StatusServiceUnavailable, "the Redis that keeps updates apart does not answer: try again later"}
	case r.Context().Err() != nil: // nobody is left to read an answer
		a.log.Info("the client has gone", "method", r.Method, "path", r.URL.Path)
		return
	default:
		a.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		p = problem{http.StatusInternalServerError, "something went wrong here"}
	}
	a.answer(w, r, p.status, map[string]string{"error": p.text})
}

// answer writes v as JSON.
func (a api) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	body := json.NewEncoder(w)
	body.SetEscapeHTML(false) // nobody takes this for HTML, and people read it
	if err := body.Encode(v); err != nil {
		a.log.Info("the answer was not sent", "method", r.Method, "path", r.URL.Path, "err", err)
	}
}
