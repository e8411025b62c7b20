package fromcache

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// DefaultRegion is the region of a [Policy] that names none.
const DefaultRegion = "default"

// Policy sends the queries of a model through the cache without a word in the queries themselves. It stands in
// gormcache.Config.Models, or is what the model's method CachePolicy returns. A query that has a scope of its
// own goes by that; Bypass() as a clause leaves the cache alone.
//
// A policy makes no query fail. What can't be answered from the cache is answered by the database, as with a
// scope; a policy that is wrong is an error of New, or, if it is a method's, of the model's queries.
type Policy struct {
	// Region is the region to read through. Defaults to "default".
	Region string

	// Operations are the kinds of queries it is for, such as Get|Count; others are left alone. Defaults to
	// all.
	Operations Operations

	// TTL takes the place of the region's. region.NoExpiration is allowed. Defaults to that of the region.
	TTL time.Duration

	// Off leaves the model's queries alone, where a less specific policy would cache them. Of a table by its
	// name it does so for every query by policy that reads it, in joins and subqueries too.
	Off bool
}

// Policied is implemented by models, by value or by pointer, that have a policy of their own. It is asked
// once, of an empty model. In Config.Models the model's or table's name, or a pattern, takes its place; it
// takes that of "*".
type Policied interface {
	CachePolicy() Policy
}

// Validate names every field that is wrong, and the remedy. exists reports whether there is such a region.
func (p Policy) Validate(exists func(region string) error) error {
	if p.Off {
		if p != (Policy{Off: true}) {
			return errors.New("the policy is Off, and sets other fields: leave one of them out")
		}
		return nil
	}
	var errs []error
	if err := exists(cmp.Or(p.Region, DefaultRegion)); err != nil {
		errs = append(errs, fmt.Errorf("Region: %w", err))
	}
	if p.Operations&^allOperations != 0 {
		errs = append(errs, fmt.Errorf("Operations is %#x: use Get, List, Count and Relation, joined by |", uint8(p.Operations)))
	}
	if p.TTL < 0 {
		errs = append(errs, fmt.Errorf("TTL is %s: it must be positive (0 for the region's, region.NoExpiration for no limit)", p.TTL))
	}
	return errors.Join(errs...)
}
