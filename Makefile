# `make run` and `make test` need `make`, any python3 with venv, and a Python 3.10 on PATH, by pyenv, or by uv.
# Everything is installed into the clone: .tools has uv, .venv has the stack.

SHELL := /bin/bash
.DEFAULT_GOAL := help

CONFIG ?= configs/movielens_100k.yaml
USER_ID ?= 196
UV := .tools/bin/uv
BIN := .venv/bin
INSTALLED := .venv/.installed

export UV_NO_PROGRESS := 1

.PHONY: help setup run playground page-images test browser check lint types doctor bench-data bench-index bench-peers bench-serving bench-soak bench-events bench-gateway compiled-run \
  images lock lock-peers clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(INSTALLED) ## Make the environment, unless it is there

run: $(INSTALLED) ## Run the pipeline on CONFIG, write its report, and recommend to USER_ID from what it pushed
	@$(BIN)/recstack run --config $(CONFIG)
	@$(BIN)/recstack report --config $(CONFIG)
	@$(BIN)/recstack recommend --config $(CONFIG) --user $(USER_ID) --k 10

playground: $(INSTALLED) ## Train on CONFIG if need be, start its server and gateway, and say where the page is
	@$(BIN)/recstack playground --config $(CONFIG)

# ADDRESS is that of a page that runs, as `make playground` says it.
ADDRESS ?= http://127.0.0.1:8080/
page-images: $(INSTALLED) browser ## Take the documentation's pictures of the page at ADDRESS
	@$(BIN)/python -m tests.gateway.page_images $(ADDRESS) docs/images

# Two at a time; the end-to-end tests share one run of the pipeline, and so one worker.
test: $(INSTALLED) browser ## Run the tests
	@$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

# A test looks at the report in it, and is skipped where there is none.
browser: ## Install Chromium for the tests, on Debian as root; elsewhere nothing is done
	@if ! command -v chromium >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium; } \
	    >/dev/null 2>&1 || echo "Chromium could not be installed; its tests will be skipped" >&2; \
	fi

check: lint types test ## Everything that CI checks: ruff, mypy, tests

lint: $(INSTALLED) ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(INSTALLED) ## Check types
	@$(BIN)/mypy

doctor: $(INSTALLED) ## Check that this machine can run the stack
	@$(BIN)/recstack doctor

bench-data: $(INSTALLED) ## Time the data steps at 100 k, 1 M and 10 M synthetic events
	@$(BIN)/python -W ignore -m benchmarks.data

# RUN is a finished run with its artifacts; without one, trained embeddings are left out.
RUN ?= runs/movielens_100k
bench-index: $(INSTALLED) ## Measure the index beside faiss and hnswlib, 100 k and 1 M vectors
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -W ignore -m benchmarks.index --run $(RUN)

compiled-run: $(INSTALLED) ## Run each task of a compiled pipeline by its container's command, and compare with a local run
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -W ignore -m tests.pipeline.runners.compiled_run

bench-peers: $(INSTALLED) ## Judge other libraries on the splits of two protocols, each in an environment of its own
	@$(BIN)/python -W ignore -m benchmarks.peers --protocol random-75 --peers implicit lenskit rectools recommenders
	@$(BIN)/python -W ignore -m benchmarks.peers --protocol rating --peers surprise lenskit

bench-serving: $(INSTALLED) ## Measure the server, of BUNDLE if it is given, beside the SavedModel in process
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -W ignore -m benchmarks.serving $(if $(BUNDLE),--bundle $(BUNDLE))

bench-events: $(INSTALLED) ## Measure how many events a second the gateway's log keeps
	@$(BIN)/python -W ignore -m benchmarks.events

bench-gateway: $(INSTALLED) ## Time the gateway on the run of CONFIG, and ask it for more than it can make
	@$(BIN)/python -W ignore -m benchmarks.gateway --config $(CONFIG)
	@$(BIN)/python -W ignore -m benchmarks.gateway_load --config $(CONFIG)

bench-soak: $(INSTALLED) ## Call a server 200,000 times, also of BUNDLE if it is given, and watch its memory
	@$(BIN)/python -W ignore -m benchmarks.soak $(if $(BUNDLE),--bundle $(BUNDLE))

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
images: ## Build the images of the pipeline, its workers and the server, with Docker
	@for target in pipeline worker server; do \
	  docker build --target $$target --build-arg VERSION=$(VERSION) --tag recstack-$$target:$(VERSION) . || exit 1; done

# The server's image has fewer packages, of the same versions.
lock: $(UV) ## Resolve the dependencies anew into requirements.lock
	@$(UV) pip compile pyproject.toml --extra dev --extra mlflow --extra wandb --extra s3 --extra kafka --extra redis --python-version 3.10 --generate-hashes --no-header \
	  --no-annotate --no-emit-index-url --quiet --output-file requirements.lock
	@$(UV) pip compile serving/server/requirements.in --constraint requirements.lock --python-version 3.10 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --quiet --output-file serving/server/requirements.txt

lock-peers: $(UV) ## Resolve the dependencies of the peers, of the clients of others and of the tests' tools anew
	@for file in benchmarks/peers/requirements/*.in benchmarks/index/requirements/*.in tests/serving/server/independent/*.in \
	  tests/serving/tf_serving/tools/*.in tests/pipeline/runners/independent/*.in deploy/airflow/*.in; do \
	  $(UV) pip compile $$file --python-version 3.10 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --quiet --output-file $${file%.in}.txt || exit 1; done

clean: ## Remove the environment, runs and caches from the clone
	@rm -rf .tools .venv runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache

# From the root folder, so that a pyenv without a Python 3.10 does not stop here, on .python-version.
$(UV): tools.lock
	@cd / && python3 -m venv $(CURDIR)/.tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools.lock
	@touch $@

$(INSTALLED): requirements.lock pyproject.toml setup.py | $(UV)
	@$(UV) python find --quiet 3.10 >/dev/null 2>&1 || { \
	  echo "no Python 3.10 found: install one ('pyenv install 3.10', or '$(UV) python install 3.10'), then run make again" >&2; \
	  exit 1; }
	@$(UV) venv --quiet --allow-existing --python 3.10 .venv
	@$(UV) pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@touch $@
