// Package limits shows where the promise of fresh reads ends: each test makes one of the ways of CAVEATS.md
// happen. The read that is too old must really happen, end within the bound, and not happen with the
// remedy. A test that fails because a read is fresh means that the caveat is no longer true.
package limits
