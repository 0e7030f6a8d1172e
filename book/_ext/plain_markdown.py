"""A page as Sphinx has resolved it, in Markdown that every notebook editor reads, with its code cells in between.

Directives have become headings, quotations and folded text; references, terms, citations and inserted numbers have
become their words, with links where they lead to another page.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urljoin

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx_exercise.nodes import is_exercise_node, is_solution_node

SPECIAL = re.compile(r"([\\`*_\[\]<$])")  # in running text
SKIPPED = (nodes.target, nodes.comment, nodes.substitution_definition, nodes.system_message, nodes.pending)
ADMONITIONS = {"note", "warning", "tip", "important", "hint", "caution", "attention", "danger", "error", "seealso"}


class Cell(NamedTuple):
    """The place of a code cell: its index in the chapter, the words under its figure, whether it is in a solution."""

    index: int
    caption: str = ""
    solution: bool = False


class Page(NamedTuple):
    """Where a page will be published, and its numbers: of figures and of equations, by id."""

    address: str
    numbers: dict[str, str]


def pieces(node: nodes.Node, page: Page, level: int = 0) -> Iterator[str | Cell]:
    """The Markdown of a node, a string for each block, and the code cells where they stand."""
    if isinstance(node, SKIPPED):
        return
    if isinstance(node, nodes.section | nodes.document):
        for child in node.children:
            yield from pieces(child, page, level + isinstance(node, nodes.section))
    elif node.get("nb_element") == "cell_code":
        yield Cell(node["cell_index"], caption(node, page))
    elif is_solution_node(node):
        yield from solution(node, page, level)
    elif is_exercise_node(node):
        number = " ".join(filter(None, ["Exercise", page.numbers.get(node.get("label", ""), "")]))
        said = words(node.children[0], page).removeprefix("Exercise").strip()
        yield f"{'#' * (level + 1)} {number} {said}".rstrip()
        for child in node.children[1:]:
            yield from pieces(child, page, level)
    elif isinstance(node, nodes.Admonition) or node.tagname in ADMONITIONS:
        yield quotation(admonition(node, page, level))
    elif isinstance(node, nodes.block_quote):
        yield quotation(text(node, page, level))
    elif isinstance(node, nodes.title):
        yield f"{'#' * max(level, 1)} {words(node, page)}"
    elif (block := leaf(node, page)) is not None:
        yield block
    else:
        for child in node.children:
            yield from pieces(child, page, level)


def leaf(node: nodes.Element, page: Page) -> str | None:
    """The Markdown of a block that holds no other block of the page; None for all others."""
    if isinstance(node, nodes.math_block):
        return formula(node, page)
    if isinstance(node, nodes.literal_block | nodes.doctest_block):
        fence = "```" if "```" not in node.astext() else "````"
        return f"{fence}{node.get('language', '').replace('default', '')}\n{node.astext().rstrip()}\n{fence}"
    if isinstance(node, nodes.bullet_list | nodes.enumerated_list):
        return listing(node, page)
    if isinstance(node, nodes.definition_list):
        return listing(node, page)
    if isinstance(node, nodes.table):
        return table(node, page)
    if isinstance(node, nodes.figure):
        return "\n\n".join(filter(None, [*(text(child, page) for child in node.children[:1]), caption(node, page)]))
    if isinstance(node, nodes.image):
        return words(node, page)
    if isinstance(node, nodes.transition):
        return "---"
    if isinstance(node, nodes.raw):
        return html(node)
    if isinstance(node, nodes.TextElement):
        return words(node, page)
    return None


def text(node: nodes.Node, page: Page, level: int = 0) -> str:
    """The Markdown of everything in a node that must hold no code cell.

    Raises:
        ExtensionError: it holds one.
    """
    found = [piece for child in node.children for piece in pieces(child, page, level)]
    if isinstance(node, nodes.TextElement | nodes.image):
        found = [words(node, page)]
    if any(isinstance(piece, Cell) for piece in found):
        raise ExtensionError(f"a code cell stands in a {node.tagname}, which a plain notebook can't have")
    return "\n\n".join(piece for piece in found if piece)


def words(node: nodes.Node, page: Page) -> str:
    """Running text with emphasis, code, formulas and links."""
    if isinstance(node, nodes.Text):
        return SPECIAL.sub(r"\\\1", str(node))
    if isinstance(node, nodes.literal):
        ticks = "``" if "`" in node.astext() else "`"
        pad = " " if "`" in node.astext() else ""
        return f"{ticks}{pad}{node.astext()}{pad}{ticks}"
    if isinstance(node, nodes.math):
        return f"${node.astext()}$"
    if isinstance(node, nodes.image):
        return f"![{node.get('alt', '')}]({urljoin(page.address, node['uri'])})"
    if isinstance(node, nodes.raw):
        return html(node)
    if isinstance(node, SKIPPED):
        return ""
    inner = "".join(words(child, page) for child in node.children)
    if isinstance(node, nodes.emphasis):
        return marked("*", inner)
    if isinstance(node, nodes.strong):
        return marked("**", inner)
    if isinstance(node, nodes.reference):
        target = urljoin(page.address, node.get("refuri", ""))
        here = "refuri" not in node or target.partition("#")[0] == page.address
        return inner if here else f"[{inner}]({target})"  # an editor has no anchors of ours to jump to
    return inner


def marked(mark: str, inner: str) -> str:
    """Emphasis, with the spaces at its ends outside, since Markdown takes no mark beside a space."""
    bare = inner.strip()
    before, _, after = inner.partition(bare) if bare else (inner, "", "")
    return f"{before}{mark}{bare}{mark}{after}" if bare else inner


def html(node: nodes.raw) -> str:
    """HTML as it stands, without the scripts that a page needs."""
    return "" if "html" not in node.get("format", "") or "<script" in node.astext() else node.astext()


def formula(node: nodes.math_block, page: Page) -> str:
    r"""A displayed formula, with its number as ``\tag``, as references call it."""
    number = next((page.numbers[name] for name in node.get("ids", ()) if name in page.numbers), node.get("number"))
    body = node.astext().strip()
    body = "\n".join(line for line in body.splitlines() if line.strip())  # an empty line ends the formula in Markdown
    tag = f"\n\\tag{{{number}}}" if number and not node.get("nowrap") else ""
    return f"$$\n{body}{tag}\n$$"


def listing(node: nodes.Element, page: Page) -> str:
    """A list; of definitions, the term in bold."""
    items = []
    for place, item in enumerate(node.children, start=int(node.get("start", 1))):
        if isinstance(item, nodes.definition_list_item):
            terms = ", ".join(words(child, page) for child in item.children if isinstance(child, nodes.term))
            rest = "\n\n".join(text(c, page) for c in item.children if isinstance(c, nodes.definition))
            body = f"**{terms}**: {rest}"
        else:
            body = text(item, page)
        mark = f"{place}. " if isinstance(node, nodes.enumerated_list) else "- "
        items.append(mark + body.replace("\n", "\n" + " " * len(mark)))
    return "\n".join(items)


def table(node: nodes.table, page: Page) -> str:
    """A table with bars; a bar within a cell is written so that it ends no column."""
    rows = []
    for row in node.findall(nodes.row):
        entries = (text(entry, page).replace("\n", " ") for entry in row.children)
        rows.append([re.sub(r"(?<!\\)\|", r"\\vert ", e) if "$" in e else e.replace("|", r"\|") for e in entries])
    rule = ["---"] * max(map(len, rows))
    head = [" ".join(words(child, page) for child in node.children if isinstance(child, nodes.title))]
    lines = ["| " + " | ".join(row) + " |" for row in (rows[0], rule, *rows[1:])]
    return "\n\n".join(filter(None, [*head, "\n".join(lines)]))


def caption(node: nodes.Element, page: Page) -> str:
    """The number and the caption of the figures in a node."""
    found = []
    for figure in node.findall(nodes.figure):
        number = next((page.numbers[name] for name in figure["ids"] if name in page.numbers), "")
        said = [words(child, page) for child in figure.children if isinstance(child, nodes.caption)]
        said += [text(child, page) for child in figure.children if isinstance(child, nodes.legend)]
        found += [f"**Figure {number}.** {' '.join(said)}" if number else " ".join(said)]
    return "\n\n".join(filter(None, found))


def admonition(node: nodes.Element, page: Page, level: int) -> str:
    """The title, in bold, and what follows."""
    titles = [child for child in node.children if isinstance(child, nodes.title)]
    title = words(titles[0], page) if titles else node.tagname.capitalize()
    rest = [text_of(child, page, level) for child in node.children if child not in titles]
    return "\n\n".join([f"**{title}**", *filter(None, rest)])


def text_of(node: nodes.Node, page: Page, level: int) -> str:
    """One child of a quotation, as text."""
    holder = nodes.container("", node.deepcopy())
    return text(holder, page, level)


def quotation(body: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in body.splitlines())


def solution(node: nodes.Element, page: Page, level: int) -> Iterator[str | Cell]:
    """A solution's words folded away, each part by itself, since nothing can be folded across cells."""
    title, folded = words(node.children[0], page), []
    summary = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title)  # a link in a summary would fold and lead away at once

    def fold() -> Iterator[str]:
        if folded:
            yield f"<details><summary>{summary}</summary>\n\n" + "\n\n".join(folded) + "\n\n</details>"
            folded.clear()

    for child in node.children[1:]:
        for piece in pieces(child, page, level):
            if isinstance(piece, Cell):
                yield from fold()
                yield piece._replace(solution=True)
            else:
                folded.append(piece)
    yield from fold()
