// Command quickstart shows gormcache at work on a small shop of real size: it makes a SQLite database with companies,
// users and orders, asks the same queries again and again, writes, rolls back, and puts a cache written by hand beside
// it under the schedules that such caches get wrong.
//
//	go run ./examples/quickstart                             # the store inside the process
//	go run ./examples/quickstart/redis -addr localhost:6379  # a Redis, and two instances of the plugin
//
// Every answer is compared with the database's own, and every outcome with what it should be: if one differs, the
// program says so and exits with status 1.
package main

import "github.com/seed-4f7f0efa/gormcache/examples/quickstart/shop"

// The Redis is a program of its own: its client takes as long to compile as the database.
func main() { shop.Main(shop.Stores{Namespace: "quickstart"}) }
