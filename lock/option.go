package lock

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Defaults of the options.
const (
	DefaultTTL     = 30 * time.Second
	DefaultPoll    = 250 * time.Millisecond
	DefaultTimeout = time.Second
	// MinTTL is the shortest TTL: a renewal must fit into a part of it.
	MinTTL = 50 * time.Millisecond
)

// Option changes what [New] and [Locks.With] return.
type Option func(*settings)

// settings are what options change.
type settings struct {
	ttl, poll, timeout time.Duration
	keep               bool
	logger             *slog.Logger
}

// TTL is how long a lock lasts if its holder does not renew it, which is how long others wait for a holder that died. It
// is renewed at each third of it. Defaults to 30 s; at least 50 ms.
func TTL(d time.Duration) Option { return func(s *settings) { s.ttl = d } }

// Poll is how often, on the average, Acquire asks again if it is not woken: because a holder died, or the message of a
// release was lost. Defaults to 250 ms.
func Poll(d time.Duration) Option { return func(s *settings) { s.poll = d } }

// Timeout bounds each call of the store: a server that hangs delays nobody for longer. Defaults to 1 s; p.Locks uses
// Config.WriteTimeout.
func Timeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// NoRenewal lets locks end at their TTL, whether or not the holder is still at work. It may call [Lock.Renew].
func NoRenewal() Option { return func(s *settings) { s.keep = false } }

// Logger gets a warning for each lock that is lost, and for each that could not be released. Defaults to slog.Default();
// p.Locks uses Config.Logger.
func Logger(l *slog.Logger) Option { return func(s *settings) { s.logger = l } }

func defaults() settings {
	return settings{ttl: DefaultTTL, poll: DefaultPoll, timeout: DefaultTimeout, keep: true, logger: slog.Default()}
}

// with returns the settings changed by the options.
func (s settings) with(opts []Option) settings {
	for _, opt := range opts {
		if opt != nil {
			opt(&s)
		}
	}
	return s
}

// validate names every option that is wrong, and the remedy.
func (s settings) validate() error {
	var errs []error
	if s.ttl < MinTTL {
		errs = append(errs, fmt.Errorf("TTL is %s: it must be at least %s", s.ttl, MinTTL))
	}
	if s.poll <= 0 {
		errs = append(errs, fmt.Errorf("Poll is %s: it must be positive", s.poll))
	}
	if s.timeout <= 0 {
		errs = append(errs, fmt.Errorf("Timeout is %s: it must be positive", s.timeout))
	}
	if s.logger == nil {
		errs = append(errs, errors.New("Logger is nil: leave it out, or pass slog.New(slog.DiscardHandler)"))
	}
	return errors.Join(errs...)
}

// budget bounds one call of the store. A grant that took longer than the TTL would be worth nothing.
func (s settings) budget() time.Duration { return min(s.timeout, s.ttl) }
