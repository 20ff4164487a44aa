# make run    the app with the shipped study on http://127.0.0.1:7860
# make test   lint, types and the whole suite
# make check  lint and types alone

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run test test-slow check format clean

run: $(VENV)/.run
	$(BIN)/python app.py

test: $(VENV)/.dev check
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m "not slow and not alone" --numprocesses 2 --dist loadfile
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m "not slow and alone"

test-slow: $(VENV)/.slow
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m slow

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python tests/browser.py
	touch $@

$(VENV)/.slow: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[slow]'
	touch $@
