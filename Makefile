# Everything that a fresh machine with Python 3.11 or later needs, in one word each. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
DEMO   := $(VENV)/.demo
DOCS   := .venvs/docs
# Tests wait for servers and start processes: three at once keep 2 cores busy and meet their deadlines.
PARALLEL ?= -n 3

export PYTHONDONTWRITEBYTECODE =

.PHONY: help check unit dashboard generate docs demo test test-all test-modules test-extended test-rest lint bench soak fuzz image e2e clean
help: ## list what can be made
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

PIP    := $(BIN)/pip install --quiet --disable-pip-version-check
# A lock names everything, so nothing is resolved: pip would look at versions newer than the lock's and stop at them.
LOCKED := $(PIP) --no-deps --require-hashes
OURS   := $(PIP) --no-deps --no-build-isolation -e . -e reporter -e demo
CHECK  := $(BIN)/pip check --disable-pip-version-check

NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'

# A demo wants a fraction of what the tests want; both live in one environment.
$(DEMO): requirements/demo.txt pyproject.toml reporter/pyproject.toml demo/pyproject.toml
	@$(NEW_ENOUGH)
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

PYTEST := $(BIN)/python -m pytest
# What Python alone can run: no tool of another kind, and each kind of fault once.
NEWCOMERS := tests/unit tests/integration tests/faults tests/reporter tests/demo

check: $(STAMP) ## unit tests and lint beside each other: no server, under 30 s
	@$(MAKE) --no-print-directory -j 2 --output-sync=target unit lint

unit: $(STAMP) ## no process, no server: under 10 s
	$(PYTEST) -n 2 $(PYTEST_ARGS) tests/unit

test: $(STAMP) ## each rule and each kind of fault once, on servers of the tests' own; under 4 minutes on 2 cores
	$(PYTEST) $(PARALLEL) $(PYTEST_ARGS) $(NEWCOMERS)

test-all: test test-modules test-extended test-rest ## the second driver, older SQLAlchemy, charts, dashboards, browser, too; prints the coverage

test-modules: $(STAMP)
	$(PYTEST) $(PARALLEL) $(PYTEST_ARGS) --all --cov --cov-report= tests/unit tests/integration
	$(BIN)/coverage report --skip-covered

# What neither `test` nor `test-modules` has run of their directories, and the other directories.
test-extended: $(STAMP)
	$(PYTEST) $(PARALLEL) $(PYTEST_ARGS) --extended tests/faults tests/reporter tests/demo

test-rest: $(STAMP)
	$(PYTEST) $(PARALLEL) $(PYTEST_ARGS) --all $(addprefix --ignore ,tests/cluster $(NEWCOMERS)) tests

e2e: $(STAMP) ## the chart on a real Kubernetes: one of its own, or E2E_CLUSTER=current
	E2E_CLUSTER=$${E2E_CLUSTER:-own} $(BIN)/python -m pytest --all $(PYTEST_ARGS) tests/cluster

# The version stands in exporter/__init__.py; `make generate` writes it wherever else it is needed.
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' exporter/__init__.py)
IMAGE   ?= db-health-exporter:$(VERSION)
image: ## the container image, by docker, podman or buildah, whichever works; IMAGE_FLAGS are theirs
	@for tool in docker podman buildah; do $$tool info >/dev/null 2>&1 && break || tool=; done; \
	[ -n "$$tool" ] || { echo "make image: needs docker (with its daemon), podman or buildah" >&2; exit 1; }; \
	set -x; DOCKER_BUILDKIT=1 $$tool build $(IMAGE_FLAGS) --build-arg VERSION=$(VERSION) -t $(IMAGE) . || exit; \
	if [ $$tool = buildah ]; then buildah push -q $(IMAGE) docker-archive:/dev/stdout; else $$tool save $(IMAGE); fi | \
	    gzip | wc -c | awk '{ printf "$(IMAGE): %.1f MB compressed; the goal is under 90 MB\n", $$1 / 1e6 }'

# make release REGISTRY=localhost:5000 tries all of it; BASE, IMAGE_FLAGS, KEY=key.pem, HELM and OUT say more.
# What is asked for is looked at first, by any Python: a wrong word need not wait for the environment.
RELEASE = -m tools.release --registry '$(REGISTRY)' --version '$(VERSION)' --image-flags '$(IMAGE_FLAGS)' \
    $(if $(BASE),--base '$(BASE)') $(if $(KEY),--key '$(KEY)') $(if $(HELM),--helm '$(HELM)') $(if $(OUT),--out '$(OUT)') \
    $(if $(PLAIN_HTTP),--plain-http)
.PHONY: release
release: ## image for amd64 and arm64, charts, packages, signed, to REGISTRY; DRY_RUN=1 shows what it would do
	@$(NEW_ENOUGH)
	@$(PYTHON) $(RELEASE) $(if $(DRY_RUN),--dry-run,--check)
	@$(if $(DRY_RUN),,$(MAKE) --no-print-directory $(STAMP))
	@$(if $(DRY_RUN),,$(BIN)/python $(RELEASE))

bench: $(STAMP) ## figures, beside the peers that are installed
	$(BIN)/python -m bench
	$(BIN)/python -m bench.reporter_overhead

soak: $(STAMP) ## 1,000 faults, then 1,000 freezes under both drivers: 20 minutes
	SOAK_CYCLES=1000 $(BIN)/python -m pytest --all --timeout 7200 -k "soak or freezes" tests/faults

FUZZ_SHARE ?= 0.25
fuzz: $(STAMP) ## inputs of every shape to environments, ports, files and drivers: minutes; FUZZ_SHARE=1 tries 10,000 environments
	FUZZ=long FUZZ_SHARE=$(FUZZ_SHARE) $(PYTEST) $(PARALLEL) --timeout 7200 $(PYTEST_ARGS) tests/fuzz

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

# helm-docs makes the charts' READMEs where tests/chart/install-tools has installed it.
HELM_DOCS = $(or $(DBHEALTH_TOOLS),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dbhealth-tools)/helm-docs/helm-docs
generate: dashboard ## every file that is made of others: the version, the dashboard, the reference, the charts' schemas and READMEs
	$(BIN)/python -m tools.version --write
	$(BIN)/python -m tools.chart
	$(BIN)/python -m tools.reference
	@if [ -x $(HELM_DOCS) ]; then $(HELM_DOCS) -c helm -g helm/db-health-exporter,helm/db-health-exporter-lib -s file --log-level error; \
	else echo "make generate: the charts' READMEs need helm-docs: run tests/chart/install-tools" >&2; fi

# Sphinx lives in an environment of its own, which the tests do not need.
$(DOCS)/.ready: requirements/docs.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

docs: $(DOCS)/.ready ## the documentation as a site, in build/docs; warnings are errors
	$(DOCS)/bin/python tools/site.py build/docs

clean: ## remove what the other targets made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist
