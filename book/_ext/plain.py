"""Each chapter as a notebook in plain Markdown, which Colab, Binder and a page's download button open.

The build writes them into ``_build/notebooks``, where they stand as in the repository, with the outputs of this
build's runs. The published workflow puts them on the branch :data:`BRANCH`, to which the launch buttons lead.
"""

import re
import shutil
from pathlib import Path

import book_address
import folding
import nbformat
import outputs
import runs
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from plain_markdown import Cell, Page, pieces

BRANCH = "notebooks"
FOLDER = runs.ROOT / "_build" / "notebooks"
GLUE = "application/papermill.record/"
HIDDEN = folding.HIDDEN | {"solution"}


def plain(notebook: NotebookNode, found: list[str | Cell]) -> NotebookNode:
    """The notebook with its text as found in the page. Its code cells are all there, in their order."""
    cells, waiting = [], []
    todo = [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]

    def say() -> None:
        if waiting:
            cells.append(new_markdown_cell("\n\n".join(waiting), id=f"text-{len(cells)}"))
            waiting.clear()

    def code(until: float, solution: bool = False) -> None:
        while todo and todo[0][0] <= until:
            index, cell = todo.pop(0)
            cells.append(folded(cell, solution and index == until))

    if todo and "install" in todo[0][1].metadata.get("tags", ()):
        code(todo[0][0])
    for piece in found:
        if isinstance(piece, Cell):
            say()
            code(piece.index, piece.solution)
            waiting.extend([piece.caption] if piece.caption else [])
        elif piece:
            if piece.startswith("#"):
                say()
            waiting.append(piece)
    say()
    code(float("inf"))
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def folded(cell: NotebookNode, solution: bool) -> NotebookNode:
    """A code cell for editors that know nothing of the book: hidden code is folded in Jupyter and in Colab."""
    tags = set(cell.metadata.get("tags", ()))
    kept = {"tags": sorted(tags)} if tags else {}
    source, title = cell.source, form_title(cell, solution)
    if title:
        kept |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
        source = f"# @title {title}\n{source}"
    seen = [output for output in map(shown, cell.get("outputs", ())) if output]
    return nbformat.v4.new_code_cell(source, metadata=kept, outputs=seen, id=cell.id)


def form_title(cell: NotebookNode, solution: bool) -> str:
    """What stands in the place of hidden code; nothing for code that is shown."""
    tags = set(cell.metadata.get("tags", ()))
    if "install" in tags:
        return "Install the book's package, where it is missing"
    if solution or "solution" in tags:
        return "The solution's code"
    if not tags & HIDDEN:
        return ""
    if "remove-cell" in tags:
        return "Numbers for the text"
    caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
    first = re.split(r"(?<=[.:!?])\s", re.sub(r"\{[\w:]+\}`([^`<]*)[^`]*`", r"\1", caption))[0]
    return first.replace("$", "").rstrip(".:") or "Code"


def shown(output: NotebookNode) -> NotebookNode | None:
    """An output as a reader sees it; None for what only the build reads."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    if "data" in output:
        data = {kind: value for kind, value in output.data.items() if not kind.startswith(GLUE)}
        metadata = {key: value for key, value in output.metadata.items() if key in data}
        output = nbformat.from_dict({**output, "data": data, "metadata": metadata})
        if output.output_type == "execute_result":
            output.execution_count = None
        return output if data else None
    return output


def numbers(env, docname: str) -> dict[str, str]:
    """The numbers of a page's figures, equations and exercises, by id, as the page shows them."""
    found = {}
    for of_kind in env.toc_fignumbers.get(docname, {}).values():
        found |= {name: ".".join(map(str, number)) for name, number in of_kind.items()}
    return found


def write(app, doctree, docname: str) -> None:
    """Write the plain notebook of a chapter that is being written as a page."""
    path = Path(app.env.doc2path(docname))
    if app.builder.format != "html" or path.suffix != ".ipynb":
        return
    run = runs.executed(path)
    notebook = run[0] if run else nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        outputs.end_animation(cell)
    address = book_address.site() + app.builder.get_target_uri(docname)
    page = Page(address, numbers(app.env, docname))
    made = plain(notebook, list(pieces(doctree, page)))
    target = folder(app) / f"{docname}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, target)


def folder(app) -> Path:
    """Where this build's plain notebooks go: beside its pages."""
    return Path(app.outdir).parent / FOLDER.name


def offer(app, exception) -> None:
    """Put the plain notebooks in the place from which a page's download button takes them."""
    if exception is None and app.builder.format == "html" and folder(app).exists():
        shutil.copytree(folder(app), Path(app.outdir) / "_sources", dirs_exist_ok=True)


def launch_plain(app, pagename, templatename, context, doctree) -> None:
    """Lead the launch buttons to the branch with the plain notebooks."""
    _, branch = book_address.repository()
    for group in context.get("header_buttons", ()):
        if group.get("label") == "launch-buttons":
            for button in group["buttons"]:
                button["url"] = re.sub(rf"/{re.escape(branch)}(?=[/?])", f"/{BRANCH}", button["url"], count=1)


def setup(app) -> None:
    app.connect("doctree-resolved", write, priority=900)
    app.connect("html-page-context", launch_plain, priority=900)
    app.connect("build-finished", offer)
