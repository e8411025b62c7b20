package lab

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// Lines collects lines of any kind: of GORM's loggers, of slog, SQL. It is safe for concurrent use.
type Lines struct {
	mu    sync.Mutex
	lines []string
}

// Add notes one line.
func (l *Lines) Add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// Printf implements GORM's logger.Writer.
func (l *Lines) Printf(format string, args ...any) { l.Add(fmt.Sprintf(format, args...)) }

// Write implements io.Writer for those who write whole lines, as slog does.
func (l *Lines) Write(line []byte) (int, error) {
	l.Add(string(bytes.TrimSpace(line)))
	return len(line), nil
}

// Logger writes to the lines from a level on: the level, the message, and key=value of each attribute.
func (l *Lines) Logger(from slog.Level) *slog.Logger { return slog.New(handler{from, l}) }

// With returns the lines that hold all the words, and keeps them.
func (l *Lines) With(words ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.with(words)
}

func (l *Lines) with(words []string) (found []string) {
	for _, line := range l.lines {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			found = append(found, line)
		}
	}
	return found
}

// Take returns the lines that hold all the words, and forgets all lines.
func (l *Lines) Take(words ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.with(words)
	l.lines = nil
	return found
}

// String returns all lines.
func (l *Lines) String() string { return strings.Join(l.With(), "\n") }

type handler struct {
	from  slog.Level
	lines *Lines
}

// Enabled implements slog.Handler.
func (h handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.from }

// Handle implements slog.Handler.
func (h handler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	h.lines.Add(b.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h handler) WithGroup(string) slog.Handler { return h }
