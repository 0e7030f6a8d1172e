"""A figure that a chapter's run has drawn, on another page."""

import hashlib

import runs
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)
FIGURES = runs.ROOT / "_build" / "chapter_figures"


class ChapterFigure(SphinxDirective):
    """A figure of a chapter, as its run in this build drew it, shown on another page with its caption.

    The argument is the figure's name; ``:chapter:`` says where it is drawn, as in ``training/pretraining``.
    """

    required_arguments = 1
    option_spec = {"chapter": directives.unchanged_required}  # noqa: RUF012  (docutils reads it so)

    def run(self):
        name, chapter = self.arguments[0], self.options["chapter"]
        path = runs.ROOT / "book" / f"{chapter}.ipynb"
        self.env.note_dependency(str(path))
        run = runs.executed(path) if path.exists() else None
        cells = run[0].cells if run else []
        cell = next((c for c in cells if c.metadata.get("mystnb", {}).get("figure", {}).get("name") == name), None)
        pictures = [
            o.data["image/svg+xml"] for o in (cell.outputs if cell else []) if "image/svg+xml" in o.get("data", ())
        ]
        if not pictures:
            logger.warning("chapter %s has no executed figure named %s", chapter, name, location=self.get_location())
            return []
        svg = pictures[0] if isinstance(pictures[0], str) else "".join(pictures[0])
        FIGURES.mkdir(parents=True, exist_ok=True)
        file = FIGURES / f"{name}-{hashlib.sha256(svg.encode()).hexdigest()[:8]}.svg"
        file.write_text(svg, encoding="utf-8")
        settings = cell.metadata["mystnb"]
        image = nodes.image(uri=f"/{file.relative_to(runs.ROOT).as_posix()}", alt=settings["image"]["alt"])
        figure = nodes.figure("", image, classes=["chapter-figure"])
        words = nodes.legend()  # a caption would be numbered, and the figure's number belongs to its chapter
        self.state.nested_parse(StringList([settings["figure"]["caption"]]), self.content_offset, words)
        figure += words
        return [figure]


def setup(app) -> None:
    app.add_directive("chapter-figure", ChapterFigure)
