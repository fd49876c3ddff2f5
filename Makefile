# The front door. `make demo` needs nothing but Python 3.11 and a package index.
# Options for a command go through ARGS: make filter ARGS="--set filter.rules.aspect.max=2"
# Another workspace than the configured one: make label-studio WORKSPACE=~/my-dataset

PYTHON ?= python3
VENV := .venv
# Label Studio wants other versions than we do, hence an environment of its own (about 1 GB).
SERVER := .venv-label-studio
# Tests run against an object store on loopback, whose versions clash with ours as well.
OBJECTS := .venv-object-store
# PaddleOCR wants another OpenCV than rapidocr (about 0.7 GB); without PaddlePaddle, see docs/paddle.md.
PADDLE := .venv-ocr-paddle
STICKERWORKS := $(VENV)/bin/stickerworks $(if $(WORKSPACE),--workspace "$(WORKSPACE)") $(ARGS)
TESTS ?= tests
# Tests run in so many processes; each of them holds up to 2 GB.
WORKERS ?= 2

# Where the environment forbids it, every process would compile every module that it imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev formats embeddings fonts demo run crawl filter tags annotate merge split release validate report update status label-studio ocr-paddle test lint format bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed fonts ## install into .venv

setup-dev: $(VENV)/.installed-dev $(SERVER)/.installed $(OBJECTS)/.installed $(PADDLE)/.installed fonts ## the same, with what tests and lint need

formats: $(VENV)/.installed-formats ## the same as setup, with what MP4, WebM and TGS stickers need

embeddings: $(VENV)/.installed-embeddings ## the same as setup, with what filter.duplicates.embeddings needs

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints.txt --editable '.[baselines,domain,label]'
	rm -rf *.egg-info  # python -m, started here, would take a later one's entry points from it
	touch $@

$(VENV)/.installed-formats: pyproject.toml constraints.txt $(VENV)/.installed | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints.txt --editable '.[formats]'
	rm -rf *.egg-info
	touch $@

$(VENV)/.installed-embeddings: pyproject.toml constraints.txt $(VENV)/.installed | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints.txt --editable '.[embeddings]'
	rm -rf *.egg-info
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints.txt --editable '.[dev]'
	rm -rf *.egg-info
	touch $@ $(VENV)/.installed $(VENV)/.installed-formats $(VENV)/.installed-embeddings

$(SERVER)/bin/python:
	$(PYTHON) -m venv $(SERVER)

$(SERVER)/.installed: constraints-label-studio.txt | $(SERVER)/bin/python
	@echo "Installing Label Studio into $(SERVER): about 160 packages, 1 GB on disk; three to ten minutes, once."
	@echo "Every package is named as it comes; interrupted, the same command goes on."
	@$(SERVER)/bin/python -u -m pip install --progress-bar off --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints-label-studio.txt label-studio \
	  | sed -u -n -E 's/^Collecting ([^ ]+).*/  \1/p; s/^(Installing collected packages).*/\1: one to three minutes more/p; s/^(Successfully installed).*/\1./p'
	@$(SERVER)/bin/python -c 'import label_studio'  # a pipe tells nothing of its first command
	touch $@

$(OBJECTS)/bin/python:
	$(PYTHON) -m venv $(OBJECTS)

$(OBJECTS)/.installed: constraints-object-store.txt | $(OBJECTS)/bin/python
	$(OBJECTS)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints-object-store.txt 'moto[s3]' flask flask-cors
	touch $@

$(PADDLE)/bin/python:
	$(PYTHON) -m venv $(PADDLE)

$(PADDLE)/.installed: constraints-ocr-paddle.txt | $(PADDLE)/bin/python
	$(PADDLE)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints-ocr-paddle.txt paddleocr onnxruntime
	touch $@

# Chinese glyphs for drawn stickers and plots: installed where we may, else one message and Latin labels.
fonts: | $(VENV)/bin/python
	@if ! $(VENV)/bin/python -c 'import sys; from pipeline.engine.fonts import chinese_font; sys.exit(chinese_font() is None)'; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    (apt-get update -qq && apt-get install -y -qq fonts-wqy-microhei) >/dev/null 2>&1 || true; \
	  fi; \
	  $(VENV)/bin/python -c 'from pipeline.engine.fonts import MISSING_FONT, chinese_font; chinese_font() or print(MISSING_FONT)'; \
	fi

demo: setup ## everything on drawn stickers from a site on loopback
	$(STICKERWORKS) demo

run: setup ## everything in order, on the sources of stickerworks.yaml
	$(STICKERWORKS) run

crawl: setup ## fetch stickers from the configured sources
	$(STICKERWORKS) crawl

filter: setup ## measure, read text, find duplicates, decide
	$(STICKERWORKS) filter

tags: setup ## keywords to clusters, ready to be named, and suggested tags
	$(STICKERWORKS) tags

annotate: tags ## domain and captions by machine
	$(STICKERWORKS) annotate

merge: setup ## votes to labels
	$(STICKERWORKS) merge

split: merge ## train, validation, test without leakage
	$(STICKERWORKS) split

release: setup ## Parquet shards, card, Croissant, plots, checksums
	$(STICKERWORKS) release

validate: setup ## the gate: a baseline against its label-shuffled control
	$(STICKERWORKS) validate

report: setup ## the HTML report of the workspace
	$(STICKERWORKS) report

update: setup ## every table that was made before and is out of date
	$(STICKERWORKS) update

status: setup ## how far every table is, and what comes next
	$(STICKERWORKS) status

label-studio: setup $(SERVER)/.installed ## serve the workspace for labelling, on loopback
	$(STICKERWORKS) label setup

ocr-paddle: $(PADDLE)/.installed ## PaddleOCR in an environment of its own, for filter.ocr.backend: paddle

test: setup-dev ## all tests
	$(VENV)/bin/python -m pytest --numprocesses $(WORKERS) --no-loadscope-reorder --durations=10 $(TESTS)

lint: $(VENV)/.installed-dev ## style, types and who may import whom
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.installed-dev ## put the code into the house style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.installed-dev ## every benchmark; each ends with one line of JSON
	@for script in benchmarks/*.py; do PYTHONPATH=. $(VENV)/bin/python $$script || exit 1; done

clean: ## remove the environments and caches; workspaces stay
	rm -rf $(VENV) $(SERVER) $(OBJECTS) $(PADDLE) .venv-img2dataset .venv-cleanvision build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
