"""Chapters run before any page is read, and are read with the outputs of their runs."""

import os
import re
from html import escape
from pathlib import Path

import nbformat
import runs

PLAYER = re.compile(r"(anim\w+) = new Animation\([^)]*\);")


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
            end_animation(cell)
        source[0] = nbformat.writes(run[0])


def describe_animation(cell) -> None:
    """Give the picture in matplotlib's player the cell's alternative text, as MyST-NB gives it to still pictures."""
    alternative = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    for output in cell.get("outputs", ()):
        page = output.get("data", {}).get("text/html", "")
        if '<img id="_anim' in page:
            output.data["text/html"] = page.replace('<img id="_anim', f'<img alt="{escape(alternative)}" id="_anim')


def end_animation(cell) -> None:
    """Let matplotlib's player begin at the last frame: what a reader sees who doesn't press a button, or prints."""
    for output in cell.get("outputs", ()):
        page = output.get("data", {}).get("text/html", "")
        if "new Animation(" in page:
            output.data["text/html"] = PLAYER.sub(r"\g<0> \g<1>.last_frame();", page)


def setup(app) -> None:
    app.add_config_value("aigc_book_state", "", "env", str)
    app.connect("config-inited", note_state)
    app.connect("builder-inited", run_chapters)
    app.connect("source-read", insert_outputs)
