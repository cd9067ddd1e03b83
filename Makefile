# What a newcomer types. Every target builds what it needs; `make help` lists them.

SWIFT ?= swift
SAMPLE := Benchmarks/Workloads/storefront/CDNOW_sample.txt
# One test at a time: many block threads on purpose, and the test library runs tests on as few threads as there are cores.
SERIAL := --no-parallel
# A test that stands still is an error that says where, not a machine that waits.
PATIENT := .ci/patience 600
SOURCES := Package.swift Sources Tests Benchmarks .ci

.DEFAULT_GOAL := help
.PHONY: help run test check lint tsan asan coverage verify soak bench bench-report scratch gates gates-record deps clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: deps ## the main job on a real purchase log, built for release; options in ARGS="--workers 2"
	$(SWIFT) build -c release --product gyre
	.build/release/gyre demo storefront --input $(SAMPLE) $(ARGS)

test: deps ## every test, built for debugging; options in ARGS="--filter Ring"
	$(PATIENT) $(SWIFT) test $(SERIAL) $(ARGS)

check: deps lint ## format, tidy, a build with warnings as errors, unit tests: before every commit
	$(PATIENT) $(SWIFT) test $(SERIAL) --skip 'StressTests|SimulationTests'

lint: ## the formatter's opinion of all Swift files
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

# What a sanitizer sees of a pure policy does not take ten thousand histories.
tsan asan: export GYRE_SEEDS ?= 50
# Names of places and lines are enough to read what a sanitizer reports.
tsan asan: LINES := -Xswiftc -gline-tables-only -Xcc -gline-tables-only
# What they do not see more of: bytes a timer, rules of one thread, and the same demo nine times more.
tsan asan: SEEN := --skip 'oneMillionTimersTakeAtMost|StorefrontRulesTests|pinningAndPassesChangeNoDecision'
# ThreadSanitizer sees nothing in what one thread does with values, or with the files of the repository.
tsan: export GYRE_TARGETS_LEFT_OUT := GyrePolicyTests,GyreBenchTests,TidyTests
ONE_THREAD := --skip 'GraphPictureTests|DemoInputTests|GyreCLITests\.BenchTests'
tsan: deps ## every test under ThreadSanitizer, but those of pure values
	$(PATIENT) $(SWIFT) test $(SERIAL) $(ONE_THREAD) $(SEEN) --sanitize=thread $(LINES) --scratch-path .build-tsan $(ARGS)

# XCTest, of which no test here is one, leaks in its own runner, and the leak checker says so. Undefined behaviour of C
# traps where it happens: Swift has no runtime for it on Linux.
UNDEFINED := -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined
# The same run counts for `make coverage`. Without the first flags the compiler counts Swift only; without the last
# threads would lose each other's counts, and what is computed from them would show branches that no thread took.
COUNTED := --enable-code-coverage -Xcc -fprofile-instr-generate -Xcc -fcoverage-mapping -Xcc -fprofile-update=atomic
asan: export GYRE_TARGETS_LEFT_OUT := TidyTests
asan: deps ## every test of code under AddressSanitizer, leaks and undefined behaviour of C included
	$(PATIENT) $(SWIFT) test $(SERIAL) $(SEEN) --disable-xctest --sanitize=address $(UNDEFINED) $(COUNTED) \
	    $(LINES) --scratch-path .build-asan $(ARGS)

# Beside what `make run` has built, which is most of it.
VERIFIER = $(SWIFT) build -c release --product GyreVerify
coverage: deps ## how much of the code the tests run: branches of CGyre, lines of GyreCore, GyrePolicy and Gyre
	$(VERIFIER)
	.build/release/GyreVerify --size ci --only coverage $(ARGS)

verify soak: deps
	@.ci/deps verify
	$(VERIFIER)
	$(SWIFT) build -c release --product GyreFaultHost
	$(SWIFT) build -c release --product gyre
	.build/release/GyreVerify --size $(SIZE) $(ARGS)

verify: SIZE := ci
verify: ## what looks for bugs beyond single tests, in minutes; options in ARGS="--only model"

soak: SIZE := soak
soak: ## the same for hours, seeds printed

# Where DPDK's headers are. Its libraries are not linked: rte_ring.cpp says how. The peers are optional; what cannot be
# installed is reported as left out.
DPDK = $(addprefix -Xcxx ,$(shell pkg-config --cflags-only-I libdpdk 2>/dev/null))
bench: deps ## everything beside its peers; also ONLY=ring QUICK=1 JSON=FILE, options in ARGS="--runs 31"
	@.ci/deps bench || echo 'bench: peers that are missing are left out' >&2
	$(SWIFT) run -c release --package-path Benchmarks --scratch-path .build-benchmarks $(DPDK) bench \
	    $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick) $(if $(JSON),--json $(abspath $(JSON))) $(ARGS)

bench-report: deps ## Benchmarks/RESULTS.md and its plots from the file of such a run: JSON=FILE
	@test -n '$(JSON)' || { echo 'make bench-report JSON=FILE: the file that make bench JSON=FILE wrote' >&2; exit 2; }
	$(SWIFT) run -c release --package-path Benchmarks --scratch-path .build-benchmarks $(DPDK) bench-report \
	    $(abspath $(JSON)) Benchmarks

scratch: deps ## nanoseconds per task of every way to submit one
	$(SWIFT) run -c release --package-path Benchmarks --scratch-path .build-benchmarks scratch $(ARGS)

# Counts, not times: a busy machine can judge them.
GATES = $(SWIFT) build -c release --package-path Benchmarks --scratch-path .build-benchmarks --product
gates: deps ## instructions, allocations and system calls of a task, against the baseline in the tree
	@.ci/deps gates
	$(GATES) gatehost
	$(GATES) gates
	.build-benchmarks/release/gates $(ARGS)

gates-record: ## makes the counts of now the baseline
	@$(MAKE) gates ARGS=--record

deps: ## checks the compiler and the packages of a build, installs those that are missing
	@.ci/deps

clean: ## removes everything that was built
	rm -rf .build .build-*
