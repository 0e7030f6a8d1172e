"""The book's Sphinx extension: outputs from the right cache, cards with recorded costs, pages that need no network."""

import hashlib
import importlib.metadata
import os
import re
from html import escape
from pathlib import Path

import nbformat
import runs
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.fileutil import copy_asset_file

logger = logging.getLogger(__name__)
FIGURES = runs.ROOT / "_build" / "chapter_figures"
# to_jshtml links a style sheet of icons that the theme already carries
ICONS_LINK = re.compile(r'<link[^>]*href="https?://[^"]*font-awesome[^"]*"[^>]*>')


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


def note_state(app, config) -> None:
    """Make pages depend on what their outputs depend on: when it changes, Sphinx reads every page again."""
    config.aigc_book_state = runs.state_of_this_build()


def run_chapters(app) -> None:
    """Run what changed before any page is read. ``AIGC_BOOK_ONLY`` (a chapter's name) leaves the others as they are."""
    only = os.environ.get("AIGC_BOOK_ONLY")
    paths = [path for path in runs.chapters() if only in (None, runs.name_of(path))]
    if not paths and only:
        raise SystemExit(f"no chapter {only!r}; there are {', '.join(map(runs.name_of, runs.chapters())) or 'none'}")
    try:
        runs.run_outdated(paths)
    except runs.ChapterFailed as error:
        raise SystemExit(str(error)) from None  # where it failed, and not how Sphinx got there


def insert_outputs(app, docname, source) -> None:
    """Give a chapter the outputs of its run as it is read; without a run it is shown as it stands."""
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".ipynb" and (run := runs.executed(path)):
        for cell in run[0].cells:
            describe_animation(cell)
        source[0] = nbformat.writes(run[0])


def describe_animation(cell) -> None:
    """Give the picture in matplotlib's player the cell's alternative text, as MyST-NB gives it to still pictures."""
    alternative = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    for output in cell.get("outputs", ()):
        page = output.get("data", {}).get("text/html", "")
        if '<img id="_anim' in page:
            output.data["text/html"] = page.replace('<img id="_anim', f'<img alt="{escape(alternative)}" id="_anim')


def resolve_by_last_name(app, env, node, contnode):
    """Let a docstring call a thing of the package by its last name, as in ``:class:`AdamW```, where only one has it."""
    if node.get("refdomain") != "py" or node.get("reftype") == "mod":
        return None
    domain = env.get_domain("py")
    found = {name for name in domain.objects if name.endswith(f".{node['reftarget']}")}
    if len(found) != 1:
        return None
    node["reftarget"] = found.pop()
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], node["reftarget"], node, contnode)


def drop_thebe(app, pagename, templatename, context, doctree) -> None:
    """Leave out sphinx-thebe's scripts, which Jupyter Book always adds and which throw without their network half."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in str(script).lower()
        and "THEBE" not in ((getattr(script, "attributes", None) or {}).get("body") or "")
    ]


def drop_icons_link(app, pagename, templatename, context, doctree) -> None:
    """Take the link to an icon style sheet on the web out of animations; the theme has the icons."""
    if "font-awesome" in context.get("body", ""):
        context["body"] = ICONS_LINK.sub("", context["body"])


def copy_mathjax(app, exception) -> None:
    """Copy MathJax 3 with all of TeX and SVG output, one file, out of the sphinx-mathjax-offline wheel."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir) / "_static" / "mathjax"
        folder.mkdir(parents=True, exist_ok=True)
        files = importlib.metadata.files("sphinx-mathjax-offline") or []
        source = next(file for file in files if file.name == "tex-svg-full.js")
        copy_asset_file(str(source.locate()), str(folder))


def setup(app):
    app.add_directive("chapter-card", ChapterCard)
    app.add_directive("chapter-figure", ChapterFigure)
    app.add_config_value("aigc_book_state", "", "env", str)
    app.connect("config-inited", note_state)
    app.connect("builder-inited", run_chapters)
    app.connect("source-read", insert_outputs)
    app.connect("missing-reference", resolve_by_last_name)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", drop_icons_link, priority=900)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
