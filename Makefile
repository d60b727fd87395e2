.DEFAULT_GOAL := help

PORT ?= 7071
SCHEDULER_PORT ?= 8443
DATA_DIR ?= .tocsin
STRICT ?=
BROKER ?=
CONNECTION ?=
LISTEN ?= 127.0.0.1:5672
BROKER_DATA ?= .tocsin/broker
CONFIG ?=
ARGUMENTS ?=
SEED ?= $(shell date +%s)
ROUNDS ?= 1000
MUTATIONS ?= 100000
CONNECTIONS ?= 10000

# The newest Python that azure-functions allows and that can make a virtual environment (Debian ships that apart).
find_python = for candidate in python3.12 python3.11 python3 python; do \
	  "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
	    2>/dev/null && command -v "$$candidate" && exit 0; \
	done; \
	echo "Tocsin needs Python 3.11 or 3.12 with its venv module; none of python3.12, python3.11, python3 is one." >&2; \
	echo "On Debian and Ubuntu: apt install python3-venv" >&2; \
	exit 1
# pip goes last in making an environment, so one that has pip is whole.
environment = test -x $(1)/bin/pip || { python=$$($(find_python)) && echo "making $(1)" && "$$python" -m venv $(1); }
install = $(1)/bin/pip install --quiet --disable-pip-version-check
# Node is optional: its clients' tests are skipped without it, and fail in CI.
NODE_CLIENTS = $(if $(shell command -v npm 2>/dev/null),tests/conformance/node/node_modules/.done)

.PHONY: help demo up broker test chaos fuzz check format lint types imports openapi schemas bench environment clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.local ## show the whole path on this machine: accept, execute, publish, kill, recover
	@./tocsin demo $(ARGUMENTS)

up: .venv/.local ## start the stack and leave it running (PORT, SCHEDULER_PORT, DATA_DIR, STRICT=1, BROKER, CONNECTION)
	@./tocsin up --data-dir $(DATA_DIR) --port $(PORT) --scheduler-port $(SCHEDULER_PORT) $(if $(STRICT),--strict) \
	  $(if $(BROKER),--broker $(BROKER))

# In the environment, where no list of processes shows it.
ifneq ($(CONNECTION),)
up: export ServiceBusConnection = $(CONNECTION)
endif

broker: .venv/.local ## start a Service Bus for any SDK and leave it running (LISTEN, BROKER_DATA, CONFIG=Config.json)
	@./tocsin broker --data $(BROKER_DATA) --listen $(LISTEN) $(if $(CONFIG),--config $(CONFIG))

# Half as many workers again as there are cores, since many tests wait: for processes, for the SDK.
WORKERS ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))

# A worker takes a whole file. In the order of the folders the long ones (chaos, conformance, e2e) come first; xdist by
# itself takes files of few tests last, which are just these, and one worker would wait for the other.
test: .venv/.dev .venv-runtime/.done .venv-clients/.done $(NODE_CLIENTS) ## run every test (ARGUMENTS="tests/shared/wire -x" for some)
	@.venv/bin/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGUMENTS)

chaos: .venv/.dev ## kill and freeze the engine everywhere, then at random (ROUNDS, from SEED on)
	@.venv/bin/python -m pytest -q tests/chaos --seed $(SEED) --rounds $(ROUNDS) $(ARGUMENTS)

fuzz: .venv/.dev ## send wrong requests (MUTATIONS) and open wrong connections (CONNECTIONS) at random, from SEED on
	@.venv/bin/python -m pytest -q tests/conformance/test_mutations.py tests/conformance/test_malformed_connections.py \
	  --seed $(SEED) --mutations $(MUTATIONS) --connections $(CONNECTIONS) $(ARGUMENTS)

check: lint types imports test ## format, lint, types, import rules and tests: what CI runs

format: .venv/.dev ## rewrite the sources in the house's format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix-only --quiet .

lint: .venv/.dev ## say what is not in the house's format or breaks a lint rule
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .

types: .venv/.dev ## check the types of source and tests
	@.venv/bin/mypy

imports: .venv/.dev ## check that imports point one way
	@.venv/bin/lint-imports

openapi: .venv/.dev ## write the OpenAPI document of the Scheduler service into the reference
	@.venv/bin/python -m shared.wire.openapi > docs/reference/openapi/scheduler.json

schemas: .venv/.dev ## write the JSON Schemas of the events' data into the reference
	@.venv/bin/python -m shared.contracts docs/reference/events

bench: .venv/.dev ## measure the path, the embedded broker, the local host, the engine and the Scheduler service on this machine
	@for program in path deliveries stored broker host engine service; do .venv/bin/python -m benchmarks.$$program || exit 1; done

environment: .venv/.dev ## make .venv with everything in it

clean: ## remove the environments, caches and the demo's data; what `make up` stored stays
	@rm -rf .venv .venv-runtime .venv-clients tests/conformance/node/node_modules .tocsin/demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	@find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.local: requirements.txt requirements-local.txt constraints.txt
	@$(call environment,.venv)
	@echo "installing what the local stack needs"
	@$(call install,.venv) -r requirements-local.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.local
	@echo "installing what the tests need"
	@$(call install,.venv) -r requirements-dev.txt
	@touch $@

# Azure's own worker library, in an environment of its own: its wheel wants a newer Python than the one it is
# compatible with, and pip can waive that for a whole resolution only.
.venv-runtime/.done: requirements.txt constraints.txt
	@$(call environment,.venv-runtime)
	@echo "installing the Azure Functions worker library"
	@$(call install,.venv-runtime) -r requirements.txt
	@$(call install,.venv-runtime) --ignore-requires-python 'azure-functions-runtime==1.3.0' 'azure-functions<2'
	@touch $@

# The Python clients of the retired service, apart: they need other packages than we do, and must be as their registry
# has them.
.venv-clients/.done: tests/conformance/python/requirements.txt constraints.txt
	@$(call environment,.venv-clients)
	@echo "installing the Python clients of Azure Scheduler"
	@$(call install,.venv-clients) -r tests/conformance/python/requirements.txt
	@touch $@

tests/conformance/node/node_modules/.done: tests/conformance/node/package.json tests/conformance/node/package-lock.json
	@echo "installing the Node clients of Azure Scheduler"
	@npm ci --prefix tests/conformance/node --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
