// Package sealed is a store that keeps others from reading or forging cached entries: it seals entries on their way into
// the store behind it, and opens them on their way out.
//
//	cached read <--- open ---+             +--- sealed entry ---- Redis
//	                         +-- sealed ---+
//	fill ---------- seal ----+             +--- tags, as they are
//
// Two modes. [Encrypt] hides an entry and protects it (AES-256-GCM); [Sign] leaves it readable and
// protects it (HMAC-SHA-256). Both bind it to its own key in the store, so that an entry moved to
// another key is refused. An entry that does not open is a miss, counted by [Store.Rejected]: a byte
// was changed, the entry belongs to another key, the secret is unknown, the mode differs, or the entry was never sealed.
//
// Tags, their tokens and marks, and claims are not sealed. Tokens and marks are random values and hold no data, and the store itself
// must be able to change them. Visible remain the names of tables in tags, the size of an entry and the times of its use.
// An attacker who may write to the store can bring back an old entry together with the old tokens of its tags: sealing
// proves who wrote an entry, not when.
//
// # Format
//
//	0  2  magic "gs"
//	2  1  format version
//	3  1  mode: 1 encrypted, 2 signed
//	4  1  n, the length of the secret's id
//	5  n  the id
//	      encrypted: 24 nonce, then the ciphertext, 16 tag
//	      signed:    the entry, 32 tag
//
// The tag covers all before it, and the key in the store. What the two modes work with is derived from
// the secret by HKDF-SHA-256, so that no key serves two algorithms.
//
// # Nonces
//
// AES-GCM with random nonces of 96 bits is safe for 2^32 entries under one key, and nobody would count:
// ten servers that fill a thousand entries per second each reach that number after five days. So nonces have 192
// bits, and each entry a key of its own, derived from the secret's and the first half of the nonce
// (XAES-256-GCM, https://c2sp.org/XAES-256-GCM). That is safe for 2^80 entries, at the price of a
// microsecond or two. Secrets are changed when they may have leaked, not because they are used up.
package sealed
