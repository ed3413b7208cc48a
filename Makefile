# Limner: `make demo` shows it, `make test` proves it. Every target prepares .venv by itself, once.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format run bench bench-gpu evaluate reliability simulate clients docs clean

BOOTSTRAP_PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14 python3 python,$(shell command -v $(p) 2>/dev/null)))
BIN := .venv/bin
STAMP := .venv/.limner-ready
export TOKENIZERS_PARALLELISM ?= false
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1
# compiled modules are kept, whatever the shell says: without them every start compiles anew, for seconds
unexport PYTHONDONTWRITEBYTECODE
ARGS ?=
TESTS_AT_ONCE ?= 3

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(BOOTSTRAP_PYTHON)" && "$(BOOTSTRAP_PYTHON)" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' \
	  || { echo "Limner needs Python 3.11 or newer, and found $$("$(or $(BOOTSTRAP_PYTHON),false)" --version 2>/dev/null || echo none). Install one, or name it: make setup BOOTSTRAP_PYTHON=/path/to/python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || "$(BOOTSTRAP_PYTHON)" -m venv .venv \
	  || { rm -rf .venv; echo "Python could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@echo "Installing Limner and its pinned dependencies into .venv (once; a few minutes)"
	$(BIN)/python -m pip install -q -c constraints.txt setuptools
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $(STAMP)

setup: $(STAMP) ## prepare .venv, with .venv/bin/limner in it
	@echo "Ready: .venv/bin/limner --help"

demo: $(STAMP) ## the whole bot on this machine, no Discord, token or GPU needed
	$(BIN)/limner demo $(ARGS)

# one thread a library: on a small machine, threads that wait for each other cost more than they give
test bench reliability evaluate: export OMP_NUM_THREADS ?= 1

# worksteal: neighbours stay together, which saves fixtures, until a process runs out of work
test: $(STAMP) ## every test but the full counts, three at a time (a quarter of an hour on two cores: many of them wait)
	$(BIN)/python -m pytest -m "not full" -n $(TESTS_AT_ONCE) --dist worksteal $(ARGS)

lint: $(STAMP) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix .

run: $(STAMP) ## the real bot (needs LIMNER_TOKEN or token_file; see docs/hosting.md)
	$(BIN)/limner run $(ARGS)

bench: $(STAMP) ## one table of speed ratios, measured side by side
	$(BIN)/python -m bench $(ARGS)

bench-gpu: $(STAMP) ## the same for SD 1.5 and SDXL shapes on a CUDA device
	$(BIN)/python -m bench.gpu $(ARGS)

docs: $(STAMP) ## the README's pictures (the demo's page in headless Chromium) and the strips of docs/prompting.md
	LIMNER_WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/page/test_real.py
	$(BIN)/python docs/strips.py

reliability: $(STAMP) ## kill -9 everywhere, 200 times each, and every fault of Discord; writes docs/reliability.md
	LIMNER_API_CLIENTS=$${LIMNER_API_CLIENTS:-200} LIMNER_API_SLOW=$${LIMNER_API_SLOW:-1000} \
	LIMNER_API_KILLS=$${LIMNER_API_KILLS:-100} \
	LIMNER_API_CASES=$${LIMNER_API_CASES:-21000} LIMNER_API_SEED=$${LIMNER_API_SEED:-$$(date +%s)} \
	LIMNER_ALLOWANCE_ROUNDS=$${LIMNER_ALLOWANCE_ROUNDS:-1000} \
	LIMNER_FAULT_ROUNDS=$${LIMNER_FAULT_ROUNDS:-100} LIMNER_RAY_ROUNDS=$${LIMNER_RAY_ROUNDS:-100} \
	LIMNER_RELIABILITY_CYCLES=$${LIMNER_RELIABILITY_CYCLES:-200} $(BIN)/python -m tests.report docs/reliability.md \
	  "Reliability" "make reliability" -q -p no:cacheprovider -n $(TESTS_AT_ONCE) --dist load --maxschedchunk 1 \
	  tests/engine/service/test_kill.py tests/bot/publish/test_delivery.py::test_killed_at_any_moment \
	  tests/engine/workers/test_worker.py tests/engine/workers/test_faults.py tests/engine/workers/test_ray_faults.py \
	  tests/e2e/test_kills.py tests/e2e/test_drain.py tests/e2e/test_storm.py \
	  tests/engine/intake tests/engine/service/test_allowance.py tests/engine/web/test_description.py \
	  tests/engine/web/test_load.py $(ARGS)

simulate: $(STAMP) ## the production queue in virtual time: fairness, waits and speed with up to a million people
	$(BIN)/python -m bench.simulate
	$(BIN)/python -m bench.fleet

clients: $(STAMP) ## fetch hikari and discord.js into build/: they too must find a Discord in the stand-in
	$(BIN)/python -m pip install -q --upgrade --target build/hikari hikari==2.7.0
	npm install --silent --no-audit --no-fund --prefix build/discordjs discord.js@14.28.1
	LIMNER_HIKARI=$(CURDIR)/build/hikari LIMNER_DISCORDJS=$(CURDIR)/build/discordjs/node_modules \
	  $(BIN)/python -m pytest -q tests/clients $(ARGS)

# what can be done to a picture: a page of its own
EDITS := tests/acting/test_edits_act.py tests/acting/test_likeness_act.py tests/acting/test_vary_acts.py \
  tests/acting/test_locate.py tests/engine/pocket/test_encoder.py tests/engine/render/test_adapter.py

evaluate: $(STAMP) ## pictures: full counts (docs/evaluate.md, docs/evaluate-edits.md), then sheets of the shipped model
	$(BIN)/python -m tests.report docs/evaluate.md "Pictures against diffusers' own pipelines, and flags" "make evaluate" \
	  -q -p no:cacheprovider -n $(TESTS_AT_ONCE) --dist worksteal -m "full or not full" \
	  tests/acting tests/engine/render/test_oracle.py tests/engine/pocket \
	  $(addprefix --ignore=,$(EDITS)) $(ARGS)
	$(BIN)/python -m tests.report docs/evaluate-edits.md "Edits and references of the shipped model" "make evaluate" \
	  -q -p no:cacheprovider -n $(TESTS_AT_ONCE) --dist worksteal -m "full or not full" $(EDITS) $(ARGS)
	$(BIN)/python -m engine.pocket.train evaluate --threads 2 --page docs/evaluate-model.md
	$(BIN)/python -m tests.engine.provenance.measure

clean: ## remove .venv and caches (never data/)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
