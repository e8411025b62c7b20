// Package readme holds the code that README.md shows. Each piece stands between two comments, `docs:`
// with a name and `docs: end`; a test in tests/docs compares it with the README. All of it runs.
package readme
