package sealed_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store/sealed"
)

func TestNewNamesFieldAndRemedy(t *testing.T) {
	good, secret := key("a"), key("a").Secret
	below := newMemory(t)
	for _, c := range []struct {
		what string
		keys sealed.Keys
		want []string
	}{
		{"nothing set", sealed.Keys{}, []string{"Keys.Current.ID is empty", "Keys.Current.Secret is 0 bytes long: use at least 32"}},
		{"an unknown mode", sealed.Keys{Mode: 3, Current: good}, []string{"Keys.Mode is 3: use sealed.Encrypt or sealed.Sign"}},
		{"a short secret", sealed.Keys{Current: sealed.Key{ID: "a", Secret: secret[:31]}}, []string{"Keys.Current.Secret is 31 bytes long"}},
		{"a secret never set", sealed.Keys{Current: sealed.Key{ID: "a", Secret: make([]byte, 32)}}, []string{"Keys.Current.Secret is one byte repeated"}},
		{"a long id", sealed.Keys{Current: sealed.Key{ID: strings.Repeat("i", 33), Secret: secret}}, []string{"Keys.Current.ID is 33 bytes long: use at most 32"}},
		{"an odd id", sealed.Keys{Current: sealed.Key{ID: "a b", Secret: secret}}, []string{`Keys.Current.ID has ' ' at 1: use A-Z`}},
		{"another's id", sealed.Keys{Current: good, Others: []sealed.Key{key("b"), key("a")}}, []string{`Keys.Others[1].ID "a" is that of Keys.Current`}},
		{"two wrong ones", sealed.Keys{Current: good, Others: []sealed.Key{{ID: "b"}, {Secret: secret}}},
			[]string{"Keys.Others[0].Secret is 0 bytes", "Keys.Others[1].ID is empty"}},
	} {
		s, err := sealed.New(below, c.keys)
		if err == nil || s != nil {
			t.Errorf("%s: accepted", c.what)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.what, err, want)
			}
		}
		if strings.Contains(err.Error(), "secret of") {
			t.Errorf("%s: the secret is shown: %v", c.what, err)
		}
	}
	if _, err := sealed.New(nil, sealed.Keys{Current: good}); err == nil || !strings.Contains(err.Error(), "store is nil") {
		t.Errorf("no store: %v", err)
	}
}

func TestLimitsOfIDsAndSecrets(t *testing.T) {
	for _, mode := range modes {
		k := sealed.Key{ID: strings.Repeat("i", sealed.MaxIDSize), Secret: bytes.Repeat([]byte("0123456789"), 100)}
		s := seal(t, newMemory(t), sealed.Keys{Mode: mode, Current: k})
		set(t, s, "k", []byte("v"))
		if v := get(t, s, "k"); string(v) != "v" {
			t.Errorf("%v: %q", mode, v)
		}
	}
}

func TestPrintingAKeyHidesItsSecret(t *testing.T) {
	keys := sealed.Keys{Current: key("a"), Others: []sealed.Key{key("b")}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{keys, &keys, keys.Current} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "secret of") || strings.Contains(text, fmt.Sprint(keys.Current.Secret[5:9])[1:8]) {
				t.Errorf("%s of %T: %s", verb, v, text)
			}
		}
	}
}

// The caller may wipe the secret once the store is made.
func TestSecretsAreNotKept(t *testing.T) {
	for _, mode := range modes {
		below := newMemory(t)
		k := key("a")
		s := seal(t, below, sealed.Keys{Mode: mode, Current: k})
		clear(k.Secret)
		set(t, s, "k", []byte("v"))
		if v := get(t, seal(t, below, sealed.Keys{Mode: mode, Current: key("a")}), "k"); string(v) != "v" {
			t.Errorf("%v: sealed with the wiped secret", mode)
		}
	}
}
