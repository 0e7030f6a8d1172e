"""The repository's address, read from the one place where it stands, and what follows from it.

``_config.yml`` names the address and the branch. The launch buttons follow from them by themselves; the first cell
of every chapter, which installs the package on Colab, follows through :func:`install_source`, and the links in
``FILES`` through :func:`with_address`.
"""

import re
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
INSTALL_TAGS = ("install", "remove-cell")
FILES = ("README.md", "pyproject.toml", "CITATION.cff", "CHANGELOG.md")  # every GitHub address in them is this book's


def repository() -> tuple[str, str]:
    """The repository's address and branch, as ``_config.yml`` has them."""
    entry = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return entry["url"].rstrip("/"), entry["branch"]


def site() -> str:
    """Where GitHub Pages publishes the built book."""
    owner, name = repository()[0].removeprefix("https://github.com/").split("/")
    return f"https://{owner}.github.io/{name}/"


def release() -> str:
    """The tag of the version that stands here; what it names never moves."""
    text = (ROOT / "aigc_book" / "__init__.py").read_text(encoding="utf-8")
    return "v" + re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


def with_address(text: str) -> str:
    """The text, with every address of a repository or of its site replaced by this book's."""
    text = re.sub(r"https://github\.com/[\w-]+/[\w.-]*\w", repository()[0], text)
    return re.sub(r"https://[\w-]+\.github\.io/[\w-]+/", site(), text)


def install_source() -> str:
    """The source of a chapter's first cell: one statement that installs the package only where it is missing.

    ``chapters`` is the extra with what the chapters import beside the package. It comes from the release, so that a
    notebook which somebody keeps goes on to run.
    """
    return (
        'if not __import__("importlib.util").util.find_spec("aigc_book"):  # on Colab, say\n'
        f'    %pip install -q "aigc_book[chapters] @ git+{repository()[0]}@{release()}"'
    )


def install_cell() -> nbformat.NotebookNode:
    """A chapter's first cell, hidden in the rendered page."""
    metadata = {"jupyter": {"source_hidden": True}, "tags": list(INSTALL_TAGS)}
    return nbformat.v4.new_code_cell(install_source(), metadata=metadata, id="install")


def main() -> None:
    """Write the present address into every chapter's install cell and into the files that link to it."""
    for name in FILES:
        path = ROOT / name
        path.write_text(with_address(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in sorted((ROOT / "book").glob("*/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[0] = install_cell()
        text = nbformat.writes(notebook, indent=1, ensure_ascii=False)
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
