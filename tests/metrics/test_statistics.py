"""The sums that every corpus score is made of: what of them adds up, and what is refused."""

import pytest

from aigc_book.metrics.bleu import BleuSettings, BleuStats
from aigc_book.metrics.chrf import ChrfSettings, ChrfStats
from aigc_book.metrics.meteor import MeteorSettings, MeteorStats
from aigc_book.metrics.rouge import RougeSettings, RougeStats

PAIRS = {
    "bleu": (BleuStats((1,), (1,), 1, 1, BleuSettings(max_order=1)), BleuStats((1,) * 4, (1,) * 4, 1, 1)),
    "chrf": [ChrfStats((1,), (1,), (1,), ChrfSettings(char_order=1, beta=beta)) for beta in (1, 2)],
    "meteor": [MeteorStats(1, 1.0, 1, 1, 1, 1, MeteorSettings(beta=beta)) for beta in (1, 2)],
    "rouge": [RougeStats(1, 1.0, 1.0, 1.0, 1, 1, 1, RougeSettings(kind)) for kind in ("rouge1", "rouge2")],
}


@pytest.mark.parametrize("metric", PAIRS)
def test_statistics_that_do_not_add_up(metric):
    one, other = PAIRS[metric]
    with pytest.raises(ValueError, match="statistics of different settings don't add up"):
        one + other
    with pytest.raises(TypeError, match="unsupported operand"):
        one + 1
    with pytest.raises(TypeError, match="unsupported operand"):
        1 + one
