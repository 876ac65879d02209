# Everything that a fresh machine with Python 3.11 or later needs, in one word each. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
DEMO   := $(VENV)/.demo
# Most tests wait for servers: three at once take 8 minutes on 2 cores where one after the other takes over 20.
PARALLEL ?= -n 3

export PYTHONDONTWRITEBYTECODE =

.PHONY: help dashboard demo test test-core lint bench soak image e2e clean
help: ## list what can be made
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

PIP    := $(BIN)/pip install --quiet --disable-pip-version-check
# A lock names everything, so nothing is resolved: pip would look at versions newer than the lock's and stop at them.
LOCKED := $(PIP) --no-deps --require-hashes
OURS   := $(PIP) --no-deps --no-build-isolation -e . -e reporter
CHECK  := $(BIN)/pip check --disable-pip-version-check

# A demo wants a fraction of what the tests want; both live in one environment.
$(DEMO): requirements/demo.txt pyproject.toml reporter/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) -r requirements/demo.txt
	$(OURS)
	$(CHECK)
	touch $@

$(STAMP): requirements/dev.txt $(DEMO)
	$(LOCKED) -r requirements/dev.txt
	$(OURS)
	$(CHECK)
	touch $@

demo: $(DEMO) ## a real PostgreSQL, a busy application and the exporter; Ctrl-C ends it all
	@$(BIN)/python -m exporter demo $(ARGS)

test: $(STAMP) ## the tests; what needs a tool that is missing is skipped with a reason
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS) --ignore tests/cluster

test-core: $(STAMP) ## the tests of the modules alone
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS) tests/unit tests/integration

e2e: $(STAMP) ## the chart on a real Kubernetes: one of its own, or E2E_CLUSTER=current
	E2E_CLUSTER=$${E2E_CLUSTER:-own} $(BIN)/python -m pytest $(PYTEST_ARGS) tests/cluster

IMAGE ?= db-health-exporter:0.1.0
image: ## the container image, by docker, podman or buildah, whichever works; IMAGE_FLAGS are theirs
	@for tool in docker podman buildah; do \
	    if $$tool info >/dev/null 2>&1; then set -x; exec $$tool build $(IMAGE_FLAGS) -t $(IMAGE) .; fi; \
	done; echo "make image: needs docker (with its daemon), podman or buildah" >&2; exit 1

bench: $(STAMP) ## figures, beside the peers that are installed
	$(BIN)/python -m bench
	$(BIN)/python -m bench.reporter_overhead

soak: $(STAMP) ## 1,000 freezes and thaws
	SOAK_CYCLES=1000 $(BIN)/python -m pytest --timeout 7200 -k soak tests

lint: $(STAMP) ## style, types, layers and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/oxlint --deny-warnings exporter tests
	$(BIN)/python -m tools.css_lint

dashboard: $(STAMP) ## the Grafana dashboard's file anew, from its generator
	$(BIN)/python -m tools.dashboard

clean: ## remove what the other targets made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist
