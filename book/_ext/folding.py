"""Fold hidden cells in the chapters themselves: what the page hides, Jupyter and VS Code show folded too.

``python book/_ext/folding.py`` writes it into every chapter, or into those that are named.
"""

import sys
from pathlib import Path

import nbformat
import runs

HIDDEN = {"hide-input", "hide-cell", "remove-cell", "remove-input"}


def fold(notebook: nbformat.NotebookNode) -> None:
    """Mark the cells that the page hides as folded, and no others."""
    for cell in notebook.cells:
        cell.metadata.pop("jupyter", None)
        if cell.cell_type == "code" and HIDDEN & set(cell.metadata.get("tags", ())):
            cell.metadata["jupyter"] = {"source_hidden": True}


def main() -> None:
    for path in map(Path, sys.argv[1:] or runs.chapters()):
        notebook = nbformat.read(path, as_version=4)
        fold(notebook)
        text = nbformat.writes(notebook, indent=1, ensure_ascii=False)
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
