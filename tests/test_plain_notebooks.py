"""Plain notebooks: what Colab, Binder and the download button open has nothing of MyST left in it."""

import json
import os
import re
import subprocess
import sys

import nbformat
import plain
import plain_markdown
import pytest
import runs
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

BUILT = sorted(plain.FOLDER.rglob("*.ipynb"))
MYST = {
    "a directive": re.compile(r"^\s*(>\s*)*(:{3,}|`{3,}\{|~{3,}\{)", re.MULTILINE),
    "a role": re.compile(r"(?<!`)\{[a-z][\w:+-]*\}`"),
    "a target": re.compile(r"^\([\w-]+\)=\s*$", re.MULTILINE),
    "an equation's label": re.compile(r"\$\$ *\([\w-]+\)"),
    "an option": re.compile(r"^:(label|class|name|width|alt|tags|start-after): ?", re.MULTILINE),
    "a substitution": re.compile(r"\{\{[^}]*\}\}"),
    "a comment": re.compile(r"^(%|\+\+\+)( |$)", re.MULTILINE),
    "attributes": re.compile(r"\]\([^)]*\)\{"),
    "an empty link": re.compile(r"(?<!!)\[\]\("),
    "a link to a file beside it": re.compile(r"(?<!\\)\]\((?!https?://|mailto:)[\w./#-]+\)"),
    "a term that is not bold": re.compile(r"\*\* +\w[^*\n]*: +\*\*"),
}
CODE = re.compile(
    r"^(`{3,})[^\n]*\n.*?^\1|(?<![}`])(`+)[^`\n].*?\2|\$\$.*?\$\$|(?<!\\)\$[^$]+\$", re.DOTALL | re.MULTILINE
)


def leftovers(text: str) -> list[str]:
    """What of MyST is left in Markdown; code and formulas may have braces, but no label."""
    bare = CODE.sub("…", text)
    labelled = {"an equation's label", "a directive"}
    return [name for name, what in MYST.items() if what.search(text if name in labelled else bare)]


@pytest.mark.parametrize(
    "text",
    [
        ":::{note}\nx\n:::",
        "```{figure} x.png\n```",
        "see {ref}`x`",
        "a {term}`b <c>` d",
        "(label)=\n## T",
        "$$\nx\n$$ (eq-x)",
        ":label: x",
        "{{ x }}",
        "% a comment",
        "[](other.ipynb)",
        "[b](other.ipynb)",
        "{eq}`eq-x`",
        "> :::{tip}",
    ],
)
def test_leftovers_are_found(text):
    assert leftovers(text)


def test_plain_markdown_has_no_leftovers():
    text = (
        "# T\n\nA *b* `{ref}` $a_{x}`y`$ [c](https://x.org) $$\nx_{1}\n\\tag{1.2}\n$$\n\n> **N**\n\n```python\n{x}\n```"
    )
    assert leftovers(text) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A chapter with all that chapters have, built with Sphinx, and the plain notebook that came of it."""
    folder = tmp_path_factory.mktemp("book")
    text = r"""(start)=
# A title with $x_1$

A {term}`token <token>` (词元), {cite:t}`one2020` and {cite:p}`one2020`; {ref}`below <later>`,
{ref}`later`, {numref}`fig-line`,
{eq}`eq-one`, {doc}`other`, [](other.md), [words](other.md#second),
[out](https://example.org), {glue:text}`n:.2f` of 5 * 3 [sic] a_b_ and <b>.
{ref}`ex-one` asks more.

$$
a_{1} = \begin{cases} 1 \\ 2 \end{cases}
$$ (eq-one)

:::{admonition} A box
:class: articles
With *words* and

- a list
  - of lists
:::

| a | $\|x\|$ |
|---|---|
| `b \| c` | **d** |

1. one
2. two

> A quotation.

```python
{x} = {1}
```
"""
    more = "(later)=\n## Later\n\n{py:func}`nothing.here` and {sup}`2`\n\nTerm\n: Definition\n\n{{ inserted }}"
    exercise = ":::{exercise} How many?\n:label: ex-one\nWrite `f`.\n:::"
    solution = ":::{solution-start} ex-one\n:class: dropdown\n:::\nThree."
    figure = {
        "mystnb": {
            "figure": {"caption": "A {term}`token` is seen. It lies.", "name": "fig-line"},
            "image": {"alt": "x"},
        }
    }
    picture = new_output("display_data", {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>"})
    number = new_output(
        "display_data",
        {"application/papermill.record/text/plain": "1.23456"},
        metadata={"scrapbook": {"mime_prefix": "application/papermill.record/", "name": "n"}},
    )
    chatter = new_output("stream", name="stderr", text="chatter")
    said = new_output("stream", name="stdout", text="said")
    cells = [
        new_code_cell("install()", id="install", metadata={"tags": ["install", "remove-cell"]}),
        new_markdown_cell(text),
        new_code_cell("draw()", id="draw", metadata={"tags": ["hide-input"], **figure}, outputs=[picture, chatter]),
        new_code_cell("glue('n', 1)", id="glue", metadata={"tags": ["remove-cell"]}, outputs=[number]),
        new_markdown_cell(more),
        new_code_cell("print('said')", id="shown", outputs=[said]),
        new_markdown_cell(exercise),
        new_code_cell("def f(): ...", id="stub", metadata={"tags": ["exercise"]}),
        new_markdown_cell(solution),
        new_code_cell("def f(): return 3", id="solved", metadata={"tags": ["solution"]}),
        new_markdown_cell("And so on.\n\n:::{solution-end}\n:::\n\nThe end."),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), folder / "chapter.ipynb")
    (folder / "index.md").write_text(
        "# Book\n\n```{toctree}\n:numbered:\nchapter\nother\n```\n\n"
        "```{bibliography}\n```\n\n```{glossary}\ntoken\n  A piece.\n```\n"
    )
    (folder / "other.md").write_text("# The other page\n\n(second)=\n## Second\n")
    (folder / "refs.bib").write_text("@book{one2020, author={One, Ann}, title={T}, year={2020}, publisher={P}}\n")
    (folder / "conf.py").write_text(
        "extensions = ['myst_nb', 'sphinx_exercise', 'sphinxcontrib.bibtex', 'plain']\n"
        "bibtex_bibfiles = ['refs.bib']\nbibtex_reference_style = 'author_year'\nnb_execution_mode = 'off'\n"
        "numfig = True\nmath_numfig = True\nsuppress_warnings = ['docutils', 'ref']\n"
        "myst_enable_extensions = ['colon_fence', 'deflist', 'dollarmath', 'substitution']\n"
        "myst_substitutions = {'inserted': 'put *in*'}\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(runs.HERE), str(runs.ROOT)])}
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(folder), str(folder / "_build" / "html")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    notebook = nbformat.read(folder / "_build" / "notebooks" / "chapter.ipynb", as_version=4)
    assert (folder / "_build" / "html" / "_sources" / "chapter.ipynb").read_text() == (
        folder / "_build" / "notebooks" / "chapter.ipynb"
    ).read_text(), "the download button's file"
    return notebook


def markdown(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_everything_is_resolved(made):
    text = markdown(made)
    nbformat.validate(made)
    assert leftovers(text) == []
    for expected in (
        "# A title with $x_1$",
        "index.html#term-token) (词元)",
        "One \\[[2020](",
        "\\[[One, 2020](",
        "; below,\nLater, Fig. 1.1,",
        "(1.1), [The other page](https://",
        "[The other page](https://",
        "[words](https://",
        "[out](https://example.org)",
        "1.23 of 5 \\* 3 \\[sic\\] a\\_b\\_ and ",
        "Exercise 1.1 asks more",
        "\\tag{1.1}\n$$",
        "> **A box**\n>\n> With *words* and\n>\n> - a list\n>\n>   - of lists",
        "| `b \\| c` | **d** |",
        "1. one\n2. two",
        "> A quotation.",
        "```python\n{x} = {1}\n```",
        "## Later",
        "**Term**: Definition",
        "put *in*",
        "The end.",
    ):
        assert expected in text, f"{expected!r} is not in:\n{text}"
    assert "\\vert " in text, "a bar in a formula would end a column"


def test_code_is_all_there_in_its_order_with_what_readers_see(made):
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code] == ["install", "draw", "glue", "shown", "stub", "solved"]
    assert made.cells[0].id == "install"
    assert [len(cell.outputs) for cell in code] == [0, 1, 0, 1, 0, 0]
    assert "chatter" not in json.dumps(made)
    assert not any("mystnb" in cell.metadata for cell in made.cells)


def test_hidden_code_is_folded_in_jupyter_and_in_colab(made):
    folded = {cell.id for cell in made.cells if cell.metadata.get("jupyter", {}).get("source_hidden")}
    forms = {cell.id for cell in made.cells if cell.metadata.get("cellView") == "form"}
    assert folded == forms == {"install", "draw", "glue", "solved"}
    titles = {cell.id: cell.source.splitlines()[0] for cell in made.cells if cell.id in forms}
    assert titles["draw"] == "# @title A token is seen"
    assert all(title.startswith("# @title ") for title in titles.values())


def test_a_figures_caption_stands_under_it(made):
    place = [cell.id for cell in made.cells].index("draw")
    after = next(cell for cell in made.cells[place + 1 :] if cell.cell_type == "markdown")
    assert after.source.startswith("**Figure 1.1.** A [token](https://")


def test_exercises_and_solutions_read_well(made):
    text = markdown(made)
    assert "### Exercise 1.1 (How many?)\n\nWrite `f`." in text
    folds = re.findall(r"<details><summary>(.*?)</summary>\n\n(.*?)\n\n</details>", text, re.DOTALL)
    assert [body for _, body in folds] == ["Three.", "And so on."]
    assert all(title.startswith("Solution to Exercise 1.1") for title, _ in folds)
    assert "The end." not in folds[-1][1]


def test_emphasis_has_no_spaces_within():
    assert plain_markdown.marked("**", "Run time: ") == "**Run time:** "
    assert plain_markdown.marked("*", " a b") == " *a b*"
    assert plain_markdown.marked("*", " ") == " "


def test_code_with_backticks_survives():
    page = plain_markdown.Page("https://x.org/a.html", {})
    assert plain_markdown.words(nodes.literal("", "a`b"), page) == "`` a`b ``"


def test_launch_buttons_lead_to_the_branch_that_the_workflow_makes():
    """The branch's name occurs as a whole part of an address only: main in the owner's name stays."""
    colab = "https://colab.research.google.com/github/mainly/x/blob/main/book/a.ipynb"
    binder = "https://mybinder.org/v2/gh/mainly/x/main?urlpath=lab/tree/book/a.ipynb"
    buttons = [{"url": colab}, {"url": binder}]
    others = [{"url": colab}]
    context = {"header_buttons": [{"label": "launch-buttons", "buttons": buttons}, {"label": "x", "buttons": others}]}
    plain.launch_plain(None, "a", "page.html", context, None)
    assert buttons[0]["url"] == colab.replace("/blob/main/", f"/blob/{plain.BRANCH}/")
    assert buttons[1]["url"] == binder.replace("/main?", f"/{plain.BRANCH}?")
    assert others[0]["url"] == colab
    workflow = (runs.ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8")
    assert f"git push --force origin {plain.BRANCH}" in workflow
    assert f"path: {plain.FOLDER.relative_to(runs.ROOT).as_posix()}/book" in workflow


@pytest.mark.skipif(not BUILT, reason="the site is not built: make book")
def test_every_chapter_has_a_plain_notebook():
    assert {path.relative_to(plain.FOLDER / "book").with_suffix("").as_posix() for path in BUILT} >= {
        runs.name_of(path) for path in runs.chapters()
    }


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_nothing_of_myst_is_left(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    texts = {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "markdown"}
    for cell in notebook.cells:
        for place, output in enumerate(cell.get("outputs", ())):
            texts[f"{cell.id}, output {place}"] = "".join(output.get("data", {}).get("text/markdown", ""))
    assert {place: left for place, text in texts.items() if (left := leftovers(text))} == {}
    sources = {cell.id: cell.source for cell in nbformat.read(runs.ROOT / path.relative_to(plain.FOLDER), 4).cells}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if not cell.source.endswith(sources[cell.id])] == []
