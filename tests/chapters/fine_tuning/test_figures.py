"""The figures draw what they are given and refuse what doesn't fit."""

import pytest
import torch
from matplotlib import pyplot as plt

from aigc_book.chapters.fine_tuning import figures


def test_label_curves_name_every_method():
    found = figures.label_curves((10, 100), {"full": [[0.4, 0.5], [0.6, 0.8]], "majority": [[0.3], [0.3]]})
    words = [text.get_text() for text in found.axes[0].texts]
    assert set(words) == {"full", "majority"}
    assert list(found.axes[0].lines[0].get_ydata()) == pytest.approx([0.45, 0.7])
    with pytest.raises(ValueError, match="'full' needs a list of accuracies for each of 2 sizes; got 1"):
        figures.label_curves((10, 100), {"full": [[0.4]]})
    plt.close("all")


def test_drawings():
    assert figures.low_rank().axes
    mask = torch.block_diag(torch.ones(3, 3), torch.ones(2, 2)).bool()
    found = figures.packed_mask(mask, torch.tensor([-100, 4, 5, -100, 6]))
    assert found.axes[0].images[0].get_array().sum() == 6 + 3  # lower triangles of 3 and of 2
    assert found.axes[1].images[0].get_array().sum() == 3
    plt.close("all")
