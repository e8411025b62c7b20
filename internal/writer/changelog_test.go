package writer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
)

func taken(l *changelog) (names []string) {
	for _, t := range l.take() {
		names = append(names, t.Name())
	}
	return names
}

// A script is written like "u [a o ]a": letters add a tag, "[x" sets savepoint x, "]x" rolls back to it,
// ")x" releases it.
func TestChangelog(t *testing.T) {
	for script, want := range map[string]string{
		"":                    "",
		"u o u":               "u o",
		"u [a o ]a":           "u",
		"u [a u o ]a o":       "u o",
		"u [a o ]a t ]a":      "u",       // a savepoint outlives a rollback to it
		"u [a o [b t ]a":      "u",       // the outer one drops the inner
		"u [a o [b t ]b":      "u o",     // the inner one does not drop the outer
		"u [a o [b t ]a ]b":   "u",       // b is gone with a: not known, nothing to drop
		"u [a o [b t ]a x ]b": "u x",     // as above; too much rather than too little
		"u [a o )a t":         "u o t",   // what was released stays
		"u [a o )a ]a":        "u o",     // and can't be rolled back any more
		"[a u [b o )b t ]a x": "x",       // but with the savepoint around it
		"[a u [a o ]a":        "u",       // of two with one name the newer counts
		"[a u [a o )a ]a":     "",        // until it is released
		"u ]z o )z":           "u o",     // unknown names change nothing
		"u [a ]a u":           "u",       // what was there before stays, once
		"[a u ]a u":           "u",       // what was dropped can come again
		"u [a o [b t )a ]b x": "u o t x", // releasing the outer forgets the inner
	} {
		var l changelog
		for _, w := range strings.Fields(script) {
			switch w[0] {
			case '[':
				l.save(w[1:])
			case ']':
				l.rollbackTo(w[1:])
			case ')':
				l.release(w[1:])
			default:
				l.add(schema.TagEffect(w, schema.Reason{}))
			}
		}
		if got := strings.Join(taken(&l), " "); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
		if left := taken(&l); left != nil {
			t.Errorf("%s: %q is taken twice", script, left)
		}
	}
}

// Beyond so many rows the table is changed as a whole, until a savepoint takes that back.
func TestChangelogBoundsEdits(t *testing.T) {
	var l changelog
	row := func(table string) schema.Effect {
		return schema.EditEffect(&schema.Edit{Table: table, Rows: []string{"1"}})
	}
	for range schema.MaxRows {
		l.add(row("t"))
	}
	l.save("s")
	l.add(row("t"), row("t"), row("u"))
	if n := len(l.effects); n != schema.MaxRows+2 || l.effects[schema.MaxRows].ID() != schema.TableEffect("t").ID() || l.effects[schema.MaxRows+1].Edit() == nil {
		t.Fatalf("%d touches, want %d edits, the table, and an edit of another", n, schema.MaxRows)
	}
	l.rollbackTo("s")
	if n := len(l.effects); n != schema.MaxRows {
		t.Fatalf("%d touches after the rollback, want %d", n, schema.MaxRows)
	}
	l.add(row("t"))
	if got := l.effects[schema.MaxRows]; got.ID() != schema.TableEffect("t").ID() {
		t.Fatalf("%v after the rollback, want the table", got)
	}
}

// Against a model that keeps a copy of everything at each savepoint.
func TestChangelogAgainstModel(t *testing.T) {
	type saved struct {
		name string
		tags []string
	}
	names := []string{"a", "b", "c"}
	tags := []string{"t1", "t2", "t3", "t4"}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var l changelog
		var now []string
		var saves []saved
		for range 40 {
			name := names[r.IntN(len(names))]
			i := len(saves) - 1
			for i >= 0 && saves[i].name != name {
				i--
			}
			switch r.IntN(5) {
			case 0:
				l.save(name)
				saves = append(saves, saved{name, slices.Clone(now)})
			case 1:
				l.rollbackTo(name)
				if i >= 0 {
					now, saves = slices.Clone(saves[i].tags), saves[:i+1]
				}
			case 2:
				l.release(name)
				if i >= 0 {
					saves = saves[:i]
				}
			default:
				tag := tags[r.IntN(len(tags))]
				l.add(schema.TagEffect(tag, schema.Reason{}))
				if !slices.Contains(now, tag) {
					now = append(now, tag)
				}
			}
		}
		if got := taken(&l); !slices.Equal(got, now) {
			t.Fatalf("seed %d: %q, want %q", seed, got, now)
		}
	}
}
