# Two doors: `make reproduce` and `make test`. Both set up what they need in .venv; the second time that is a no-op.

PYTHON := python3
SCALE :=
BIN := .venv/bin
UV := $(firstword $(shell grep "^uv==" requirements.lock))

.PHONY: reproduce test setup lock dag clean
.DELETE_ON_ERROR:

reproduce: setup  ## the whole DAG at the scale of params.yaml (demo: no network data needed)
	@$(BIN)/redenoise reproduce $(if $(SCALE),--scale $(SCALE))

# One process of pytest per core, so one thread in each. Types are checked beside the tests: that keeps one core busy.
test: setup  ## lint, format check and all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy & types=$$!; \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder; tests=$$?; \
	wait $$types && exit $$tests

setup: .venv/installed $(BIN)/redenoise  ## the environment of requirements.lock, through uv

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
	  echo "error: $(PYTHON) is not Python 3.11, 3.12 or 3.13 with ensurepip (on Debian: package python3-venv);" \
	    "install one, or name another: make PYTHON=python3.12" >&2; exit 1; }
	test -e $@ || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV)"
	@echo "setup: the locked packages, about 6 GB in .venv; an interrupted download goes on" >&2
	$(BIN)/uv pip sync --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	touch $@

$(BIN)/redenoise: redenoise/console.sh | .venv/installed
	install -m 755 $< $@

lock: setup  ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url \
	  --no-header --upgrade pyproject.toml --output-file requirements.lock

dag: setup  ## the picture of the DAG, as Mermaid text
	@$(BIN)/snakemake --rulegraph mermaid-js --quiet all

clean:  ## everything that the stages built; data, weights and reports stay
	rm -rf build
