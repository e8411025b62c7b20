package replay

import (
	"context"
	"reflect"
	"unsafe"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// run is one use of a plan.
type run struct {
	r    *Replayer
	ctx  context.Context
	view *rows.Set
	plan *plan
	// cursor is the cursor of the current step. It is a field because the arguments of setters escape to the heap.
	cursor rows.Cursor
	// err is why rows could not be replayed. All that was set before has been undone.
	err error
}

// intoStruct sets dest from the first row. If a value does not fit, dest is as it was before.
func (u *run) intoStruct(dest reflect.Value) bool {
	if u.view.Len() == 0 {
		return true
	}
	saved := u.plan.saved.Get().(*saved)
	saved.value.Set(dest)
	ok := u.steps(target{base: dest.Addr().UnsafePointer(), n: 1, value: dest})
	if !ok {
		dest.Set(saved.value)
	}
	saved.value.SetZero()
	u.plan.saved.Put(saved)
	return ok
}

// intoSlice sets dest to the rows. As in GORM, a slice with enough capacity is reused and its elements are overwritten;
// any other slice is replaced.
func (u *run) intoSlice(dest reflect.Value) bool {
	n := u.view.Len()
	typ, model := dest.Type(), u.plan.model
	pointers := typ.Elem() != model
	// Not yet in dest: if a value does not fit, GORM must find dest as it was.
	out, reuse := dest, dest.Cap() > 0 && dest.Cap() >= n
	if reuse {
		out = dest.Slice(0, n)
	} else {
		out = reflect.MakeSlice(typ, n, n)
	}
	structs := out
	if pointers {
		structs = reflect.MakeSlice(u.plan.slice, n, n)
	} else if reuse {
		out.Clear()
	}
	if n > 0 && !u.steps(target{base: structs.UnsafePointer(), stride: model.Size(), n: n, value: structs}) {
		return false
	}
	if pointers {
		point(out.UnsafePointer(), structs.UnsafePointer(), model.Size(), n)
	}
	dest.Set(out)
	return true
}

// point sets the n pointers at out to the n structs of the given size at base.
func point(out, base unsafe.Pointer, size uintptr, n int) {
	for i := range n {
		// out is the array of a []*T and base that of a []T, both of length n.
		slot := (*unsafe.Pointer)(unsafe.Add(out, uintptr(i)*unsafe.Sizeof(base)))
		*slot = unsafe.Add(base, uintptr(i)*size)
	}
}

// target is where a run writes: n structs, stride bytes apart.
type target struct {
	base   unsafe.Pointer
	stride uintptr
	n      int
	// value is the struct, or the slice of structs.
	value reflect.Value
}

// at returns what GORM would pass to a field's setter for the i-th struct.
func (t *target) at(i int) reflect.Value {
	if t.value.Kind() == reflect.Struct {
		return t.value
	}
	return t.value.Index(i).Addr()
}

// steps runs the plan column by column, in the order of the columns: if two of them write one
// field, or a serializer reads fields set before its own, the outcome is the same as in GORM.
func (u *run) steps(t target) bool {
	for i := range u.plan.steps {
		s := &u.plan.steps[i]
		if s.set == nil {
			if !u.slowColumns(s, t) {
				return false
			}
			continue
		}
		u.cursor = u.view.Cursor(s.column)
		if !s.set(&u.cursor, unsafe.Add(t.base, s.offset), t.stride, t.n) {
			return false
		}
	}
	return true
}

// slowColumns sets fields that have no compiled setter as GORM does: scan by database/sql into a
// value of the field's pool, then the field's own setter.
func (u *run) slowColumns(s *step, t target) bool {
	rows, err := u.r.open(&viewSource{view: u.view, pick: s.columns})
	if err != nil {
		u.err = err
		return false
	}
	defer rows.Close()
	values := make([]any, len(s.fields))
	for i := range t.n {
		if !rows.Next() {
			return false
		}
		for j, f := range s.fields {
			values[j] = f.NewValuePool.Get()
		}
		if rows.Scan(values...) != nil {
			return false
		}
		elem := t.at(i)
		for j, f := range s.fields {
			if f.Set(u.ctx, elem, values[j]) != nil {
				return false
			}
			f.NewValuePool.Put(values[j])
		}
	}
	return true
}
