package invalidate

import (
	"context"

	"gorm.io/gorm"
)

func nothing(error) {}

// announce does what has to be done before a statement runs: collect in a transaction that is
// followed, fence in one that is not, mark outside. finish is to be called with the statement's
// outcome; settle, if not nil, with that of the whole callback, once its rows are closed.
func (inv *Invalidator) announce(ctx context.Context, p gorm.ConnPool, query string) (finish, settle func(error), err error) {
	info := inv.texts.Info(query)
	if t := followed(p); t != nil {
		if err := t.note(ctx, info); err != nil {
			return nil, nil, err
		}
		return func(err error) {
			if err == nil {
				t.done(info)
			}
		}, nil, nil
	}
	if boundary(info) {
		return inv.boundary(ctx, p, info)
	}
	touches := inv.touches(info)
	if len(touches) == 0 {
		return nothing, nil, nil
	}
	if _, foreign := p.(gorm.TxCommitter); foreign {
		if info.DDL {
			inv.topology.forget()
		}
		known := inv.topology.within(ctx, inv.base(p), nil, p, false)
		return nothing, nil, inv.fence(ctx, inv.resolve(known, touches))
	}
	var known *snapshot
	if !info.DDL {
		known = inv.learn(ctx, p)
	}
	tags := inv.resolve(known, touches)
	if len(tags) == 0 { // it calls functions, which write nothing
		return nothing, nil, nil
	}
	c, err := inv.begin(ctx, tags)
	if err != nil {
		return nil, nil, err
	}
	if info.DDL {
		inv.topology.forget()
	}
	return c.ended, func(err error) {
		if info.DDL {
			inv.topology.forget()
		}
		c.closed(err)
		c.tags = append(c.tags, inv.further(ctx, p, info, known, tags)...)
		c.settle(ctx)
	}, nil
}
