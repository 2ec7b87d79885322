# One build of the tests for all of them: with every feature on, so that the live suites are in.
CARGO ?= cargo

.PHONY: help test lint install-components bench docs

help:
	@echo 'make test                everything: format, lints, unit tests, and the live suites against servers it starts itself'
	@echo 'make lint                format and lints alone'
	@echo 'make install-components  what the live suites start, by apt-get; needs root when something is missing'
	@echo 'make bench               the speed figures'
	@echo 'make docs                docs/reference and docs/coverage.md, and the documentation of the code'

test: lint install-components
	$(CARGO) test --all-features --no-fail-fast

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --all-features -- -D warnings

install-components:
	scripts/install-components

bench: install-components
	$(CARGO) bench --bench figures

docs:
	HARDEN_BLESS=1 $(CARGO) test --all-features --test offline -- reference coverage
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' $(CARGO) doc --no-deps --document-private-items
