package replay

// MaxPlans is maxPlans, for the tests.
const MaxPlans = maxPlans

// Plans returns the number of plans that r keeps.
func Plans(r *Replayer) (n int) {
	for _, list := range *r.plans.byType.Load() {
		n += len(list)
	}
	return n
}
