package sealed

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Mode is how entries are sealed. Its numbers are part of the format.
type Mode uint8

const (
	// Encrypt hides entries and protects them from change (AES-256-GCM). It is the default.
	Encrypt Mode = 1
	// Sign protects entries from change and leaves them readable (HMAC-SHA-256).
	Sign Mode = 2
)

// String returns the mode in lower case.
func (m Mode) String() string {
	switch m {
	case Encrypt:
		return "encrypt"
	case Sign:
		return "sign"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

const (
	// MaxIDSize is the greatest length of a [Key]'s ID.
	MaxIDSize = 32
	// MinSecretSize is the least length of a [Key]'s Secret.
	MinSecretSize = 32
)

// Key is a secret with a name.
type Key struct {
	// ID names the secret within entries, readable by everyone who can read the store: 1 to 32 of
	// A-Z a-z 0-9 _ . -, such as "2026-03". Never use an ID again for another secret.
	ID string
	// Secret is at least 32 random bytes (openssl rand -hex 32), the same in all processes that share
	// the store, and in none that should not.
	Secret []byte
}

// String shows the ID only: a secret must not get into a log.
func (k Key) String() string { return "sealed.Key(" + k.ID + ")" }

// GoString shows the ID only.
func (k Key) GoString() string { return k.String() }

// Keys are the secrets of a [Store], and what they are used for.
//
// To rotate without misses: first make the new key known to all processes by Others, then make it their
// Current, with the old one in Others; drop the old one when entries sealed with it have expired. A key
// that was dropped makes its entries misses.
type Keys struct {
	// Mode is how entries are sealed; those of the other mode do not open. Defaults to Encrypt.
	Mode Mode
	// Current is the key that new entries are sealed with.
	Current Key
	// Others are keys whose entries open too. Defaults to none.
	Others []Key
}

// validate names every field that is wrong, and the remedy. No message shows a secret.
func (k Keys) validate() error {
	var errs []error
	if k.Mode != Encrypt && k.Mode != Sign {
		errs = append(errs, fmt.Errorf("Keys.Mode is %d: use sealed.Encrypt or sealed.Sign", k.Mode))
	}
	errs = append(errs, k.Current.validate("Keys.Current"))
	seen := map[string]string{k.Current.ID: "Keys.Current"}
	for i, other := range k.Others {
		field := fmt.Sprintf("Keys.Others[%d]", i)
		errs = append(errs, other.validate(field))
		if first, twice := seen[other.ID]; twice && other.ID != "" {
			errs = append(errs, fmt.Errorf("%s.ID %q is that of %s: give each secret an ID of its own", field, other.ID, first))
		} else {
			seen[other.ID] = field
		}
	}
	return errors.Join(errs...)
}

func (k Key) validate(field string) error {
	var errs []error
	switch {
	case k.ID == "":
		errs = append(errs, fmt.Errorf("%s.ID is empty: name the secret, such as %q", field, "2026-03"))
	case len(k.ID) > MaxIDSize:
		errs = append(errs, fmt.Errorf("%s.ID is %d bytes long: use at most %d", field, len(k.ID), MaxIDSize))
	default:
		for i := range len(k.ID) {
			if !plain(k.ID[i]) {
				errs = append(errs, fmt.Errorf("%s.ID has %q at %d: use A-Z a-z 0-9 _ . -", field, k.ID[i], i))
				break
			}
		}
	}
	switch {
	case len(k.Secret) < MinSecretSize:
		errs = append(errs, fmt.Errorf("%s.Secret is %d bytes long: use at least %d random ones (openssl rand -hex 32)",
			field, len(k.Secret), MinSecretSize))
	case bytes.Count(k.Secret, k.Secret[:1]) == len(k.Secret):
		errs = append(errs, fmt.Errorf("%s.Secret is one byte repeated: use random ones (openssl rand -hex 32)", field))
	}
	return errors.Join(errs...)
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
}

// derive makes the key of one mode from a secret.
func derive(secret []byte, mode Mode) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "gormcache sealed 1 "+mode.String(), 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return key, nil
}
