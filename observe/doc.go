// Package observe shows a program what its cache does: counters ([Stats]), callbacks ([Hooks]), explanations
// ([Explanation]), the state of tags ([Inspection]), and the terms that all of them use ([Outcome], [Reason], [Cause]).
package observe
