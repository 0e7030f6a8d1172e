"""The book's style: what figures look like once it is set."""

from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from aigc_book import plotting


def test_style_gives_figures_a_white_ground_and_the_palette():
    plotting.use_style()
    figure, ax = plt.subplots()
    assert to_hex(figure.get_facecolor()) == "#ffffff"
    (line,) = ax.plot([0, 1])
    assert to_hex(line.get_color()) == plotting.BLUE.lower()
