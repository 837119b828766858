# Every target sets up what it needs: a virtual environment in .venv from requirements.lock, nothing outside the checkout.
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $(p))))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install demo test chaos lint format schemas lock bench eval clean

help:
	@echo 'make install   set up the virtual environment $(VENV), nothing else'
	@echo 'make demo      set up, then run the whole job on sample feeds, on this machine alone'
	@echo 'make test      set up, then run the whole test suite'
	@echo 'make chaos     strike every fault again and again under thousands of articles; write docs/reliability.md'
	@echo 'make lint      ruff and mypy --strict'
	@echo 'make bench     measure the spine and fetching beside their targets, write docs/performance.md; and the pipeline'
	@echo 'make eval      score the events on our gold and that of $$EVAL_DATA, write docs/accuracy.md'
	@echo 'make schemas   export the JSON Schemas of the messages to docs/schemas'
	@echo 'make lock      resolve the dependencies anew into requirements.lock'

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo 'Dateline needs Python 3.11, 3.12 or 3.13; none was found. Install one, or name it: make PYTHON=/path/to/python3.12 …' >&2; exit 1; }
	@echo 'Setting up $(VENV) …'
	@rm -f $(READY)
	@$(PYTHON) -m venv $(VENV) || { echo 'The venv module is missing: install your system'"'"'s python3-venv package.' >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: install
	@$(BIN)/dateline demo --data-dir var/demo

test: install
	@$(BIN)/python -m scripts.test_services
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

chaos: install
	@$(BIN)/python -m scripts.test_services
	@$(BIN)/python -m scripts.chaos

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

schemas: install
	@$(BIN)/python -m scripts.export_schemas

bench: install
	@$(BIN)/python -m benchmarks

eval: install
	@$(BIN)/python -m benchmarks.evaluate

lock:
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet --quiet 'uv>=0.8'
	@.venv-lock/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links --upgrade --quiet --output-file requirements.lock
	@rm -rf .venv-lock

clean:
	@rm -rf $(VENV) .venv-lock .mypy_cache .ruff_cache .pytest_cache
