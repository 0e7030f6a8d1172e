"""Pages need no network: what would fetch something is taken out, and MathJax is copied in."""

import importlib.metadata
import re
from pathlib import Path

from sphinx.util.fileutil import copy_asset_file

# to_jshtml links a style sheet of icons that the theme already carries
ICONS_LINK = re.compile(r'<link[^>]*href="https?://[^"]*font-awesome[^"]*"[^>]*>')


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


def setup(app) -> None:
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", drop_icons_link, priority=900)
    app.connect("build-finished", copy_mathjax)
