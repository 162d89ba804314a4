# Run `make` to see the verbs. Everything is installed in .venv, nothing elsewhere
# (but see tools/prepare.py for the browser that the tests drive).

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
SET_UP := pyproject.toml requirements.lock tools/prepare.py

.PHONY: help lab test long lint bench notebooks pictures lock clean

help:
	@echo "make lab        set everything up and open the course in JupyterLab"
	@echo "make test       set up what the tests need and run them all"
	@echo "make long       every pinned number of the explorer, which takes a quarter of an hour"
	@echo "make lint       format check, lint and types only"
	@echo "make bench      how fast the simulator and the Stepper are on this machine"
	@echo "make notebooks  make lessons, solutions, exercises and the glossary anew from their sources"
	@echo "make pictures   make the pictures in docs/images anew"
	@echo "make lock       take the newest versions that fit into requirements.lock"
	@echo "make clean      remove what was built; .venv and your course folder stay"
	@echo
	@echo "ARGS=... is handed on:  make lab ARGS=--no-browser    make test ARGS='-k lab'"

lab: .venv/lab.stamp
	@$(BIN)/cowlab lab $(ARGS)

test: lint
	@$(PYTHON) tools/prepare.py helpers
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

long: .venv/test.stamp
	COWLAB_LONG=1 $(BIN)/python -m pytest tests/test_presets.py $(ARGS)

lint: .venv/test.stamp
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy --no-error-summary

bench: .venv/test.stamp
	@for file in benchmarks/bench_*.py; do $(BIN)/python $$file $(ARGS) || exit 1; done

notebooks: .venv/test.stamp
	$(BIN)/python tools/notebooks.py $(ARGS)
	$(BIN)/python tools/exercises.py $(ARGS)
	$(BIN)/python tools/glossary.py $(filter --check,$(ARGS))

pictures: .venv/test.stamp
	$(BIN)/python tools/pictures.py $(ARGS)

lock: .venv/test.stamp
	@$(BIN)/python -m pip install --quiet uv
	@sed -n '/^#/p' requirements.lock > .venv/lock.new
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade \
	  --no-annotate --no-header pyproject.toml >> .venv/lock.new
	@mv .venv/lock.new requirements.lock

clean:
	rm -rf build dist test-results .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find cowlab tests tools -name __pycache__ -prune -exec rm -rf {} +

.venv/%.stamp: $(SET_UP)
	@$(PYTHON) tools/prepare.py $*
	@touch $@
