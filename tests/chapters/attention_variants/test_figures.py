"""The sweep of a block over the scores: which part has which colour, and what is refused."""

from collections import Counter

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from aigc_book.chapters.attention_variants import figures


@pytest.mark.parametrize(
    ("at", "counts"), [((2, 1), [4, 16, 20, 24]), ((0, 0), [4, 0, 36, 24]), ((3, 3), [4, 36, 0, 24])]
)
def test_block_sweep_shows_one_block_and_never_the_future(at, counts):
    """Of 4 x 4 blocks of 2 x 2 scores: now, before (of ten on or below the diagonal), to come, never."""
    squares = [patch for patch in figures.block_sweep(4, 2, at=at).axes[0].patches if isinstance(patch, Rectangle)]
    assert len(squares) == 64
    assert sorted(Counter(to_hex(square.get_facecolor()) for square in squares).values()) == sorted(
        filter(None, counts)
    )


@pytest.mark.parametrize("settings", [(6, 2, (0, 0)), (4, 5, (0, 0)), (4, 2, (1, 2)), (4, 2, (4, 0))])
def test_block_sweep_refuses_what_can_not_be_drawn(settings):
    n_blocks, block, at = settings
    with pytest.raises(ValueError, match="a block of 1 to 5 x 1 to 4, not in the future, can be drawn; got"):
        figures.block_sweep(n_blocks, block, at=at)
