package fromcache

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
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

// Validate names every field that is wrong, and the remedy. exists says whether there is such a region.
func (p Policy) Validate(exists func(region string) error) error {
	if p.Off {
		if p != (Policy{Off: true}) {
			return errors.New("the policy is Off, and sets other fields: leave one of them out")
		}
		return nil
	}
	var errs []error
	if err := exists(p.region()); err != nil {
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

func (p Policy) region() string {
	if p.Region == "" {
		return DefaultRegion
	}
	return p.Region
}

// covers tells that the policy is for an operation, which is only asked for if that depends on it.
func (p Policy) covers(op func() Operations) bool {
	return p.Operations == 0 || p.Operations == allOperations || p.Operations&op() != 0
}

// scope is what the policy makes of a query on that table.
func (p Policy) scope(table string) *Cached {
	return &Cached{region: p.region(), ttl: p.TTL, policy: true, own: table}
}

// exists says whether an engine has a region.
func exists(e *engine.Engine) func(string) error {
	return func(name string) error {
		_, err := e.Region(name)
		return err
	}
}
