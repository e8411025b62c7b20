package replay

// MaxPlans is maxPlans, for the tests.
const MaxPlans = maxPlans

// Plans returns the number of plans that r keeps.
func Plans(r *Replayer) int { return r.plans.made.Len() }
