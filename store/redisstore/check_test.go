package redisstore

import "testing"

type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func TestWhichRepliesAreFinal(t *testing.T) {
	for text, final := range map[string]bool{
		// Redis 6.2
		"ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'": true,
		// without EVAL
		"ERR unknown command `EVAL`, with args beginning with: ": true,
		"ERR max number of clients reached":                      false,
		"BUSY Redis is busy running a script.":                   false,
		"LOADING Redis is loading the dataset in memory":         false,
		"OOM command not allowed when used memory > 'maxmemory'": false,
	} {
		if got := noScripting(reply(text)); got != final {
			t.Errorf("%q: final is %v, want %v", text, got, final)
		}
	}
}
