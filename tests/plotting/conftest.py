"""Figures are drawn in memory; after each test they are closed, and the style is as it was."""

import matplotlib as mpl

mpl.use("agg")

import pytest
from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def closed():
    with mpl.rc_context():
        yield
    plt.close("all")
