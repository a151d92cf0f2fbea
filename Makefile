PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo install test test-full lint docs pictures clean

demo: install
	$(BIN)/dsk run examples/quickstart.json

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lora,redis]'
	touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

test: lint
	$(BIN)/pytest -n auto -m "not full"

test-full: test
	bash scripts/install_full.sh $(VENV)
	$(BIN)/pytest -n auto --dist loadfile -m full

docs: install
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python scripts/make_docs.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

pictures: install
	bash scripts/install_full.sh $(VENV)
	$(BIN)/python scripts/make_pictures.py

clean:
	rm -rf $(VENV) build dist site
