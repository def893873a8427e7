# AAMAS: the commands of the house. `make` alone lists them. CI calls these same targets; nothing lives only in CI.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

# Outside the clone, and of this clone's own (docs/adr/0004).
ifndef CARGO_TARGET_DIR
CARGO_TARGET_DIR := $(shell scripts/target-dir)
endif
export CARGO_TARGET_DIR

.PHONY: help
help: ## List the targets (the default)
	@echo "usage: make TARGET"
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
	@echo
	@echo "Build output: $(CARGO_TARGET_DIR) (CARGO_TARGET_DIR moves it)"

.PHONY: demo
demo: ## Build the release binary and watch it repair a small repository: no key, no network
	@scripts/need demo
	cargo build --release --locked -p aamas
	"$(CARGO_TARGET_DIR)/release/aamas" demo

.PHONY: install
install: ## Build the release binary and put it into PREFIX/bin (~/.local by default)
	@scripts/need demo
	cargo build --release --locked -p aamas
	install -D -m 755 "$(CARGO_TARGET_DIR)/release/aamas" "$(or $(PREFIX),$(HOME)/.local)/bin/aamas"

.PHONY: test
test: ## Run all tests (with cargo-nextest if it is installed, else cargo test), the dashboard's first and last
	@scripts/need test
	@scripts/web test
	@scripts/test
	@scripts/web real

.PHONY: test-slow
test-slow: ## Run all tests with the long proofs (AAMAS_TEST_SLOW=1)
	@scripts/need test
	@AAMAS_TEST_SLOW=1 scripts/test

.PHONY: campaign
campaign: ## Run one long campaign: make campaign NAME=…; without NAME: list them
	@scripts/campaign $(NAME)

.PHONY: lint
lint: ## Check format, clippy, shell scripts and dependencies; a warning is an error
	@scripts/need lint
	@scripts/lint

.PHONY: fix
fix: ## Format, and apply what clippy can fix by itself
	cargo fmt --all
	cargo clippy --workspace --all-targets --locked --fix --allow-dirty --allow-staged
	cargo fmt --all

.PHONY: bench
bench: ## Measure against the targets and a bare loop; prints a table with verdicts
	@scripts/need demo
	cargo build --release --locked -p aamas -p benches
	"$(CARGO_TARGET_DIR)/release/bench" --aamas "$(CARGO_TARGET_DIR)/release/aamas" $(ARGS)

.PHONY: web
web: ## Build the dashboard into crates/api/dashboard, from where it gets into the binary (needs Node.js)
	@scripts/web build

.PHONY: web-test
web-test: ## Test the dashboard: types, units, size, and in a browser against a mock server
	@scripts/web test

.PHONY: web-real
web-real: ## Go the whole way in a browser against a real server (the debug build), which is started for it
	@scripts/web real

.PHONY: gen
gen: ## Write what is generated: the description of the API, the dashboard's types and the client (needs Node.js)
	@scripts/gen

.PHONY: dev
dev: ## Build without optimization and run: make dev ARGS="doctor"
	cargo run --locked -p aamas -- $(or $(ARGS),--help)

.PHONY: services-up
services-up: ## Install (once) and start PostgreSQL, Redis, NATS and git over HTTP on 127.0.0.1
	@scripts/services up $(NAME)

.PHONY: services-down
services-down: ## Stop what services-up started, and nothing else
	@scripts/services down $(NAME)
