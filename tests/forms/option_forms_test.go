package forms_test

import (
	"time"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// option is a form of a plain Find with options.
func option(name string, opts ...fromcache.Option) form {
	return form{name: "option/" + name, run: func(x *run) {
		var us []User
		x.tx(x.q(opts...).Where("age > ?", 22).Order("id").Find(&us), &us)
	}}
}

// optionForms are the scope's options.
var optionForms = []form{
	option("TTL", fromcache.TTL(time.Minute)),
	option("NoExpiration", fromcache.NoExpiration()),
	option("Key", fromcache.Key("tenant", 5)),
	option("Tags", fromcache.Tags("mine", "yours")),
	with(option("Bypass", fromcache.Bypass()), func(f *form) { f.bypass = observe.Asked }),
	with(option("Refresh", fromcache.Refresh()), func(f *form) { f.outcomes = missTwice }),
	with(option("Key that is no argument", fromcache.Key(make(chan int))), func(f *form) { f.bypass = observe.Argument }),
	{name: "option/scope given twice", run: func(x *run) {
		var us []User
		x.tx(x.q().Clauses(x.region("negative")).Order("id").Find(&us), &us)
	}},
}
