# `make lab` to learn, `make check` while changing the course, `make test` to check everything.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
LAB_ARGS ?=
LESSON ?=
JSON ?=
FULL ?=
UPGRADE ?=
MUTANTS_ARGS ?=
WORKERS ?= 2
HAS_TESTS := test -d tests || { echo "This copy of the course has no tests: they are in the full repository."; exit 1; }
# The tests of a file stay in one worker, with the fixtures that they share; tests/conftest.py puts the longest first.
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: lab setup lint check test mutants browser bench lock clean

lab: setup
	@$(BIN)/course update
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter lab --ServerApp.root_dir=work --LabApp.default_url=/lab/tree/start.ipynb $(LAB_ARGS)

setup: $(VENV)/.installed

# A virtual environment whose Python is gone (upgraded, or the folder was moved) is made again.
$(shell test -d $(VENV) && ! $(BIN)/python -c 'import pip' 2>/dev/null && rm -rf $(VENV))

# Rebuilt only when the lock, the package's metadata or JupyterLab's settings change, so a second `make lab` installs nothing.
$(VENV)/.installed: requirements.txt pyproject.toml setup.py $(wildcard course/classroom/learning/labconfig/*/* course/classroom/learning/server_config/* course/classroom/learning/voila_config/* course/classroom/learning/voila_template/* course/classroom/learning/voila_template/static/*)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "The course needs Python 3.11 or newer, and '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1 || true). Install one, then: make $(or $(MAKECMDGOALS),lab) PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "This Python has no venv module. On Debian or Ubuntu: sudo apt install python3-venv; then run make again."; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	@echo "Installing the lock into $(VENV); the first time takes a few minutes."
	@$(BIN)/python -m pip install --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -r requirements.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lint: setup
	@$(HAS_TESTS)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/course build --check

# What takes less than a minute: for every few lines.
check: lint
	@$(BIN)/python -m pytest $(SHARED) -m "not slow and not alone and not matrix"

# The hostile submissions, the sandbox and what measures memory come after the others, and have the machine to themselves.
test: lint
	@status=0; $(BIN)/python -m pytest $(SHARED) -m "not alone and not matrix" || status=1; \
	  $(BIN)/python -m pytest -m alone || status=1; exit $$status

# Lessons and demos in a browser: with those of `make test`, every demo at every width.
browser: setup
	@$(HAS_TESTS)
	@$(BIN)/python -m pytest tests/browser

# Slow: it runs the tests once for each fault. MUTANTS_ARGS: see tests/mutants.py.
mutants: setup
	@$(HAS_TESTS)
	@$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

bench: setup
	@$(HAS_TESTS)
	@$(BIN)/python -m tests.benchmarks $(if $(LESSON),--lesson $(LESSON)) $(if $(JSON),--json "$(JSON)") $(if $(FULL),--full)

# torch's own wheel says which CUDA packages it wants; pinning them here would force them on CPU machines.
lock:
	@$(BIN)/python -m pip install --quiet uv
	@cp requirements.txt .requirements.new  # what is pinned stays, unless UPGRADE is given
	@$(BIN)/uv pip compile --universal --python-version 3.11 --group test pyproject.toml --no-header --annotation-style line --output-file .requirements.new $(if $(UPGRADE),--upgrade)
	@grep -Ev '^(nvidia-|cuda-|triton)' .requirements.new > .requirements.tmp && mv .requirements.tmp requirements.txt; rm -f .requirements.new

clean:
	rm -rf $(VENV) build *.egg-info
