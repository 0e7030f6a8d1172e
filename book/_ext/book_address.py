"""The repository's address, read from the one place where it stands, and what follows from it.

``_config.yml`` names the address and the branch. The launch buttons follow from them by themselves; the first cell
of every chapter, which installs the package on Colab, follows through :func:`install_source`.
"""

from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
INSTALL_TAGS = ("install", "remove-cell")


def repository() -> tuple[str, str]:
    """The repository's address and branch, as ``_config.yml`` has them."""
    entry = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return entry["url"].rstrip("/"), entry["branch"]


def install_source() -> str:
    """The source of a chapter's first cell: one statement that installs the package only where it is missing.

    ``chapters`` is the extra with what the chapters import beside the package.
    """
    url, branch = repository()
    return (
        'if not __import__("importlib.util").util.find_spec("aigc_book"):  # on Colab, say\n'
        f'    %pip install -q "aigc_book[chapters] @ git+{url}@{branch}"'
    )


def install_cell() -> nbformat.NotebookNode:
    """A chapter's first cell, hidden in the rendered page."""
    return nbformat.v4.new_code_cell(install_source(), metadata={"tags": list(INSTALL_TAGS)}, id="install")


def main() -> None:
    """Write the install cell of the present address into every chapter."""
    for path in sorted((ROOT / "book").glob("*/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[0] = install_cell()
        text = nbformat.writes(notebook, indent=1, ensure_ascii=False)
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
