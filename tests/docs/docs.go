// Package docs checks the documentation against the code: the README's Go is code that runs, its
// commands exist, and its links lead somewhere.
package docs
