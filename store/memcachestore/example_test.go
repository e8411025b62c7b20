package memcachestore_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
)

// All processes name the same servers.
func ExampleNew() {
	s := memcachestore.New([]string{"cache1:11211", "cache2:11211"},
		memcachestore.MaxIdle(64), // as many as calls run at once
		memcachestore.TagTTL(48*time.Hour))
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Check(ctx); err != nil {
		fmt.Println(err)
	}
}

// memcached may speak TLS.
func ExampleDialWith() {
	dialer := &tls.Dialer{Config: &tls.Config{ServerName: "cache.internal"}}
	s := memcachestore.New([]string{"cache.internal:11211"}, memcachestore.DialWith(dialer.DialContext))
	defer s.Close()
}
