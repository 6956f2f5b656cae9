# Everything runs in an environment of its own, .venv, which make builds from pyproject.toml when it is missing or out of date.
# Choose the interpreter with PYTHON=...; without it the first one that is new enough is taken.

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do $$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
STAMP := .venv/.made

MAKEFLAGS += --no-print-directory

.PHONY: help demo test test-quick lint pytest coverage peers bench soak fuzz chaos clean

help:
	@echo "make demo        a router and two components in processes of their own show what trowamp does"
	@echo "make test        the whole test suite, lint and type check"
	@echo "make test-quick  the same without the tests that need Crossbar.io or other clients"
	@echo "make coverage    which lines the tests run, but for those that are run alone"
	@echo "make lint        lint, format and type check only"
	@echo "make peers       install the routers and clients that we are tested against, in .peers"
	@echo "make bench       measure trowamp beside its peers, into benchmarks/results; BENCH=--quick takes a few minutes"
	@echo "make soak        mixed load and faults for SOAK_MINUTES, 20 unless told otherwise: a router, then programs on asyncio and Twisted"
	@echo "make fuzz        FUZZ_RUNS inputs, a million unless told otherwise, for every parser; FUZZ_TARGETS chooses"
	@echo "make chaos       the tests of reliability, CHAOS_SCALE times as long as in the test suite: 20 unless told otherwise"
	@echo "make clean       remove .venv, .peers and everything that tools left behind"

demo: $(INSTALLED)
	$(BIN)/trowamp demo

# The peers are installed while the types are checked: one waits for the network, the other needs a processor.
test: $(STAMP)
	$(MAKE) --jobs=2 --output-sync=recurse lint peers
	$(MAKE) pytest

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Three at once on two processors, because half of the tests wait for other processes. What is measured is measured alone.
MEASURED := tests/reliability tests/test_storms.py
PARALLEL := -n 3 --dist worksteal $(MEASURED:%=--ignore=%)
ALONE := --timeout=300 $(MEASURED)

test-quick: lint
	$(BIN)/python -m pytest $(PARALLEL) --ignore=tests/interop
	$(BIN)/python -m pytest $(ALONE)

# What cannot be installed, say offline, is told; the tests that need it are skipped, or fail on a build server.
peers: $(STAMP)
	$(BIN)/python tests/interop/peers.py

pytest: $(STAMP) peers
	$(BIN)/python -m pytest $(PARALLEL)
	$(BIN)/python -m pytest $(ALONE)

# Not part of `make test`: to be traced takes the tests twice as long, and what measures itself measures the tracing.
coverage: $(STAMP) peers
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(PARALLEL)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# The plot needs matplotlib, which nothing else does; without it, say offline, there is none.
bench: peers
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	$(BIN)/python -m benchmarks $(BENCH)

# The long forms of tests/reliability. Figures are kept in tests/results/reliability.json; TROWAMP_SEED repeats what a test printed.
SOAK_MINUTES ?= 20
FUZZ_RUNS ?= 1000000
FUZZ_TARGETS ?=
CHAOS_SCALE ?= 20

soak: $(STAMP)
	TROWAMP_SOAK_MINUTES=$(SOAK_MINUTES) $(BIN)/python -m pytest tests/reliability -k "harmed_all_the_time" --timeout=0

chaos: $(STAMP) peers
	TROWAMP_SCALE=$(CHAOS_SCALE) $(BIN)/python -m pytest $(MEASURED) tests/router/test_model.py tests/interop/test_random_scripts.py --timeout=0

fuzz: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	$(BIN)/python -m tests.fuzz --runs $(FUZZ_RUNS) $(FUZZ_TARGETS)

clean:
	rm -rf .venv .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* dist

$(INSTALLED): pyproject.toml
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	    echo "trowamp needs Python 3.11 or newer, and '$(PYTHON)' is not that. Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cli]'
	@touch $@

$(STAMP): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
