# The commands a person types. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test serve revision lint style imports types format bench faults clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 10

$(INSTALLED): setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[development,jpegli,tests,lint]'
	touch $@

demo: $(INSTALLED)  ## does the main job on real photographs, shows the result in demo/
	$(BIN)/python examples/demo.py

test: $(INSTALLED)  ## the whole suite, on a real PostgreSQL
	$(BIN)/python -m pytest --numprocesses=auto

serve: $(INSTALLED)  ## pserve on development.ini, with the curl lines to try
	@$(BIN)/belfoot-img migrate --ini development.ini
	@$(BIN)/python examples/welcome.py
	@$(BIN)/pserve development.ini

revision: $(INSTALLED)  ## a new migration from what the models say: make revision MESSAGE="Add a column"
	@test -n "$(MESSAGE)" || { echo 'make revision MESSAGE="Add a column"'; exit 2; }
	$(BIN)/belfoot-img migrate --ini development.ini
	$(BIN)/alembic revision --autogenerate --message "$(MESSAGE)"

bench: $(INSTALLED)  ## GETs and POSTs a second, beside a bare function; THUMBOR=/path/to/bin/thumbor for it too
	$(BIN)/python -m benchmarks.load $(if $(THUMBOR),--thumbor $(THUMBOR))
	$(BIN)/python -m benchmarks.posts

faults: $(INSTALLED)  ## kills, stops, freezes and fills up each part in turn, and prints what was counted (20 minutes)
	$(BIN)/python -m tests.faults

lint: style imports types  ## everything that is checked without running the code

style: $(INSTALLED)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

imports: $(INSTALLED)  ## import-linter: which part may import which
	$(BIN)/lint-imports --no-logo

types: $(INSTALLED)  ## mypy over the package
	$(BIN)/mypy

format: $(INSTALLED)  ## brings the code into the format that lint asks for
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

clean:  ## removes what the other commands made
	rm -rf $(VENV) var demo build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
