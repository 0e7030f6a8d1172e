"""The book's figures: one style, and every kind of figure that chapters draw.

The palette is Okabe and Ito's, which colour-blind readers can tell apart. The same thing has the same colour in every
chapter (``COLORS``). Figures have a white ground, so that they read the same on a light and on a dark page.
"""

from aigc_book.plotting.attention_maps import attention, attention_arcs, attention_page
from aigc_book.plotting.bars import bars
from aigc_book.plotting.descent import descent_race, steps_up_and_down
from aigc_book.plotting.drawn_digits import Scatter, digit_rows, line_and_clouds
from aigc_book.plotting.heads import code_maps, head_grid
from aigc_book.plotting.landscape import Milestone, timeline
from aigc_book.plotting.lines import Panel, curve_panels, curves
from aigc_book.plotting.networks import decision_boundaries, digits_read, network_numbers
from aigc_book.plotting.reading import ReadingPanel, reading_lines
from aigc_book.plotting.recurrence import text_ladder, wall
from aigc_book.plotting.scale import compute_map, law_through_points
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
from aigc_book.plotting.text_scores import score_matrix, word_alignment
from aigc_book.plotting.tokens import batch_grids, merge_table, token_strips
from aigc_book.plotting.training_runs import training_story, window_questions
from aigc_book.plotting.word_vectors import cloud, dot_rows, word_arrows, word_map

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
    "Milestone",
    "Panel",
    "ReadingPanel",
    "Scatter",
    "attention",
    "attention_arcs",
    "attention_page",
    "bars",
    "batch_grids",
    "cloud",
    "code_maps",
    "compute_map",
    "curve_panels",
    "curves",
    "decision_boundaries",
    "descent_race",
    "digit_rows",
    "digits_read",
    "dot_rows",
    "head_grid",
    "label_line",
    "law_through_points",
    "line_and_clouds",
    "merge_table",
    "network_numbers",
    "reading_lines",
    "score_matrix",
    "steps_up_and_down",
    "text_ladder",
    "timeline",
    "token_strips",
    "training_story",
    "use_style",
    "wall",
    "window_questions",
    "word_alignment",
    "word_arrows",
    "word_map",
]
