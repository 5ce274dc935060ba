# Every target sets up what it needs. `make run` and `make test` are the two to know.
VENV := .venv
PY := $(VENV)/bin/python
VOCABULARIES := vendor/tiktoken/fb374d419588a4632f3f557e76b4b70aebbca790

.DEFAULT_GOAL := help
.PHONY: help run simulator test lint unit bench soak package clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(VENV)/.run $(VOCABULARIES) ## run the gateway on http://127.0.0.1:7071
	@exec $(PY) -m devhost

simulator: $(VENV)/.run $(VOCABULARIES) ## run only the simulated Azure OpenAI
	@exec $(PY) -m devhost.simulator

test: lint unit ## everything CI checks

lint: $(VENV)/.test ## style, types and import rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy cli functions shared devhost pipelines function_app.py
	$(VENV)/bin/lint-imports

unit: $(VENV)/.test $(VOCABULARIES) ## the tests alone; ARGS="-k name" narrows them
	$(PY) -m pytest -m "not slow" $(ARGS)

bench: $(VENV)/.test $(VOCABULARIES) ## measure latency, throughput, CPU and memory; prints a table
	@$(PY) -m tests.load

soak: $(VENV)/.test $(VOCABULARIES) ## hold a steady load and watch the memory
	@$(PY) -m tests.load.soak

package: $(VENV)/.run $(VOCABULARIES) ## make the package that is deployed, in dist/
	@$(PY) -m pipelines.steps.package

clean: ## forget the set-up and the local state
	rm -rf $(VENV) .local vendor .tools dist

$(VENV)/bin/python:
	@python="$$(sh devhost/find_python.sh)" && "$$python" -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/.run: $(VENV)/bin/python requirements.txt devhost/requirements.txt
	@echo "Installing what the gateway needs …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r devhost/requirements.txt
	@PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run tests/requirements.txt
	@echo "Installing what the tests need …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

$(VOCABULARIES): | $(VENV)/bin/python
	@$(PY) -m devhost.vocabularies vendor/tiktoken
