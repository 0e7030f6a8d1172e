# Every command stands in make.py, which runs without make too: python make.py help
PYTHON ?= python3
NAME ?=
SEEDS ?= 5
SCALE ?=

.DEFAULT_GOAL := help
.PHONY: help setup book chapter claims test lab lint address wheels clean

help setup book test lab lint address clean:
	@$(PYTHON) make.py $@

chapter wheels:
	@$(PYTHON) make.py $@ $(NAME)

claims:
	@$(PYTHON) make.py $@ "$(NAME)" "$(SEEDS)" "$(SCALE)"
