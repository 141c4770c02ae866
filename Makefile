# Each command sets up what it needs; run any of them on a fresh Linux or macOS machine.
# `make demo` and `make test` are the two that matter; CONTRIBUTING.md says the rest.

VENV := .venv
BIN := $(VENV)/bin
FINDS := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for one in python3 python3.13 python3.12 python3.11 python; do \
	if $$one -c '$(FINDS)' 2>/dev/null; then echo $$one; break; fi; done)
PAGE := mediatoolkit/widgets/js tests/scripts
KERNELS := 6.29 7.3 7.4
# Much of a test is waiting for a kernel or a page; a file of tests shares its own.
WORKERS ?= 2
SPREAD := -n $(WORKERS) --dist loadfile
PYTEST := $(BIN)/pytest $(SPREAD)
# Runs $(2), and says every few seconds that $(1) goes on: an install may take minutes.
TICK := 5
ticking = (n=0; while sleep $(TICK) && kill -0 $$$$ 2>/dev/null; do n=$$((n + $(TICK))); \
	echo "  $(1), $$n s"; done) & ticker=$$!; $(2); status=$$?; kill $$ticker; exit $$status
install = @$(call ticking,installing,$(BIN)/python -m pip install -qq $(1))
, := ,
# In a terminal it has a line of its own.
DEMO := $(BIN)/python -m mediatoolkit demo --out out --force
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)  # as in most containers

# Where it is set, as in many containers, each kernel would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo lab test bench fmt lint types floors unit pythons matrix notebooks badges outputs \
	chromium kernels clean

demo: $(VENV)/.demo
	@echo "Making a picture, speech and a film of both, in about half a minute."
	@mkdir -p out
	@if [ -t 2 ]; then $(DEMO); else $(call ticking,making them,$(DEMO)); fi

lab: $(VENV)/.lab
	@echo "Opening JupyterLab on the first notebook; Ctrl-C here ends it."
	$(BIN)/jupyter lab notebooks/01_first_picture.ipynb $(AS_ROOT)

test: lint types floors unit pythons notebooks

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/oxlint $(PAGE)
	$(BIN)/oxfmt --check $(PAGE)

types: $(VENV)/.test
	$(BIN)/mypy

floors: $(VENV)/.test
	$(BIN)/lint-imports

unit: $(VENV)/.test kernels chromium
	$(PYTEST) --ignore tests/browser
	$(PYTEST) tests/browser

# What changes most from one Python to the next: how a process ends, kernels, imports.
pythons: $(VENV)/.test kernels
	$(BIN)/python -m tests.matrix --others $(SPREAD) -k 'not 6.29 and not 7.3' \
		tests/test_blocking.py tests/test_package.py tests/kernel

# All but the browser, on every supported Python of this machine.
matrix: $(VENV)/.test kernels
	$(BIN)/python -m tests.matrix $(SPREAD) --ignore tests/browser

notebooks: $(VENV)/.test
	$(PYTEST) -c /dev/null --rootdir=. --nbval-lax -W default notebooks

# After a change of Repository in pyproject.toml: README and notebooks name it everywhere.
badges: $(VENV)/.test
	$(BIN)/python -m tests.tutorials badges

# What the notebooks show, made anew, small and without a trace of this machine.
outputs: $(VENV)/.test
	$(BIN)/python -m tests.tutorials outputs

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks

fmt: $(VENV)/.test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/oxlint --fix $(PAGE)
	$(BIN)/oxfmt $(PAGE)

# The ipykernels that tests/kernel runs on, each in a folder that goes before .venv's own.
kernels: $(KERNELS:%=.kernels/%/.made)

.kernels/%/.made: $(BIN)/python
	@rm -rf .kernels/$*
	$(BIN)/python -m pip install --quiet --no-deps --target .kernels/$* 'ipykernel==$*.*'
	@touch $@

# Debian's browser for root, Playwright's own build for everybody else.
chromium: $(VENV)/.test
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq chromium; \
	else $(BIN)/python -m playwright install chromium; fi

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "mediatoolkit needs Python 3.11 or newer"; exit 1; fi
	@echo "Making a Python environment in $(VENV), once."
	@$(call ticking,making it,$(PYTHON) -m venv $(VENV))
	$(call install,--upgrade 'pip>=25.1')

$(VENV)/.demo: $(BIN)/python pyproject.toml
	@echo "Installing the local engine and what it needs: once, one to two minutes."
	$(call install,--editable '.[local]')
	@touch $@

$(VENV)/.lab: $(BIN)/python pyproject.toml
	@echo "Installing JupyterLab and the local engine: once, one to three minutes."
	$(call install,--editable '.[lab$(,)local$(,)pandas]')
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml
	@echo "Installing all that the tests need: once, some minutes."
	$(call install,--editable '.[lab$(,)local]' --group lint --group test --group conformance \
		--group diffusion --group bench)
	@touch $@ $(VENV)/.demo $(VENV)/.lab

clean:
	rm -rf $(VENV) .kernels .pythons out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
