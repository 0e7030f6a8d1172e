"""The book's Sphinx extension: each of its ideas is a file of its own beside this one."""

import chapter_card
import chapter_figure
import last_names
import offline
import one_bar
import outputs
import plain
import shared_links

PARTS = (chapter_card, chapter_figure, outputs, last_names, offline, one_bar, plain, shared_links)


def setup(app):
    for part in PARTS:
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
