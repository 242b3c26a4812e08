# `make` alone lists the targets. Each does all of its own set-up.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: help setup demo test fast-test fuzz fuzz-doors audit sbom lint format eval bench train schemas lock engines engines-down clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with exactly the locked packages

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "wiredesk needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.12 ..."; exit 1; }
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check "$$(grep -E '^uv==' requirements.lock)"
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: setup ## the whole walk on sample outlets served on this machine
	@$(BIN)/wiredesk demo

test: setup ## all tests
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

fast-test: setup ## the tests that take seconds
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder -m "not slow"

fuzz: setup ## the property tests on new examples, ten times; what they find becomes a test of its own
	@for i in 1 2 3 4 5 6 7 8 9 10; do \
		$(BIN)/pytest --numprocesses auto --hypothesis-profile fuzz -m "hypothesis and not slow" || exit 1; done

fuzz-doors: setup ## fuzz every parser with changed samples, a minute each; another time: MINUTES=10, some only: DOORS="feeds warc"
	@$(BIN)/python bench/fuzz.py --minutes $(or $(MINUTES),1) $(DOORS)

audit: setup ## ask whether a vulnerability is known in a locked package
	@$(BIN)/python deploy/audit.py

sbom: setup ## dist/sbom.cdx.json: a software bill of materials (CycloneDX) of the locked packages
	@mkdir -p dist
	@PYTHONWARNINGS=ignore $(BIN)/uvx --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --no-validate \
		--output-reproducible --output-file dist/sbom.cdx.json
	@echo "dist/sbom.cdx.json: $$(grep -c '"purl"' dist/sbom.cdx.json) packages"

lint: setup ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: setup ## let ruff format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

eval: setup ## quality on labelled sets beside the project (../shared), where they are; some only: PARTS="metrics newsquant"
	@if [ -x ../shared/accept/accept.py ]; then $(BIN)/python ../shared/accept/accept.py $(PARTS); \
	else echo "no labelled sets in ../shared: nothing to evaluate"; fi

bench: setup ## the measurements that the docs quote; some need labelled sets beside the project (../shared/data)
	@for b in poll kills backfill_kills families orders floods warehouse; do echo "== bench/$$b.py"; $(BIN)/python bench/$$b.py || exit 1; done
	@if [ -d ../shared/data ]; then for b in extraction matching digests metrics; do \
		echo "== bench/$$b.py"; $(BIN)/python bench/$$b.py $$(case $$b in matching|digests) echo ../shared/data;; esac) || exit 1; done; \
	else echo "no labelled sets in ../shared/data: extraction, matching, digests and metrics are not measured"; fi

train: setup ## make the models of matching again from labelled sets beside the project (../shared/data)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group train
	@$(BIN)/python bench/train_matching.py ../shared/data

schemas: setup ## write docs/schemas/ and docs/tables.md again from the records
	@$(BIN)/python -m schemas.publish docs

lock: setup ## resolve the dependencies again
	@$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --extra google --group dev --no-header --no-annotate \
		--quiet --output-file requirements.lock pyproject.toml

engines: setup ## Kafka, Flink and PostgreSQL on this machine, to try wiredesk out on them (needs Java 17 and Maven)
	@PYTHONPATH=deploy $(BIN)/python -m engines up

engines-down: setup ## stop just these
	@PYTHONPATH=deploy $(BIN)/python -m engines down

clean: ## remove what make made
	@rm -rf .venv var dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
