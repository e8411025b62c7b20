// Package observe is what a program can see of its cache: counters ([Stats]), callbacks ([Hooks]) and
// the words both use ([Outcome], [Reason]).
package observe
