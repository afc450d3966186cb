# `make demo` shows it, `make test` checks it. Each does its own set-up.
.DEFAULT_GOAL := help
.PHONY: help setup demo test bench soak lint

CARGO ?= cargo

help: ## List these.
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' $(MAKEFILE_LIST)

setup: ## Install what the system lacks: Chromium, PostgreSQL, bubblewrap, a Docker engine and strace, from Debian's packages.
	@sh tests/setup.sh

demo: setup ## Build for speed and start two personas at work; prints where to look.
	$(CARGO) run --release --locked -- demo

test: setup ## Format, lints, then every test, on both databases and a real browser.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked --features failpoints -- -D warnings
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	INSTA_UPDATE=no $(CARGO) test --workspace --locked --features failpoints

bench: setup ## Measure speed and size, each figure beside what bounds it; ONLY=<part> for one.
	$(CARGO) bench --locked --bench greenroom -- $(ONLY)

soak: ## Live through 1,000 simulated days with faults; a broken promise names its seed. SEED=<n> begins elsewhere.
	$(CARGO) build --release --locked
	target/release/greenroom sim --personas 300 --cap 8 --load 0.9 --faults --svg target/soak.svg --seeds 1000 --seed $(or $(SEED),1)

lint: ## The slow rest: documentation, licences and advisories, unused dependencies.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check; else echo "skipped: cargo-deny is not installed"; fi
	@if command -v cargo-machete >/dev/null; then $(CARGO) machete; else echo "skipped: cargo-machete is not installed"; fi
