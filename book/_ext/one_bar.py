"""Folded cells that follow one another without an output between them share one bar, which opens all of their code."""

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.transforms.post_transforms import SphinxPostTransform


class OneBar(SphinxPostTransform):
    """Move the code of a folded cell that shows nothing into the bar of the folded cell behind it.

    Invisible targets may stand between the two. What a cell shows keeps its place: a cell with an output ends the bar.
    """

    default_priority = 200  # right after MyST-NB has put each cell's code behind a bar of its own
    formats = ("html",)

    def run(self, **kwargs) -> None:
        for cell in list(self.document.findall(_is_folded)):
            if len(cell.children) == 1 and (follower := _follower(cell)) is not None:
                bar = follower.children[0]
                for code in reversed(cell.children[0].children[:]):
                    bar.insert(0, code)
                cell.parent.remove(cell)
                n_cells = sum(code.get("nb_element") == "cell_code_source" for code in bar.children)
                for name, verb in (("prompt_show", "Show"), ("prompt_hide", "Hide")):
                    bar[name] = f"{verb} the code of {n_cells} cells"


def _is_folded(node: nodes.Node) -> bool:
    return (
        isinstance(node, nodes.container)
        and node.get("nb_element") == "cell_code"
        and node.get("hide_mode") == "input"
        and len(node.children) > 0
        and isinstance(node.children[0], HideCodeCellNode)
    )


def _follower(cell: nodes.Node) -> nodes.Node | None:
    """The folded cell behind this one, if nothing that is seen stands between them."""
    siblings = cell.parent.children
    for node in siblings[siblings.index(cell) + 1 :]:
        if not isinstance(node, nodes.target | nodes.comment):
            return node if _is_folded(node) else None
    return None


def setup(app) -> None:
    app.add_post_transform(OneBar)
