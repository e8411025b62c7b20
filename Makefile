# make help lists the targets.

.DEFAULT_GOAL := help

GO       ?= go
# One pattern a module: `./...` stops at the border of a module.
PACKAGES := ./... ./tests/... ./examples/...
MODULES  := . tests examples
# Pinned, and run by `go run`, so that no module's go.mod carries tools.
LINTER   := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# How many inputs each fuzz target gets; how often each benchmark runs, and how long.
FUZZTIME  ?= 200000x
PROVEFUZZ ?= 50000x
COUNT     ?= 5
# The version that runs beside this one in make compat.
OTHER     ?= c4f5dae
BENCHTIME ?= 1s

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## Vet and test all modules with the race detector, on the servers found here
	@command -v $${CC:-cc} gcc >/dev/null || { echo "make test needs a C compiler, for the race detector and SQLite: apt-get install gcc libc6-dev"; exit 1; }
	$(GO) vet $(PACKAGES)
	$(GO) test -race -count=1 -timeout 15m $(TESTFLAGS) $$($(GO) list $(PACKAGES) | grep -v /tests/model$$)
	$(GO) test -count=1 -timeout 0 $(TESTFLAGS) ./tests/model # its searches are bounded by depth and memory; it runs niced
	$(GO) test -count=1 -run 'UnscopedQueriesAreFree|HitsAreCheap' $(TESTFLAGS) ./tests/plugin

.PHONY: prove
prove: ## Check the model and its mutants, hunt stale reads under faults, compare random programs, fuzz; PROVEFLAGS=-hunt.time=1h for longer
	$(GO) run ./tests/verdict -prove -fuzz $(PROVEFUZZ) -- $(PROVEFLAGS)

.PHONY: quick
quick: ## Test reads and writes on SQLite and the in-process store, in seconds: no servers, no C compiler
	GORMCACHE_NO_SERVERS=1 CGO_ENABLED=0 $(GO) test -short $(TESTFLAGS) ./... ./tests/plugin ./tests/narrow ./tests/policy

.PHONY: compat
compat: ## Hunt with processes of this version and of OTHER=c4f5dae side by side on one Redis
	.ci/compat $(OTHER) $(COMPATFLAGS)

.PHONY: quickstart
quickstart: ## Run the quick start on SQLite and the store in the process
	$(GO) run -v ./examples/quickstart

.PHONY: lint
lint: ## Run the linters of .golangci.yml over all modules
	$(GO) run $(LINTER) run $(PACKAGES)

.PHONY: house
house: ## Print lines, exported names, spread types and calls upwards of each package; BEFORE=c4f5dae compares
	.ci/house $(BEFORE)

.PHONY: fmt
fmt: ## Format all modules
	$(GO) run $(LINTER) fmt

.PHONY: tidy
tidy: ## Tidy go.mod and go.sum of all modules
	for module in $(MODULES); do (cd $$module && GOWORK=off $(GO) mod tidy) || exit 1; done

.PHONY: bench
bench: ## Run the benchmarks (COUNT=5), as benchstat reads them
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) -benchtime $(BENCHTIME) $(PACKAGES)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME=200000x inputs
	.ci/fuzz $(FUZZTIME)

.PHONY: ci
ci: ## Do what CI does; installs Debian's servers, so it wants root
	.ci/run
