import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["chrf", "hub", "meteor", "perplexity", "porter", "rouge", "tokenize"])
def test_examples_in_docstrings(name):
    results = doctest.testmod(importlib.import_module(f"aigc_book.metrics.{name}"))
    assert results.attempted > 0
    assert results.failed == 0
