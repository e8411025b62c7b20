package reader

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/memo"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// every is the key of Config.Models for what no other names.
const every = "*"

// ruling is the policy that holds for a model or a table.
type ruling struct {
	policy fromcache.Policy
	by     string // the key in Config.Models, or the method
	method bool
	scope  *scope.Scope
	err    error // a method's policy is wrong
}

// rule is an entry of Config.Models.
type rule struct {
	key    string
	policy fromcache.Policy
}

// policies finds the policy that holds for a query, a model or a table. Made by newPolicies, it is safe for concurrent
// use.
type policies struct {
	inv      *writer.Writer
	replaced string // Config.Replaced
	exists   func(region string) error
	types    map[string]rule // by the key as it is
	tables   map[string]rule // by the canonical name of a table
	patterns []rule          // the most specific first
	rest     *rule
	models   memo.Memo[*schema.Schema, *ruling] // nil: none
	reaches  memo.Memo[*schema.Schema, bool]
	farEnds  memo.Memo[*schema.Schema, map[*schema.Schema]bool]
}

// CheckModels names every entry of a field such as Config.Models that is wrong, and the remedy.
func CheckModels(field string, models map[string]fromcache.Policy, exists func(region string) error) error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s[%q]: %w", field, key, fmt.Errorf(format, args...)))
	}
	tables := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(models)) {
		_, malformed := path.Match(key, "")
		switch other, taken := tables[store.TableName(key)]; {
		case key == "":
			bad(key, "the name is empty: name a model, a table, a pattern such as %q, or %q", "order*", every)
		case malformed != nil:
			bad(key, "%w: write it as for path.Match, or name a model or a table", malformed)
		case taken:
			bad(key, "it names the same table as %q: leave one of them out", other)
		}
		if !isPattern(key) {
			tables[store.TableName(key)] = key
		}
		if err := models[key].Validate(exists); err != nil {
			bad(key, "%w", err)
		}
	}
	return errors.Join(errs...)
}

// ExactModels are the keys of a field such as Config.Models that are no patterns: names of models or tables. Sorted.
func ExactModels(models map[string]fromcache.Policy) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(models)), isPattern)
}

func isPattern(key string) bool { return strings.ContainsAny(key, `*?[\`) }

func newPolicies(cfg Config) *policies {
	p := &policies{
		inv: cfg.Invalidator, replaced: cfg.Replaced, exists: exists(cfg.Engine),
		types: map[string]rule{}, tables: map[string]rule{},
	}
	for key, policy := range cfg.Models {
		r := rule{key, policy}
		switch {
		case key == every:
			p.rest = &r
		case isPattern(key):
			p.patterns = append(p.patterns, r)
		default:
			p.types[key], p.tables[store.TableName(key)] = r, r
		}
	}
	slices.SortFunc(p.patterns, func(a, b rule) int {
		return cmp.Or(cmp.Compare(len(b.key), len(a.key)), cmp.Compare(a.key, b.key))
	})
	return p
}

// declared reports whether Config.Models has entries.
func (p *policies) declared() bool { return p.rest != nil || len(p.tables) > 0 || len(p.patterns) > 0 }

// ofModel returns the policy that holds for a model, nil if none does.
func (p *policies) ofModel(s *schema.Schema) *ruling {
	if r, ok := p.models.Get(s); ok {
		return r
	}
	r := p.judge(s)
	p.models.Put(s, r)
	return r
}

func (p *policies) judge(s *schema.Schema) *ruling {
	table := store.TableName(s.Table)
	for _, name := range []string{s.ModelType.String(), s.ModelType.Name()} {
		if r, ok := p.types[name]; ok {
			return r.ruling(table)
		}
	}
	if r, ok := p.named(table, s.ModelType.Name()); ok {
		return r.ruling(table)
	}
	if m, ok := reflect.New(s.ModelType).Interface().(fromcache.Policied); ok {
		r := rule{s.ModelType.String() + ".CachePolicy", m.CachePolicy()}.ruling(table)
		r.method = true
		if err := r.policy.Validate(p.exists); err != nil {
			r.err = fault.Errorf("%s: %w", r.by, err)
		}
		return r
	}
	return p.others(table)
}

// met reports whether a query for a model of that name has been seen.
func (p *policies) met(name string) (found bool) {
	p.models.All(func(s *schema.Schema, _ *ruling) bool {
		t := s.ModelType
		found = t.String() == name || t.Name() == name
		return !found
	})
	return found
}

// ofTable returns the policy that holds for a table without a model, nil if none does.
func (p *policies) ofTable(table string) *ruling {
	if r, ok := p.named(table, ""); ok {
		return r.ruling(table)
	}
	return p.others(table)
}

// others returns the policy for what no other entry names, nil if there is none; table is "" for several tables.
func (p *policies) others(table string) *ruling {
	if p.rest == nil {
		return nil
	}
	return p.rest.ruling(table)
}

// named finds the entry for a table, or the pattern for it or its model.
func (p *policies) named(table, model string) (rule, bool) {
	if r, ok := p.tables[table]; ok {
		return r, true
	}
	for _, r := range p.patterns {
		if matches(strings.ToLower(r.key), table) || model != "" && matches(r.key, model) {
			return r, true
		}
	}
	return rule{}, false
}

func matches(pattern, name string) bool {
	ok, _ := path.Match(pattern, name) // patterns have been checked
	return ok
}

// off returns those of the tables whose policy, by name or pattern, is Off.
func (p *policies) off(lists ...[]string) (tables []string) {
	if len(p.tables) == 0 && len(p.patterns) == 0 {
		return nil
	}
	for _, table := range slices.Concat(lists...) {
		if r, ok := p.named(table, ""); ok && r.policy.Off && !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	}
	return tables
}

// related reports whether what a model's queries preload may have a policy.
func (p *policies) related(s *schema.Schema) bool {
	if s == nil || p.declared() {
		return p.declared()
	}
	if found, ok := p.reaches.Get(s); ok {
		return found
	}
	found := p.search(s, map[*schema.Schema]bool{})
	p.reaches.Put(s, found)
	return found
}

func (p *policies) search(s *schema.Schema, seen map[*schema.Schema]bool) bool {
	if s == nil || seen[s] {
		return false
	}
	seen[s] = true
	for _, rel := range s.Relationships.Relations {
		if p.ofModel(rel.FieldSchema) != nil || rel.JoinTable != nil && p.ofModel(rel.JoinTable) != nil || p.search(rel.FieldSchema, seen) {
			return true
		}
	}
	return false
}

func (r rule) ruling(table string) *ruling {
	g := &ruling{policy: r.policy, by: r.key}
	if !r.policy.Off {
		g.scope = &scope.Scope{Region: cmp.Or(r.policy.Region, fromcache.DefaultRegion), TTL: r.policy.TTL, FromPolicy: true, Table: table}
	}
	return g
}

// covers reports whether the policy is for an operation, which is only asked for if that depends on it.
func (r *ruling) covers(op func() fromcache.Operations) bool {
	o := r.policy.Operations
	return o == 0 || o == fromcache.Get|fromcache.List|fromcache.Count|fromcache.Relation || o&op() != 0
}

// exists returns a function whose error says that the engine has no region of that name.
func exists(e *engine.Engine) func(string) error {
	return func(name string) error {
		_, err := e.Region(name)
		return err
	}
}
