"""The card at the top of a chapter: what it builds and what to read first, as written, and what its last run cost."""

from pathlib import Path

import runs
from docutils import nodes
from sphinx.util.docutils import SphinxDirective


def memory(mib: float) -> str:
    """A size in MiB as a reader says it."""
    return f"{mib / 1024:.1f} GiB" if mib >= 1000 else f"{round(mib, -1):.0f} MiB"


def duration(seconds: float) -> str:
    """A duration as a reader says it: seconds up to two minutes, then minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def cost_in_words(cost: dict | None, gpu: dict | None) -> str:
    """The last line of a chapter's card, from what the runs recorded."""
    if cost is None:
        return "Not run in this build."
    where = f"one {cost['gpu']}" if "gpu" in cost else f"{cost['cores']} CPU cores"
    words = f"{duration(cost['seconds'])} and {memory(cost['peak_mib'])} of memory on {where}, recorded by this build."
    if gpu and "gpu" not in cost:
        words += f" At the gpu scale: {duration(gpu['seconds'])}, {memory(gpu['gpu_mib'])} on one {gpu['gpu']}."
    return words


class ChapterCard(SphinxDirective):
    """What a chapter builds and what to read first, as the author says, and what it costs, as the build recorded."""

    has_content = True

    def run(self):
        card = nodes.admonition(classes=["chapter-card"])
        card += nodes.title("", "This chapter")
        self.state.nested_parse(self.content, self.content_offset, card)
        path = Path(self.env.doc2path(self.env.docname))
        run = runs.executed(path) if path.suffix == ".ipynb" else None
        words = cost_in_words(run[1] if run else None, runs.gpu_cost(path))
        card += nodes.paragraph("", "", nodes.strong("", "Run time: "), nodes.Text(words), classes=["chapter-cost"])
        return [card]


def setup(app) -> None:
    app.add_directive("chapter-card", ChapterCard)
