# Every target installs what it lacks first. `make` alone explains them.
# GNU make 3.81 (macOS) or later. Options go through as variables (PHASE=public), everything else through ARGS="--…".

PYTHON ?= python3
BIN := .venv/bin
COURTSIGHT := $(BIN)/courtsight
PYTEST := $(BIN)/python -m pytest -q
# Measured by unit tests alone. Our own pytest plugin stays out: it would import these packages before coverage starts.
COVERED := tests/slo tests/alerts tests/reports
UNIT := -n 2 -m "not integration and not e2e"
# Where servers are started: files that say so, and folders whose fixtures do. Reading all the others takes seconds in every worker.
SERVED := $$(grep -rlE --include='test_*.py' --include=conftest.py 'mark[.]integration' tests | sed 's,/conftest[.]py$$,,' | LC_ALL=C sort)
MEASURING := tests/e2e/test_readiness_run.py
# Their folder is not named: pytest would read them in its order, and not first.
COMMANDS := $(filter-out $(MEASURING),$(sort $(wildcard tests/e2e/test_*.py)))
# Half a minute and more each, by what they wait for or by many processes: begun last, one of them would keep all others waiting.
LONGEST := tests/alerts/drills tests/service/test_worker_life.py tests/alerts/test_promtool.py \
	tests/benchmarks/durability tests/service/page/test_page_stories.py tests/alerts/test_breakages.py tests/service/test_llm_faults.py \
	tests/service/ingest/test_ingest_command.py tests/uat/test_uat_service.py tests/service/page/test_page_guards.py \
	tests/service/page/test_page_comfort.py \
	tests/alerts/test_simulation_replay.py tests/harness/test_simulated.py tests/service/test_process_end.py
# A file stays together, for its servers are shared; files begin in the order in which they are named.
TOGETHER := --dist loadfile --no-loadscope-reorder

remote = $(if $(TARGET),--target '$(TARGET)') $(if $(TARGET_CREDENTIALS),--target-credentials '$(TARGET_CREDENTIALS)') \
	$(if $(PROMETHEUS),--prometheus '$(PROMETHEUS)')
phase = $(if $(PHASE),--phase '$(PHASE)')
port = $(if $(PORT),--port '$(PORT)')
engine = $(if $(ENGINE),--engine '$(ENGINE)')

# What a target cannot do without, and was not given: says so, with the page that tells the forms, and ends.
lacking = $(strip $(foreach one,$(1),$(if $($(one)),,$(one)=)))
asks = $(if $(call lacking,$(1)),{ echo 'make $@: give $(call lacking,$(1)) too; docs/retrieval-eval.md says what they hold' >&2; exit 2; },:)

# A path as one word of the shell, whatever it holds.
quoted = '$(subst ','\'',$(1))'

# `make ingest PATH=docs/` names the documents, but make would also hand that PATH to every recipe as the search path. The
# variable is taken apart here, and recipes get the search path that make was started with. Up to make 4.3 a $(shell) still
# sees that one; later ones hand it the option too, so it is read from the process where the system shows it.
ifeq ($(origin PATH),command line)
documents := $(PATH)
search_path := $(shell echo "$$PATH")
ifeq ($(search_path),$(documents))
search_path := $(shell PATH=/usr/local/bin:/usr/bin:/bin; found=$$(tr '\000' '\n' 2>/dev/null </proc/$$PPID/environ | sed -n 's/^PATH=//p'); \
	echo "$${found:-/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin}")
endif
override PATH := $(search_path)
endif

# Where the caller forbids it, every start would compile our modules and every test run would rewrite its asserts again: seconds each time.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
.PHONY: help readiness quick report serve simulator uat bench bench-micro loadtest drill drill-storage prove generate check dashboards-import \
	retrieval-eval confidence-eval decline-eval fuzz-api ingest security-mutations sbom test lint format doctor setup clean ready unit servers integration e2e

help:
	@echo "CourtSight: a chatbot that goes live on evidence. On a fresh machine begin with: make readiness"
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ Decide
readiness: ready ## Measure, drill, report and decide whether this build may go live (PHASE=, TARGET=, PROMETHEUS=)
	@$(COURTSIGHT) readiness $(phase) $(remote) $(port) $(ARGS)

quick: ready ## A verdict on a part in a minute, never GO
	@$(COURTSIGHT) quick $(remote) $(port) $(ARGS)

report: ready ## Render the report of a run again from its evidence (RUN=, the newest without; PHASE=)
	@$(COURTSIGHT) report $(if $(RUN),--run '$(RUN)') $(phase) $(ARGS)

##@ Measure, on a stack of its own or on TARGET= with TARGET_CREDENTIALS=
uat: ready ## Ask what users ask, and check the answers (ENGINE=extractive or simulated)
	@$(COURTSIGHT) uat $(engine) $(remote) $(port) $(ARGS)

bench: ready ## Latency and time to first token, per role and complexity (ENGINE=extractive or simulated)
	@$(COURTSIGHT) bench $(engine) $(remote) $(port) $(ARGS)

loadtest: ready ## Many users at once, by Locust (ENGINE=extractive or simulated)
	@$(COURTSIGHT) loadtest $(engine) $(remote) $(port) $(ARGS)

drill: ready ## Inject faults and see their alerts fire, arrive and resolve (ALERT=, ARGS=--list)
	@$(COURTSIGHT) drill $(if $(ALERT),--alert '$(ALERT)') $(ARGS)

drill-storage: ready ## Kill the service, its database and Redis under load: nothing acknowledged is lost (KILLS=)
	@$(BIN)/python -m benchmarks.durability $(if $(KILLS),--kills '$(KILLS)') $(ARGS)

# The peers are locked apart: nothing else needs them.
bench-micro: ready ## Micro-benchmarks of single parts, beside their peers (ONLY="store_writes …"; ARGS="--quick")
	@$(BIN)/python -c 'import aiosqlite, sqlalchemy, sse_starlette' 2>/dev/null || $(BIN)/python -m pip install --quiet \
		--disable-pip-version-check --require-hashes -r requirements-bench.txt
	@$(BIN)/python benchmarks/micro/everything.py $(if $(ONLY),--only $(ONLY)) $(ARGS)

retrieval-eval: ready ## How good retrieval is on judged questions (CORPUS=, QUERIES=, QRELS=, JSON=; ARGS="--ablation")
	@$(call asks,CORPUS QUERIES QRELS)
	@$(BIN)/python -m service retrieval-eval --corpus '$(CORPUS)' --queries '$(QUERIES)' --qrels '$(QRELS)' \
		$(if $(JSON),--json '$(JSON)') $(ARGS)

confidence-eval: ready ## Whether confidence is a probability (CORPUS=, QUERIES=, QRELS=, NEGATIVES=, JSON=; ARGS="--fit")
	@$(call asks,CORPUS QUERIES QRELS)
	@$(BIN)/python -m service confidence-eval --corpus '$(CORPUS)' --queries '$(QUERIES)' --qrels '$(QRELS)' \
		--negatives '$(or $(NEGATIVES),none)' $(if $(JSON),--json '$(JSON)') $(ARGS)

decline-eval: ready ## Which questions are not answered, and why (CORPUS=, QUERIES=, JSON=; ARGS="--sweep")
	@$(call asks,CORPUS QUERIES)
	@$(BIN)/python -m service decline-eval --corpus '$(CORPUS)' --queries '$(QUERIES)' $(if $(JSON),--json '$(JSON)') $(ARGS)

fuzz-api: ready ## Ask the whole API what its description allows and what not (CASES=, SEED=)
	@$(BIN)/python -m tests.service.fuzzing --cases '$(or $(CASES),5000)' --seed '$(or $(SEED),0)'

security-mutations: ready ## Break one line for each security control, in a copy, and see its test red (ONLY=; some 10 minutes)
	@$(BIN)/python -m tests.security_mutations $(if $(ONLY),--only $(call quoted,$(ONLY))) $(ARGS)

##@ Documents
ingest: ready ## Take documents into the index of a running service (PATH=, LIBRARY=; ARGS="--dry-run")
	@test -n $(call quoted,$(documents)) || { echo 'make ingest: say which documents: make ingest PATH=docs/' >&2; exit 2; }
	@$(BIN)/python -m service ingest $(call quoted,$(documents)) $(if $(LIBRARY),--library $(call quoted,$(LIBRARY))) $(ARGS)

##@ Generate
generate: ready ## Alert rules, their tests and the dashboards, from the SLO spec
	@$(COURTSIGHT) generate $(ARGS)

check: ready ## Whether the generated files are up to date, and pass promtool
	@$(COURTSIGHT) check $(ARGS)

prove: ready ## Prove in virtual time that every alert fires in time, stays silent, recovers; break its rules
	@$(COURTSIGHT) prove $(ARGS)

dashboards-import: ready ## Put the generated boards into a Grafana (GRAFANA=http://…, GRAFANA_TOKEN_FILE=)
	@$(COURTSIGHT) dashboards-import --grafana '$(GRAFANA)' --token-file '$(GRAFANA_TOKEN_FILE)' $(ARGS)

##@ Run and repair
serve: ready ## Run the service for a person, and print how to log in (PORT=)
	@$(COURTSIGHT) serve $(port) $(ARGS)

simulator: ready ## Run the stand-in for an LLM provider, with faults on command (PORT=, PROFILE=)
	@$(BIN)/python -m simulator serve $(if $(PROFILE),--profile '$(PROFILE)') $(port) $(ARGS)

doctor: ready ## Which dependency, port or version is wrong, and the mend
	@$(COURTSIGHT) doctor $(ARGS)

##@ Develop
test: setup lint unit servers ## Everything that CI runs, at most 12 minutes on two cores

sbom: ready ## The bill of materials as CycloneDX, from the locks (INTO=)
	@$(BIN)/python -m harness.sbom --into $(call quoted,$(or $(INTO),.cache/courtsight.cdx.json))

lint: ready ## Style, types, import contracts, generated files
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy & typed=$$!; $(BIN)/lint-imports && $(COURTSIGHT) check; others=$$?; wait $$typed && exit $$others

format: ready ## Mend what ruff can mend
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

setup: ready ## Install what is lacking: environment, Prometheus, Alertmanager; for tests Redis, Chromium
	@$(BIN)/python -m harness.tools

clean: ## Remove environment and caches; evidence and reports stay
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks .coverage* *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The parts of `test`, in its order, and the environment that everything stands on.
ready:
	@$(PYTHON) -I harness/bootstrap.py || { status=$$?; test $$status -ne 127 || \
		echo 'make: there is no $(PYTHON): install Python 3.11 to 3.13, or name the one to use with PYTHON=python3.12' >&2; exit $$status; }

unit: ready
	@$(PYTEST) $(COVERED) $(UNIT) -p no:courtsight-uat --cov --cov-report=term --cov-fail-under=95
	@$(PYTEST) tests $(addprefix --ignore=,$(COVERED)) $(UNIT)

# A whole readiness run waits four minutes of its five, so it begins first and the servers' tests run beside it. It measures: a worker
# that is about to do anything else takes a lower priority before (tests/conftest.py).
servers: ready
	@$(PYTEST) $(MEASURING) $(COMMANDS) $(LONGEST) $(SERVED) -n 4 $(TOGETHER) -m "integration or e2e"

# The parts of `servers`, each alone. Most tests wait for drills and providers while others compute, so there is one worker more than processors.
integration: ready
	@$(PYTEST) $(LONGEST) $(SERVED) -n 3 $(TOGETHER) -m "integration and not e2e"

e2e: ready
	@$(PYTEST) $(MEASURING) $(COMMANDS) -n 2 $(TOGETHER) -m e2e
