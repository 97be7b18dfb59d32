# `make` alone lists the targets. Every target is a thin line over cargo or a script in scripts/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# How long the server keeps free memory, in milliseconds (docs/adr/0006).
export MIMALLOC_PURGE_DELAY ?= 5000

##@ Daily work

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: prerequisites ## Build the server and run it (DATABASE_URL, PORT, … are honoured)
	cargo build --release -p holdfast
	$(TARGET_DIR)/release/holdfast serve

.PHONY: test
test: prerequisites ## Run all tests, with a throwaway Postgres and Redis (as root, also one that fills a disk)
	scripts/with-services cargo test --workspace --locked $(if $(filter 0,$(shell id -u)),-- --include-ignored)

.PHONY: check
check: prerequisites ## Check the formatting, and lint with warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

.PHONY: hooks
hooks: ## Check the formatting, the lints and the source's shape before each commit
	ln -sf ../../scripts/pre-commit "$$(git rev-parse --git-path hooks)/pre-commit"

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: fuzz
fuzz: prerequisites ## Fuzz the API by its OpenAPI document (schemathesis, some three minutes)
	scripts/fuzz

.PHONY: python-client
python-client: prerequisites ## Generate a Python client from the OpenAPI document, and have it sell a seat
	scripts/python-client

.PHONY: verify
verify: prerequisites ## Check a store's invariants: the journal against the tables (DATABASE_URL)
	cargo build --release -p holdfast
	$(TARGET_DIR)/release/holdfast verify

##@ Many nodes

.PHONY: sim
sim: prerequisites ## Simulate whole nodes from seeds (SEEDS=10000 for more; SEED=77 tells one; SHRINK=1 makes it shorter)
	cargo build --release -p holdfast-sim
	$(TARGET_DIR)/release/sim $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),2000)) $(if $(FROM),--from $(FROM)) $(if $(SHRINK),--shrink)

.PHONY: sim-proof
sim-proof: prerequisites ## Break rules of the engine on purpose, one after the other: the simulator must find each
	cargo run --release -p holdfast-sim --features mutations -- --proof

.PHONY: chaos
chaos: prerequisites ## Break real nodes, Postgres, Redis and the links; check what clients were told (some eight minutes)
	cargo build -p holdfast --features chaos -p holdfast-chaos
	$(TARGET_DIR)/debug/chaos $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS))
	$(TARGET_DIR)/debug/chaos --unfenced

.PHONY: cluster
cluster: prerequisites ## Run three nodes with a throwaway Postgres and Redis, until Ctrl-C
	cargo build -p holdfast --features chaos -p holdfast-chaos
	$(TARGET_DIR)/debug/chaos --cluster

.PHONY: demo
demo: ## Three nodes in Docker: kill the owner in the middle of an on-sale, and see what was sold
	scripts/demo

##@ Measurements

.PHONY: bench
bench: prerequisites ## Benchmark the parts against a kept baseline (some twelve minutes; SAVE=1 makes the baseline anew)
	scripts/bench

.PHONY: load
load: prerequisites ## A short tour of the load generator, with plots (SCENARIO=onsale for one alone)
	scripts/load $(SCENARIO)

.PHONY: bars
bars: prerequisites ## Measure what is promised of the speed, and say what is met here (some twenty minutes; BARS="cold maps")
	scripts/bars $(BARS)

.PHONY: measure
measure: prerequisites ## Measure reservations/s on one hot event, with SQLite and with Postgres
	scripts/measure

.PHONY: abuse
abuse: prerequisites ## Attack a server of its own, and measure what that costs it and its other clients (some three minutes)
	cargo build --release --locked -p holdfast
	scripts/abuse $(TARGET_DIR)/release/holdfast $(ATTACKS)

.PHONY: compare
compare: prerequisites ## Compare with other ways to sell seats, behind the same HTTP code (some twelve minutes)
	cargo build --release --locked -p holdfast -p holdfast-load -p holdfast-peers
	scripts/with-services $(TARGET_DIR)/release/compare $(if $(JSON),--json $(JSON))

##@ Housekeeping

.PHONY: clean
clean: ## Remove what was built, and the Python environment
	cargo clean
	rm -rf .venv

.PHONY: prerequisites
prerequisites:
	@scripts/prerequisites
