package servers

import "testing"

var chromiumProgram = program{name: "chromium", debian: "chromium"}

// Chromium returns the path of a browser for tests of pages. Where there is none the test ends, as with servers.
func Chromium(tb testing.TB) string {
	tb.Helper()
	return chromiumProgram.find(tb)
}
