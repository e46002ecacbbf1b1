# `make run` and `make test` need nothing but Python 3.11 or newer, with venv and pip.

PYTHON ?= python3
RUN_VENV ?= .venv-run
TEST_VENV ?= .venv-test
# STATIC=no leaves out ruff and mypy, which need not be run once for every Python.
STATIC ?= yes
ARGS ?=
PYTEST_ARGS ?= -n auto

TEST = $(TEST_VENV)/bin/python -m

.PHONY: help run test browser lint format docs clean

help:
	@echo "make run               install into $(RUN_VENV) and run every scenario; ARGS='--backend trio' for more"
	@echo "make test              install into $(TEST_VENV), then ruff, mypy and pytest"
	@echo "make browser           the tests that open the pages in chromium, where it is installed"
	@echo "make lint              ruff and mypy only"
	@echo "make format            let ruff format the sources"
	@echo "make docs              write docs/reference/ and the figures of docs/explanation/ anew"
	@echo "make clean             remove the environments and caches"

run: $(RUN_VENV)/installed
	$(RUN_VENV)/bin/nova-async run $(ARGS)

test: $(TEST_VENV)/installed $(if $(filter yes,$(STATIC)),lint)
	$(TEST) pytest $(PYTEST_ARGS)

browser: $(TEST_VENV)/installed
	$(TEST) pytest -m browser $(PYTEST_ARGS)

lint: $(TEST_VENV)/installed
	$(TEST) ruff check .
	$(TEST) ruff format --check .
	$(TEST) mypy

format: $(TEST_VENV)/installed
	$(TEST) ruff format .
	$(TEST) ruff check --fix .

docs: $(TEST_VENV)/installed
	$(TEST) nova_async.report.reference docs/reference
	$(TEST) nova_async.bench.design_page docs/explanation

clean:
	rm -rf .venv-run .venv-test build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Both install the sources where they lie, so that an edit needs no new install; a changed pyproject.toml does.
$(RUN_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv --clear $(RUN_VENV)
	$(RUN_VENV)/bin/python -m pip install --quiet --editable .
	touch $@

$(TEST_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv --clear $(TEST_VENV)
	$(TEST_VENV)/bin/python -m pip install --quiet --editable '.[dev]'
	touch $@
