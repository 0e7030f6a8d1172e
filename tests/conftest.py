"""Figures are drawn in memory; after each test they are closed, and the style is as it was."""

import os
import sys

import pytest

os.environ["MPLBACKEND"] = "agg"


@pytest.fixture(autouse=True)
def closed():
    if "matplotlib.pyplot" not in sys.modules:  # a test of a room that draws nothing
        yield
        return
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    with mpl.rc_context():
        yield
    plt.close("all")
