package main

import (
	"strings"
	"testing"
)

func TestConclude(t *testing.T) {
	const (
		start = `{"Action":"start","Package":"p"}`
		pass  = `{"Action":"pass","Package":"p","Test":"A"}`
		end   = `{"Action":"pass","Package":"p"}`
	)
	tests := []struct {
		name string
		log  []string
		want bool
		says string
	}{
		{"all passed", []string{start, pass, end}, true, "1 tests"},
		{"other output between", []string{"make: hello", start, pass, end}, true, "make: hello"},
		{"a test skipped", []string{start, pass, `{"Action":"skip","Package":"p","Test":"B"}`, end}, false, "SKIP p B"},
		{"a test failed", []string{
			start, `{"Action":"output","Package":"p","Test":"A","Output":"why"}`,
			`{"Action":"fail","Package":"p","Test":"A"}`, `{"Action":"fail","Package":"p"}`,
		}, false, "why"},
		{"a race in the output of a test that passes", []string{
			start, `{"Action":"output","Package":"p","Test":"A","Output":"==================\n"}`,
			`{"Action":"output","Package":"p","Test":"A","Output":"WARNING: DATA RACE\n"}`,
			`{"Action":"output","Package":"p","Test":"A","Output":"Write at here\n"}`,
			`{"Action":"output","Package":"p","Test":"A","Output":"==================\n"}`, pass, end,
		}, true, "Write at here"},
		{"a package without tests", []string{start, pass, end, `{"Action":"start","Package":"q"}`, `{"Action":"skip","Package":"q"}`}, true, "1 tests"},
		{"a build failed", []string{start, pass, end, `{"Action":"build-fail","ImportPath":"q"}`}, false, "build q"},
		{"cut short", []string{start, pass}, false, "NO END p"},
		{"nothing ran", nil, false, "no test ran"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			v := newVerdict(&out)
			if err := v.read(strings.NewReader(strings.Join(test.log, "\n"))); err != nil {
				t.Fatal(err)
			}
			if got := v.conclude(); got != test.want {
				t.Errorf("conclude = %v, want %v; it said:\n%s", got, test.want, out.String())
			}
			if !strings.Contains(out.String(), test.says) {
				t.Errorf("it does not say %q but:\n%s", test.says, out.String())
			}
		})
	}
}
