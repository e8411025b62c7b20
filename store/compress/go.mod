module github.com/seed-4f7f0efa/gormcache/store/compress

go 1.26.0

require (
	github.com/klauspost/compress v1.20.4
	github.com/seed-4f7f0efa/gormcache v0.0.0
	go.uber.org/goleak v1.3.0
)

require github.com/maypok86/otter/v2 v2.4.0 // indirect

replace github.com/seed-4f7f0efa/gormcache => ../../
