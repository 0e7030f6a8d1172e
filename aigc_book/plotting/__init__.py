"""The book's figures: one style, and every kind of figure that two chapters draw.

The palette is Okabe and Ito's, which colour-blind readers can tell apart. The same thing has the same colour in every
chapter (``COLORS``). Figures have a white ground, so that they read the same on a light and on a dark page.
What only one chapter draws stands in ``aigc_book.chapters.<chapter>.figures``.
"""

from aigc_book.plotting.attention_maps import attention
from aigc_book.plotting.bars import bars
from aigc_book.plotting.drawings import Drawing
from aigc_book.plotting.lines import Panel, curve_panels, curves
from aigc_book.plotting.model_parts import (
    attention_shapes,
    grouped_heads,
    growing_cache,
    neuron,
    transformer_block,
)
from aigc_book.plotting.style import (
    BLUE,
    COLORS,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    label_line,
    use_style,
)

__all__ = [
    "BLUE",
    "COLORS",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "YELLOW",
    "Drawing",
    "Panel",
    "attention",
    "attention_shapes",
    "bars",
    "curve_panels",
    "curves",
    "grouped_heads",
    "growing_cache",
    "label_line",
    "neuron",
    "transformer_block",
    "use_style",
]
