package template_test

import (
	"bytes"
	"flag"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/template"
)

type (
	id     int
	level  uint8
	stamp  time.Time
	uuid   [16]byte
	secret struct{ Key string }

	page struct {
		Tenant string `cache:"tenant"`
		Size   int    `cache:"size"`
		Trace  string `cache:"-"`
	}
	hidden struct {
		name string    `cache:"name"`
		at   time.Time `cache:"at"`
		raw  []byte    `cache:"raw"`
		id   uuid      `cache:"id"`
		few  *int      `cache:"few"`
	}
	base  struct{ Tenant string }
	Inner struct{ Few *int }
	outer struct {
		base
		*Inner
		ID int
	}
	loop  struct{ *loop }
	twice struct {
		base
		Tenant string
	}
	odd struct {
		A string `cache:"a,omitempty"`
	}
	lists struct {
		IDs []int `cache:"ids"`
	}
	blank struct {
		_  int
		ID int
	}
)

func (level) String() string { return "level" }

// key returns the key of an argument.
func key[K any](t testing.TB, pattern string, arg K) string {
	t.Helper()
	tmpl, err := template.Compile[K](pattern, template.All)
	if err != nil {
		t.Fatalf("%q of %T: %v", pattern, arg, err)
	}
	if tmpl.String() != pattern {
		t.Errorf("the pattern is %q", tmpl)
	}
	return tmpl.Key(arg)
}

var update = flag.Bool("update", false, "write the golden file anew")

// Keys are compared with those of a released version, since processes of two versions share a store: what one resets, the
// other must not go on serving.
//
// Falls if: any argument gets another key than it had.
func TestKeysOfTheReleasedVersion(t *testing.T) {
	few := 7
	berlin := time.FixedZone("Mi}t{te\"", 3600)
	at := time.Unix(1767225600, 5)
	var b strings.Builder
	for _, k := range []string{
		key(t, "read_user-{user_id}", 5), key(t, "{id}", int64(-5)), key(t, "{id}", uint64(math.MaxUint64)), key(t, "{id}", id(5)),
		key(t, "{id}", level(3)), key(t, "{id}", &few), key(t, "{id}", (*int)(nil)),
		key(t, "{id}", true), key(t, "{id}", 5.0), key(t, "{id}", float32(0.1)), key(t, "{id}", 1e300), key(t, "{id}", math.Inf(-1)), key(t, "{id}", math.NaN()), key(t, "{id}", math.Copysign(0, -1)),
		key(t, "{id}", "ann"), key(t, "{id}", ""), key(t, "{id}", "a}-{b\"\\\n\x00"), key(t, "{id}", "Zoë \u2028\U0001F600 \xff\ufffd"),
		key(t, "{id}", []byte("ab")), key(t, "{id}", []byte{}), key(t, "{id}", []byte(nil)), key(t, "{id}", uuid{1, 15: 255}),
		key(t, "{id}", at.UTC()), key(t, "{id}", at.In(berlin)), key(t, "{id}", stamp(at.UTC())), key(t, "{id}", time.Time{}),
		key(t, "all", struct{}{}), key(t, "of {tenant}, by {size}", page{"a", 2, "x"}), key(t, "{size}{tenant}", &page{"a", 2, "x"}), key(t, "{size}{tenant}", (*page)(nil)),
		key(t, "{name}/{at}/{raw}/{id}/{few}", hidden{"n", at.UTC(), []byte{1}, uuid{}, &few}),
		key(t, "{Tenant}-{Few}-{ID}", outer{}), key(t, "{Tenant}-{Few}-{ID}", outer{Inner: &Inner{}}), key(t, "{Tenant}-{Few}-{ID}", outer{base{"t"}, &Inner{&few}, 4}),
		key(t, "{ID}", blank{ID: 1}), keyed(t, "report", "a}b"),
	} {
		b.WriteString(k + "\n")
	}
	const file = "testdata/keys.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(b.String())) {
		t.Errorf("keys are no longer what they were. All entries of cached functions would be made anew, and while a program is deployed its old and "+
			"new processes would not reset each other's. If that is meant, say so in the changelog.\ngot\n%swant\n%s", b.String(), want)
	}
}

func keyed(t *testing.T, pattern, arg string) string {
	t.Helper()
	tmpl, err := template.Keyed(pattern, strings.ToUpper)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl.Key(arg)
}

// Falls if: two arguments that a function can tell apart have one key.
func TestDifferentArgumentsDifferentKeys(t *testing.T) {
	type two struct{ A, B string }
	type opt struct{ A, B *string }
	empty, null := "", "nil"
	at := time.Unix(1, 0)
	seen := map[string]int{}
	for i, k := range []string{
		key(t, "{id}", 1), key(t, "{id}", "1"), key(t, "{id}", 1.0), key(t, "{id}", true), key(t, "{id}", "true"), key(t, "{id}", []byte("1")), key(t, "{id}", "0x31"),
		key(t, "{id}", 0), key(t, "{id}", 0.0), key(t, "{id}", math.Copysign(0, -1)), key(t, "{id}", ""), key(t, "{id}", false), key(t, "{id}", []byte{}),
		key(t, "{id}", (*string)(nil)), key(t, "{id}", &null), key(t, "{id}", float32(0.1)), key(t, "{id}", 0.1),
		key(t, "{A}-{B}", two{"a b", "c"}), key(t, "{A}-{B}", two{"a", "b c"}), key(t, "{A}-{B}", two{"a-b", "c"}), key(t, "{A}-{B}", two{"a", "b-c"}),
		key(t, "{A}-{B}", two{`"}-{B="`, ""}), key(t, "{A}-{B}", two{"", `"}-{B="`}),
		key(t, "{A}{B}", two{"", ""}), key(t, "{B}{A}", two{"", ""}), key(t, "{A}-{B}", opt{}), key(t, "{A}-{B}", opt{A: &empty}), key(t, "{A}-{B}", opt{B: &empty}),
		key(t, "{id}", at.UTC()), key(t, "{id}", at.In(time.FixedZone("X", 0))), key(t, "{id}", at.In(time.FixedZone("X", 1))), key(t, "{id}", at.Add(1).UTC()),
		key(t, "{user_id}", 1), key(t, "u{id}", 1), key(t, "{id}u", 1), keyed(t, "u", "id=1"), keyed(t, "u", "1"),
		key(t, "{Tenant}-{Few}-{ID}", outer{}), key(t, "{Tenant}-{Few}-{ID}", &outer{Inner: &Inner{}}), key(t, "{Tenant}-{Few}-{ID}", (*outer)(nil)),
	} {
		if j, twice := seen[k]; twice {
			t.Errorf("arguments %d and %d have the key %s", j, i, k)
		}
		seen[k] = i
	}
}

// Numbers are equal by value, so a program may change the type of an argument. What a field is tagged to leave out, and a
// clock's monotonic reading, make no difference.
func TestEqualArgumentsEqualKeys(t *testing.T) {
	now := time.Now()
	for i, pair := range [][2]string{
		{key(t, "{id}", 1), key(t, "{id}", uint8(1))}, {key(t, "{id}", int64(1)), key(t, "{id}", id(1))},
		{key(t, "{id}", float32(0.5)), key(t, "{id}", 0.5)},
		{key(t, "{tenant}{size}", page{Trace: "a"}), key(t, "{tenant}{size}", &page{Trace: "b"})},
		{key(t, "{id}", now), key(t, "{id}", now.Round(0))},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%d: %s, %s", i, pair[0], pair[1])
		}
	}
}

// Falls if: a template is taken that leaves out what tells arguments apart, or the error does not name what is wrong.
func TestBadTemplatesAreNamed(t *testing.T) {
	for _, c := range []struct {
		err   error
		wants []string
	}{
		{bad[int](""), []string{"is empty"}},
		{bad[int]("u"), []string{`"u"`, "0 placeholders", "int"}},
		{bad[int]("{a}{b}"), []string{"2 placeholders", "one int"}},
		{bad[int]("u-{a"), []string{`"{a" is not closed`}},
		{bad[int]("u-a}"), []string{`"u-a}" closes no brace`}},
		{bad[int]("{a}}"), []string{`"}" closes no brace`}},
		{bad[int]("{{a}}"), []string{`"{a" is no name`}},
		{bad[int]("{}"), []string{`"" is no name`}},
		{bad[int]("{a b}"), []string{`"a b" is no name`}},
		{bad[int]("{a}-{a}"), []string{"{a} stands in it twice"}},
		{bad[page]("{tenant}-{tenant}-{size}"), []string{"{tenant} stands in it twice"}},
		{bad[page]("{tenant}-{sice}"), []string{"is named {sice}", "{tenant}, {size}", "leaves out field Size"}},
		{bad[page]("{tenant}"), []string{"leaves out field Size", "write {size}", `cache:"-"`}},
		{bad[blank]("{id}"), []string{"no field", `tag field ID`, "write {ID}"}},
		{bad[secret]("all"), []string{"leaves out field Key"}},
		{bad[hidden]("all"), []string{"leaves out field name", "leaves out field at"}},
		{bad[struct{}]("{id}"), []string{"no field", "{id}", "it has none"}},
		{bad[*struct{}]("all"), []string{"is a pointer", "struct {}"}},
		{bad[twice]("{Tenant}"), []string{"fields base.Tenant and Tenant are both named Tenant"}},
		{bad[loop]("all"), []string{"embeds itself"}},
		{bad[odd]("{a}"), []string{`cache:"a,omitempty"`}},
		{bad[lists]("{ids}"), []string{"{ids} is a []int", "WithKeyFunc"}},
		{bad[any]("{id}"), []string{"interface {}", "WithKeyFunc"}},
		{bad[[]int]("{id}"), []string{"[]int", "WithKeyFunc"}},
		{bad[**int]("{id}"), []string{"**int"}},
		{bad[complex128]("{id}"), []string{"complex128"}},
		{bad[map[int]int]("{id}"), []string{"map[int]int"}},
		{keyedBad("{id}", strings.ToLower), []string{"placeholders and a key function"}},
		{keyedBad("a{id}", strings.ToLower), []string{"placeholders and a key function"}},
		{keyedBad("a{", strings.ToLower), []string{"not closed"}},
		{keyedBad("", strings.ToLower), []string{"is empty"}},
		{keyedBad("a", nil), []string{"key function is nil"}},
	} {
		for _, want := range c.wants {
			if c.err == nil || !strings.Contains(c.err.Error(), want) {
				t.Errorf("%v: want %q", c.err, want)
			}
		}
	}
}

func bad[K any](pattern string) error {
	_, err := template.Compile[K](pattern, template.All)
	return err
}

func keyedBad(pattern string, f func(string) string) error {
	_, err := template.Keyed(pattern, f)
	return err
}

// What many arguments share need not name all their fields: the lock of a user, whatever the update says. The fields that
// are named make the same keys.
func TestSomeFields(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{some(t, "{tenant}", page{"a", 2, ""}), key(t, "{tenant}", struct {
			Tenant string `cache:"tenant"`
		}{"a"})},
		{some(t, "nightly", 5), "nightly"}, {some(t, "nightly", []int{1}), "nightly"}, {some[any](t, "nightly", nil), "nightly"},
		{some(t, "nightly", (*page)(nil)), "nightly"}, {some(t, "u-{id}", 5), key(t, "u-{id}", 5)},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
	for pattern, want := range map[string]string{"{tenent}": "{tenant}, {size}", "{tenant": "not closed", "{tenant}{tenant}": "twice"} {
		if _, err := template.Compile[page](pattern, template.Some); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
	if _, err := template.Compile[int]("{a}{b}", template.Some); err == nil || !strings.Contains(err.Error(), "2 placeholders") {
		t.Error(err)
	}
}

func some[K any](t *testing.T, pattern string, arg K) string {
	t.Helper()
	tmpl, err := template.Compile[K](pattern, template.Some)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl.Key(arg)
}

// Keys are made for each call: of a short one, the text and the argument are all that is allocated.
func TestKeysAreCheap(t *testing.T) {
	tmpl, err := template.Compile[page]("of {tenant}, by {size}", template.All)
	if err != nil {
		t.Fatal(err)
	}
	arg := page{Tenant: "a", Size: 100_000}
	if n := testing.AllocsPerRun(100, func() { _ = tmpl.Key(arg) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

// mixed has a field of each kind that can be fuzzed.
type mixed struct {
	S, T string
	B    []byte
	I    int64
	F    float64
	P    *string
}

func (m mixed) equal(o mixed) bool {
	m.F, o.F = 0, 0
	return reflect.DeepEqual(m, o)
}

// FuzzKeys: two arguments have one key only if they are equal, and a key can be read back: its pattern, and the texts in it.
func FuzzKeys(f *testing.F) {
	f.Add("a b", "c", []byte("x"), int64(1), 1.0, true, "a", "b c", []byte("x"), int64(1), 1.0, true)
	f.Add("", `"}-{T="`, []byte(nil), int64(-1), math.NaN(), true, `"}-{T="`, "", []byte{}, int64(-1), 0.0, false)
	f.Add("\xff", "\ufffd", []byte("}"), int64(0), math.Inf(1), false, "\\xff", "�", []byte("nil"), int64(0), 1e100, true)
	const pattern = "{S}-{T} {B}{I}:{F}/{P}"
	tmpl, err := template.Compile[mixed](pattern, template.All)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s1, t1 string, b1 []byte, i1 int64, f1 float64, p1 bool, s2, t2 string, b2 []byte, i2 int64, f2 float64, p2 bool) {
		a, b := mixed{S: s1, T: t1, B: b1, I: i1, F: f1}, mixed{S: s2, T: t2, B: b2, I: i2, F: f2}
		if p1 {
			a.P = &s2
		}
		if p2 {
			b.P = &s1
		}
		same := a.equal(b) && (math.Float64bits(f1) == math.Float64bits(f2) || math.IsNaN(f1) && math.IsNaN(f2))
		if (tmpl.Key(a) == tmpl.Key(b)) != same {
			t.Fatalf("%+v and %+v: %s, %s", a, b, tmpl.Key(a), tmpl.Key(b))
		}
		texts, got := readBack(t, tmpl.Key(a))
		if got != pattern || texts[0] != s1 || texts[1] != t1 {
			t.Fatalf("%+v: %s is read as %s with %q", a, tmpl.Key(a), got, texts)
		}
	})
}

// FuzzPatterns: two patterns that are taken never make one key, whatever the texts.
func FuzzPatterns(f *testing.F) {
	f.Add("u-{id}", "u-{i}", "1", "d=1")
	f.Add("{a}", "{a}b", `"}b`, "")
	f.Add("{a", "}", "", "{}")
	f.Fuzz(func(t *testing.T, p, q, a, b string) {
		one, err1 := template.Compile[string](p, template.All)
		two, err2 := template.Compile[string](q, template.All)
		own, err3 := template.Keyed(p, func(s string) string { return s })
		if err1 == nil && err2 == nil && (one.Key(a) == two.Key(b)) != (p == q && a == b) {
			t.Fatalf("%q of %q, %q of %q: %s", a, p, b, q, one.Key(a))
		}
		if err2 == nil && err3 == nil && own.Key(a) == two.Key(b) {
			t.Fatalf("%q of the function %q, %q of %q: %s", a, p, b, q, own.Key(a))
		}
		if err1 == nil {
			if texts, got := readBack(t, one.Key(a)); got != p || texts[0] != a {
				t.Fatalf("%q of %q: %s is read as %q of %q", a, p, one.Key(a), texts, got)
			}
		}
	})
}

// readBack returns the texts in a key, and its pattern.
func readBack(t *testing.T, key string) (texts []string, pattern string) {
	t.Helper()
	var b strings.Builder
	for key != "" {
		literal, rest, found := strings.Cut(key, "{")
		b.WriteString(literal)
		if !found {
			break
		}
		name, value, _ := strings.Cut(rest, "=")
		b.WriteString("{" + name + "}")
		if quoted, err := strconv.QuotedPrefix(value); err == nil {
			text, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
			value = value[len(quoted):]
		}
		_, key, _ = strings.Cut(value, "}")
	}
	return texts, b.String()
}
