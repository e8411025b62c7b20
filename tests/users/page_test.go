package users

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// page is the page of an instance, open in a browser.
type page struct {
	ctx     context.Context
	console *lab.Lines // all that the browser had to say about the page
}

// open starts a browser on the page of an instance.
func open(t *testing.T, in *instance) *page {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(servers.Chromium(t)), chromedp.UserDataDir(t.TempDir()))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // the sandbox refuses root
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { lab.Must(t, chromedp.Cancel(ctx)) }) // waits for the browser's end
	p := &page{ctx: ctx, console: &lab.Lines{}}
	p.do(t)
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			p.console.Add(m.String())
		}
	}()
	p.do(t, chromedp.Navigate(in.url+"/docs"))
	return p
}

// do takes steps on the page.
func (p *page) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	lab.Must(t, chromedp.Do(p.ctx, steps...))
}

// eval returns the value of an expression on the page.
func eval[T any](t *testing.T, p *page, expression string) T {
	t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	lab.Must(t, err)
	return v
}

// answers returns the table of answers, the last first: request, status, cache and body of each.
func (p *page) answers(t *testing.T) []string {
	t.Helper()
	return eval[[]string](t, p, `Array.from(document.querySelectorAll('#answers tr'),
		row => [0, 1, 2, 4].map(i => row.cells[i].textContent).join('|'))`)
}

// await waits until the answer of the i-th last request is as wanted.
func (p *page) await(t *testing.T, i int, want string) {
	t.Helper()
	var got []string
	defer func() {
		if t.Failed() {
			t.Logf("answers:\n%s\nconsole:\n%s", strings.Join(got, "\n"), p.console)
		}
	}()
	lab.Eventually(t, want, func() bool {
		got = p.answers(t)
		return len(got) > i && got[i] == want
	})
}

// click presses the button of a form.
func (p *page) click(t *testing.T, form string) {
	t.Helper()
	p.do(t, chromedp.Click(chromedp.CSS("#"+form+" button")))
}

// The way of somebody who tries the page: falls if it does not show a miss, a hit, an update in progress and the new user.
func TestPageShowsHitsAndUpdatesInProgress(t *testing.T) {
	in := start(t, "-write-delay", "700ms")
	p := open(t, in)
	ada, bo := is(1, "Ada"), `{"id":1,"name":"Bo <b>","email":"ada@example.com"}`

	p.do(t, chromedp.SendKeys(chromedp.CSS("#create [name=email]"), kb.Enter)) // by the keyboard
	p.await(t, 0, "POST /users/|201||"+ada)
	p.click(t, "read")
	p.await(t, 0, "GET /users/1|200|miss|"+ada)
	p.click(t, "read")
	p.await(t, 0, "GET /users/1|200|hit|"+ada)

	p.do(t, chromedp.SetValue(chromedp.CSS("#update [name=name]"), "Bo <b>")) // which is no HTML
	p.click(t, "update")
	in.await(t, "updating user=1")
	p.click(t, "update")
	p.await(t, 0, `PUT /users/1|226||{"status":"update in progress"}`)
	p.await(t, 1, "PUT /users/1|200||"+bo)
	p.click(t, "read")
	p.await(t, 0, "GET /users/1|200|miss|"+bo)

	if status := eval[string](t, p, `document.getElementById('status').textContent`); !strings.HasPrefix(status, "GET /users/1: status 200, miss, ") {
		t.Errorf("a reader of screens is told %q", status)
	}
	lab.Eventually(t, "the list of requests", func() bool {
		return eval[int](t, p, `document.querySelectorAll('#paths h3').length`) == 3
	})
	if foreign := eval[[]string](t, p, `performance.getEntriesByType('resource').map(e => e.name).filter(u => !u.startsWith(location.origin + '/'))`); len(foreign) > 0 {
		t.Errorf("the page loads %q", foreign)
	}
	p.fitForAll(t)
	if said := p.console.String(); said != "" {
		t.Errorf("the browser's console:\n%s", said)
	}
}

// nameless are the controls that have no name for those who do not see them.
const nameless = `Array.from(document.querySelectorAll('input, button, form, table, a'), e => {
	const name = e.labels?.[0]?.textContent || e.textContent && e.matches('button, a') || e.caption?.textContent ||
		document.getElementById(e.getAttribute('aria-labelledby'))?.textContent;
	return name ? '' : e.outerHTML;
}).filter(Boolean)`

// pale are texts with too little contrast to what is behind them: WCAG wants 4.5.
const pale = `(() => {
	const rgb = (text) => text.match(/[\d.]+/g).map(Number);
	const light = (c) => c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = rgb(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] === 1) return c;
		}
	};
	return Array.from(document.querySelectorAll('h1, h3, p, a, label, input, button, th, td, li, caption'), e => {
		const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
		return (a + .05) / (b + .05) < 4.5 ? e.outerHTML : '';
	}).filter(Boolean);
})()`

// fitForAll checks names and contrast, in light and in dark mode.
func (p *page) fitForAll(t *testing.T) {
	t.Helper()
	if without := eval[[]string](t, p, nameless); len(without) > 0 {
		t.Errorf("without a name: %q", without)
	}
	backgrounds := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		p.do(t, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return err
		}))
		if texts := eval[[]string](t, p, pale); len(texts) > 0 {
			t.Errorf("%s mode: too little contrast: %q", scheme, texts)
		}
		backgrounds[eval[string](t, p, `getComputedStyle(document.body).backgroundColor`)] = true
	}
	if len(backgrounds) != 2 {
		t.Error("dark mode has the background of light mode")
	}
}
