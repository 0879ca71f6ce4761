# make demo: install into .venv and run a real grid. make test: install into .venv and run every check and test.
# make docs: the documentation as a site, in build/docs. make bench: the benchmarks that take minutes.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
# On all cores, which pip does not, and without the tests of packages; some files of packages are no Python of today.
COMPILE := $(VENV)/bin/python -m compileall -qq --workers 0 -x /tests/ $(VENV)/lib || true

.PHONY: demo test check docs bench clean

demo: $(VENV)/installed-demo
	$(VENV)/bin/python hyper_main.py --config config/bbc_news_head.yaml --run-prefix demo

test: check
	$(VENV)/bin/python -m compileall -q gridfold # else each command of a test would, where Python is to write no bytecode
	$(VENV)/bin/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

check: $(VENV)/installed-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

docs: $(VENV)/installed-docs
	$(VENV)/bin/python -m sphinx --quiet --fail-on-warning --keep-going docs build/docs
	@echo "build/docs/index.html"

bench: $(VENV)/installed-dev
	$(VENV)/bin/python benchmarks/directories.py 4500 3
	$(VENV)/bin/python benchmarks/functions.py
	$(VENV)/bin/python benchmarks/sharing.py nothing

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[text,report,demo]'
	$(COMPILE)
	touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[text,report,demo,dev]'
	$(COMPILE)
	touch $@

$(VENV)/installed-docs: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[docs]'
	$(COMPILE)
	touch $@
