# Two commands on a fresh machine: `make demo`, `make test`. Nothing but Python 3.11+ and make is assumed.
.PHONY: demo test check proofs docs bench messages clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# A machine that forbids bytecode files makes `import torch` twice as slow.
export PYTHONDONTWRITEBYTECODE :=

demo: $(STAMP)
	$(BIN)/rumbo demo

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not gpu"

check: $(STAMP)
	$(BIN)/ruff format --check rumbo tests bench
	$(BIN)/ruff check rumbo tests bench
	$(BIN)/pyright
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not gpu and not train"

proofs: $(STAMP)
	$(BIN)/pytest -m slow

docs: $(STAMP)
	$(BIN)/mkdocs build --strict

messages: $(STAMP)
	$(BIN)/pybabel compile --domain rumbo --directory rumbo/locale

bench: $(STAMP)
	$(BIN)/python bench/run.py

$(STAMP): pyproject.toml constraints.txt
	test -x .bootstrap/bin/uv || ($(PYTHON) -m venv .bootstrap && .bootstrap/bin/python -m pip install --quiet "uv>=0.9")
	test -x $(BIN)/python || .bootstrap/bin/uv venv --quiet --python $(PYTHON) $(VENV)
	.bootstrap/bin/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e ".[dev]"
	touch $(STAMP)

clean:
	rm -rf $(VENV) .bootstrap site .pytest_cache .ruff_cache .hypothesis
