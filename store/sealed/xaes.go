package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
)

// Lengths of XAES-256-GCM in bytes.
const (
	saltSize = 12 // the first half of the nonce, which derives the entry's key
	gcmSize  = 28 // the second half, and the tag: what crypto/cipher adds
)

// xaes is XAES-256-GCM (https://c2sp.org/XAES-256-GCM). It is safe for concurrent use.
type xaes struct {
	block  cipher.Block
	subkey [aes.BlockSize]byte // K1 of CMAC
}

func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	x := &xaes{block: block}
	block.Encrypt(x.subkey[:], x.subkey[:])
	var carry byte
	for i := len(x.subkey) - 1; i >= 0; i-- { // doubled in GF(2^128), as CMAC has it
		x.subkey[i], carry = x.subkey[i]<<1|carry, x.subkey[i]>>7
	}
	x.subkey[len(x.subkey)-1] ^= carry * 0b1000_0111
	return x, nil
}

// aead returns AES-256-GCM under the key that belongs to salt. Its nonce, the second half of XAES's, is
// drawn by Seal, which puts it before the ciphertext.
func (x *xaes) aead(salt []byte) (cipher.AEAD, error) {
	var key [2 * aes.BlockSize]byte
	for i := range 2 {
		half := key[i*aes.BlockSize:][:aes.BlockSize]
		half[1], half[2] = byte(i+1), 'X'
		copy(half[4:], salt)
		for j := range half {
			half[j] ^= x.subkey[j]
		}
		x.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal appends nonce, ciphertext and tag to dst.
func (x *xaes) seal(dst, plaintext, data []byte) ([]byte, error) {
	n := len(dst)
	dst = append(dst, make([]byte, saltSize)...)
	_, _ = rand.Read(dst[n:]) // crypto/rand.Read never fails since Go 1.24.
	aead, err := x.aead(dst[n:])
	if err != nil {
		return nil, err
	}
	return aead.Seal(dst, nil, plaintext, data), nil
}

// open returns what was sealed, in new memory, or an error.
func (x *xaes) open(sealed, data []byte) ([]byte, error) {
	size := len(sealed) - saltSize - gcmSize
	if size < 0 {
		return nil, errOpen
	}
	aead, err := x.aead(sealed[:saltSize])
	if err != nil {
		return nil, err
	}
	return aead.Open(make([]byte, 0, size), nil, sealed[saltSize:], data)
}
