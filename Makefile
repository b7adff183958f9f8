# The commands a person types. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXTRAS := development,jpegli,tests,lint
VERSION = $(shell sed -n 's/__version__ = "\(.*\)"/\1/p' belfoot_img/version.py)

# Pyramid 2.1 imports pkg_resources, which says at each start that it will be removed; setup.py holds the version that has it.
export PYTHONWARNINGS := ignore:pkg_resources is deprecated:UserWarning

.DEFAULT_GOAL := help
.PHONY: help demo test serve revision lint style imports types openapi format bench faults fuzz reference docs release translations screenshots licences clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 10

# With uv where it is there, which takes seconds; with pip otherwise, which names each library as it comes to it.
$(INSTALLED): setup.py pyproject.toml
	@echo "Installing into $(VENV)/, once. With uv that takes seconds, with pip a minute or two:"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/failed
	@if command -v uv >/dev/null; then \
	    uv pip install --quiet --python $(BIN)/python --editable '.[$(EXTRAS)]'; \
	else \
	    ($(BIN)/python -m pip install --disable-pip-version-check --editable '.[$(EXTRAS)]' 2>$(VENV)/errors \
	        || touch $(VENV)/failed) | awk '/^Collecting/ {print "  " $$2; fflush()}'; \
	    if test -e $(VENV)/failed; then cat $(VENV)/errors; exit 1; fi; \
	fi
	@touch $@

demo: $(INSTALLED)  ## does the main job on real photographs, shows the result in demo/
	@$(BIN)/python development/demo.py $(if $(PICTURES),--pictures $(PICTURES))

test: $(INSTALLED)  ## the whole suite, on a real PostgreSQL; ARGS="-k browser --durations=10" for pytest
	$(BIN)/python -m pytest --numprocesses=auto $(ARGS)

serve: $(INSTALLED)  ## pserve on development.ini and a worker, with the curl lines to try
	@$(BIN)/belfoot-img migrate --ini development.ini
	@$(BIN)/python development/welcome.py
	@$(BIN)/belfoot-img worker --ini development.ini & worker=$$!; trap "kill $$worker; wait $$worker" EXIT; \
	$(BIN)/belfoot-img serve --ini development.ini

revision: $(INSTALLED)  ## a new migration from what the models say: make revision MESSAGE="Add a column"
	@test -n "$(MESSAGE)" || { echo 'make revision MESSAGE="Add a column"'; exit 2; }
	$(BIN)/belfoot-img migrate
	$(BIN)/alembic revision --autogenerate --message "$(MESSAGE)"

bench: $(INSTALLED)  ## GETs and POSTs a second, beside a bare function; THUMBOR=/path/to/bin/thumbor for it too
	$(BIN)/python -m benchmarks.load $(if $(THUMBOR),--thumbor $(THUMBOR))
	$(BIN)/python -m benchmarks.posts

faults: $(INSTALLED)  ## kills, stops, freezes and fills up each part in turn, and prints what was counted (40 minutes)
	$(BIN)/python -m tests.faults

fuzz: $(INSTALLED)  ## random pictures, requests and links, from a seed: goes on where it stopped (5 minutes of each)
	$(BIN)/python -m tests.fuzz

lint: style imports types openapi  ## everything that is checked without running the code

style: $(INSTALLED)  ## rules and format of code, Dockerfile and compose.yaml
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

imports: $(INSTALLED)  ## import-linter: which part may import which
	$(BIN)/lint-imports --no-logo

types: $(INSTALLED)  ## mypy over the package, strict over the client
	$(BIN)/mypy

openapi:  ## Spectral over openapi.json, from npm; skipped where npx is missing
	@command -v npx >/dev/null && npx --yes --package '@stoplight/spectral-cli@^6.16' -- \
	    spectral lint --fail-severity=warn --ruleset .spectral.yaml belfoot_img/openapi.json \
	    || { ! command -v npx >/dev/null && echo "npx is not installed, so Spectral is skipped (apt-get install npm)"; }

format: $(INSTALLED)  ## brings the code into the format that lint asks for
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

reference: $(INSTALLED)  ## docs/reference/: commands, settings and error codes, from the code
	$(BIN)/python docs/generate.py

docs: $(INSTALLED)  ## the documentation as a site in build/docs/; a warning fails it
	@test -x $(BIN)/mkdocs || $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

release: $(INSTALLED)  ## sdist, wheel, SBOM and notes in dist/, built and checked; publishes nothing
	rm -rf dist build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[release]'
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*.whl dist/*.tar.gz
	$(PYTHON) -m venv build/environment
	build/environment/bin/python -m pip install --quiet --disable-pip-version-check "$$(echo dist/*.whl)[jpegli]"
	$(BIN)/cyclonedx-py environment build/environment/bin/python --output-reproducible --output-file dist/sbom.cdx.json
	awk '/^## /{on=($$2 == "$(VERSION)")} on' CHANGELOG.md > dist/notes.md
	@test -s dist/notes.md || { echo "CHANGELOG.md has no section $(VERSION)"; exit 1; }
	@ls -l dist

LOCALE := belfoot_img/console/locale
PO := $(LOCALE)/ru/LC_MESSAGES/belfoot_img.po

translations: $(INSTALLED)  ## brings the console's Russian up to its templates: new messages into the .po, the .po into the .mo
	@mkdir -p var
	$(BIN)/pybabel --quiet extract -F $(LOCALE)/babel.cfg -k _ -o var/belfoot_img.pot --no-location belfoot_img/console
	$(BIN)/pybabel --quiet update -i var/belfoot_img.pot -o $(PO) -l ru --no-wrap --no-fuzzy-matching --ignore-obsolete
	$(BIN)/pybabel --quiet compile -i $(PO) -o $(PO:.po=.mo)

licences: $(INSTALLED)  ## brings the table of docs/licences.md up to what is installed
	$(BIN)/python -m tests.licences

screenshots: $(INSTALLED)  ## takes the docs' screenshots of the console anew (needs Chromium)
	$(BIN)/python docs/screenshots.py

clean:  ## removes what the other commands made
	rm -rf $(VENV) var demo build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
