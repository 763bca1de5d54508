# Two commands on a fresh machine: `make demo`, `make test`. Nothing but Python 3.11+ and make is assumed.
.PHONY: demo test check proofs docs bench messages lower-bound clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# A machine that forbids bytecode files makes `import torch` twice as slow.
export PYTHONDONTWRITEBYTECODE :=

demo: $(STAMP)
	$(BIN)/rumbo demo

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal -m "not slow and not gpu"

# What a minute allows: the house, the formulas and the loop. `make test` runs everything.
FAST := tests/test_architecture.py tests/test_messages.py tests/core tests/losses tests/metrics tests/strategy tests/tasks tests/training
check: $(STAMP)
	$(BIN)/ruff format --check rumbo tests bench
	$(BIN)/ruff check rumbo tests bench
	$(BIN)/pyright & types=$$!; \
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal -m "not slow and not gpu and not train" $(FAST); \
	tests=$$?; wait $$types && exit $$tests

proofs: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow

docs: $(STAMP)
	$(BIN)/mkdocs build --strict

# Collect all sentences, bring the catalogues up to date (new ones are empty: a test names them), compile.
KEYWORDS := --no-default-keywords -k t -k option:2 -k Entry:2 -k ModelEntry:2 -k MetricEntry:2 -k _torchvision:1
# Compiled by hand: `pybabel compile` takes the "% i" of "95 % interval" for a placeholder and refuses its translation.
define COMPILE
from babel.messages import mofile, pofile
path = "rumbo/locale/es/LC_MESSAGES/rumbo"
with open(path + ".po", "rb") as source, open(path + ".mo", "wb") as target:
    mofile.write_mo(target, pofile.read_po(source))
endef
export COMPILE
messages: $(STAMP)
	$(BIN)/pybabel -q extract -F babel.cfg $(KEYWORDS) --no-location --sort-output -o rumbo/locale/rumbo.pot rumbo
	$(BIN)/pybabel -q update --domain rumbo -i rumbo/locale/rumbo.pot -d rumbo/locale --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 120
	rm rumbo/locale/rumbo.pot
	$(BIN)/python -c "$$COMPILE"

bench: $(STAMP)
	$(BIN)/python bench/figures.py digits cats california adult startup

$(STAMP): pyproject.toml constraints.txt
	test -x .bootstrap/bin/uv || ($(PYTHON) -m venv .bootstrap && .bootstrap/bin/python -m pip install --quiet "uv>=0.9")
	test -x $(BIN)/python || .bootstrap/bin/uv venv --quiet --python $(PYTHON) $(VENV)
	.bootstrap/bin/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e ".[dev]"
	touch $(STAMP)

# The oldest torch that is promised, on the next Python: LOWER_PYTHON names an interpreter.
LOWER_PYTHON ?= python3.12
lower-bound: $(STAMP)
	.bootstrap/bin/uv venv --quiet --clear --python $(LOWER_PYTHON) .venv-lower
	.bootstrap/bin/uv pip install --quiet --python .venv-lower/bin/python "torch==2.11.*" "torchvision==0.26.*" -e ".[dev]"
	.venv-lower/bin/python -m pytest tests/core tests/models tests/losses tests/metrics tests/tasks tests/training tests/api

clean:
	rm -rf $(VENV) .venv-lower .bootstrap site .pytest_cache .ruff_cache .hypothesis
