module github.com/seed-4f7f0efa/gormcache/store/memcachestore

go 1.26.0

require (
	github.com/bradfitz/gomemcache v0.0.0-20260422231931-4d751bb6e37c
	github.com/seed-4f7f0efa/gormcache v0.0.0
)

replace github.com/seed-4f7f0efa/gormcache => ../../
