# make help lists the targets.

.DEFAULT_GOAL := help

GO       ?= go
# One pattern a module: `./...` stops at the border of a module.
PACKAGES := ./... ./store/compress/... ./store/memcachestore/... ./tests/... ./examples/...
MODULES  := . store/compress store/memcachestore tests examples
# What make quick runs of tests.
QUICK    := plugin narrow policy regions relation
# Pinned, and run by `go run`, so that no module's go.mod carries tools.
LINTER   := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# How many inputs each fuzz target gets; how often each benchmark runs, and how long.
FUZZTIME  ?= 200000x
PROVEFUZZ ?= 50000x
COUNT     ?= 5
BENCHTIME ?= 1s
# The version that runs beside this one in make compat.
OTHER     ?= c4f5dae
# How long make nightly hunts under each fault, and how long make soak keeps up its load.
HUNTTIME  ?= 1m
SOAKTIME  ?= 10m

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: quick
quick: ## Test reads and writes in seconds, on SQLite and the in-process store: no servers, no C compiler; COVER=1 prints coverage
	GORMCACHE_NO_SERVERS=1 CGO_ENABLED=0 $(GO) test -short $(if $(COVER),-coverpkg=./... -coverprofile=cover.out) $(TESTFLAGS) ./... $(addprefix ./tests/,$(QUICK))
	@$(if $(COVER),.ci/coverage cover.out)

.PHONY: test
test: ## Vet and test all modules with the race detector, on the servers found here
	@command -v $${CC:-cc} gcc >/dev/null || { echo "make test needs a C compiler, for the race detector and SQLite: apt-get install gcc libc6-dev"; exit 1; }
	$(GO) vet $(PACKAGES)
	$(GO) test -race -count=1 -timeout 15m $(TESTFLAGS) $$($(GO) list $(PACKAGES) | grep -vE '/tests/(model|hunt)$$')
	$(GO) test -race -count=1 -timeout 15m -short $(TESTFLAGS) ./tests/hunt # 2 s under each fault; make nightly hunts for longer
	$(GO) test -count=1 -timeout 0 $(TESTFLAGS) ./tests/model # its searches are bounded by depth and memory; it runs niced
	$(GO) test -count=1 -run 'UnscopedQueriesAreFree|HitsAreCheap' $(TESTFLAGS) ./tests/plugin

.PHONY: nightly
nightly: PROVEFLAGS  = -hunt.time=$(HUNTTIME)
nightly: PROVEFUZZ   = $(FUZZTIME)
nightly: COMPATFLAGS = -hunt.time=$(HUNTTIME)
nightly: prove soak compat ## What takes hours: make prove with HUNTTIME=1m under each fault and FUZZTIME inputs, make soak, make compat; -k goes on

.PHONY: prove
prove: ## Check the model and its mutants, hunt stale reads under faults, compare random programs, fuzz; PROVEFLAGS=-hunt.time=1h for longer
	$(GO) run ./tests/verdict -prove -fuzz $(PROVEFUZZ) -- $(PROVEFLAGS)

.PHONY: soak
soak: ## Keep up a load of four processes for SOAKTIME=10m: does anything grow?
	$(GO) test -count=1 -v -timeout 0 ./tests/soak -soak.time=$(SOAKTIME)

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
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) -benchtime $(BENCHTIME) $(BENCHFLAGS) $(PACKAGES)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME=200000x inputs
	.ci/fuzz $(FUZZTIME)

.PHONY: ci
ci: ## Do what CI does; installs Debian's servers, so it wants root
	.ci/run
