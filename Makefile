# Everything goes through .venv, which the first target makes and which is made again only when the pins change.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NAME ?=

.DEFAULT_GOAL := help
.PHONY: help setup book chapter test lab lint address clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PYTHON=python3.13 chooses the Python (3.11 to 3.13) that .venv is made with."

setup: $(READY) ## make .venv and install the pinned dependencies

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11 to 3.13 is needed; $(PYTHON) is `$(PYTHON) -V 2>&1`. Try make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): some minutes the first time, and 2 GB (6 GB with PyTorch for NVIDIA GPUs)."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[book,test,dev]'
	@touch $@

book: $(READY) ## execute every chapter that changed and build the HTML; warnings are errors
	@# After a failure everything is read again: Sphinx repeats a warning only for what it reads.
	@test -e _build/.complete && all= || all=--all; rm -f _build/.complete; \
	  $(BIN)/jupyter-book build --quiet -W --keep-going -n $$all . && touch _build/.complete
	@echo "The book is here: file://$(CURDIR)/_build/html/index.html"

chapter: $(READY) ## execute and render one chapter for writing: make chapter NAME=attention/attention
	@test -n "$(NAME)" || { echo "Which one? make chapter NAME=attention/attention"; exit 1; }
	@AIGC_BOOK_ONLY=$(NAME) $(BIN)/jupyter-book build --quiet -n --path-output _build/chapter/$(NAME) .
	@echo "The chapter is here: file://$(CURDIR)/_build/chapter/$(NAME)/_build/html/book/$(NAME).html"

test: $(READY) ## run all tests
	$(BIN)/python -m pytest

lab: $(READY) ## open JupyterLab on the chapters
	$(BIN)/jupyter lab --notebook-dir book

# nbstripout keeps the ids of cells; what it may leave of a notebook's own metadata is the same for every kernel.
STRIP := $(BIN)/nbstripout --keep-id --extra-keys "metadata.language_info.codemirror_mode metadata.language_info.file_extension metadata.language_info.mimetype metadata.language_info.nbconvert_exporter metadata.language_info.pygments_lexer metadata.language_info.version"

lint: $(READY) ## ruff, and the notebooks stripped of outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(STRIP) --verify $(wildcard book/*/*.ipynb)

address: $(READY) ## write what follows from the repository's address (_config.yml) into every chapter
	$(BIN)/python book/_ext/book_address.py

clean: ## remove what was built; .venv stays
	rm -rf _build .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
