"""Judge every assertion of a notebook by itself: a failing one is noted, with its two sides, and the next is judged.

:func:`begin` is called in a kernel before each cell. It rewrites, in the tree that the kernel compiles and nowhere
else, ``assert a < b`` into a judgement that keeps how near ``a`` came to ``b``, and ``assert_close(a, b)`` likewise.
:func:`record` says what was found. :func:`assertions` lists a cell's without running it. This file imports nothing
heavy, since it is imported in each kernel.
"""

import ast
import json
import math
import operator
import sys

NAME = "__judge__"
BETWEEN = "\x1f"  # a cell's id and an assertion's text
OPERATORS = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Is": operator.is_,
    "IsNot": operator.is_not,
    "In": lambda a, b: a in b,
    "NotIn": lambda a, b: a not in b,
}
SIGNS = {"Lt": 1, "LtE": 1, "Gt": -1, "GtE": -1}  # the distance from the limit is sign × (right - left)


def transform(source: str) -> str:
    """A cell's source with IPython's own lines as Python, as the kernel will see it."""
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


def assertions(source: str) -> list[str]:
    """The assertions in a cell, in the order in which they stand: their text, numbered where it repeats."""
    found = Judged("")
    found.visit(ast.parse(transform(source)))
    return found.texts


class Judged(ast.NodeTransformer):
    """Replaces each assertion of one cell by a call that judges it."""

    def __init__(self, cell: str):
        self.cell = cell
        self.texts: list[str] = []

    def key(self, node: ast.AST) -> str:
        """The cell and the assertion's text; an assertion in a function may be judged while another cell runs."""
        text = ast.unparse(ast.Assert(node.test) if isinstance(node, ast.Assert) else node)
        times = sum(known == text or known.startswith(f"{text}  #") for known in self.texts)
        self.texts.append(text if not times else f"{text}  #{times + 1}")
        return self.cell + BETWEEN + self.texts[-1]

    def visit_With(self, node: ast.With) -> ast.AST:
        wanted = any(word in ast.unparse(item) for item in node.items for word in ("raises(", "suppress("))
        return node if wanted else self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> ast.AST:
        return node if node.handlers else self.generic_visit(node)  # what fails there is caught there

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        key = self.key(node)
        test = Compared(key).visit(node.test)
        return guarded(call("judge", key, test), key, node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        named = ast.unparse(node.value.func).rpartition(".")[2] if isinstance(node.value, ast.Call) else ""
        if not named.startswith("assert_"):
            return node
        key = self.key(node)
        sides = [argument for argument in node.value.args[:2] if not isinstance(argument, ast.Starred)]
        if len(sides) < 2:
            return guarded(call("judge", key, ast.BoolOp(ast.Or(), [node.value, ast.Constant(True)])), key, node)
        function = ast.Call(
            ast.Attribute(ast.Name(NAME, ast.Load()), "close", ast.Load()),
            [ast.Constant(key), node.value.func, *node.value.args],
            node.value.keywords,
        )
        return guarded(function, key, node)


class Compared(ast.NodeTransformer):
    """Replaces comparisons inside of one assertion by calls that keep their sides."""

    def __init__(self, key: str):
        self.key = key

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        return node if isinstance(node.op, ast.Not) else self.generic_visit(node)  # a distance would be the other way

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        names = [type(op).__name__ for op in node.ops]
        if not set(names) & set(SIGNS):
            return self.generic_visit(node)
        sides = ast.Tuple([self.visit(side) for side in (node.left, *node.comparators)], ast.Load())
        return call("compare", self.key, ast.Constant(" ".join(names)), sides)


def call(name: str, key: str, *arguments: ast.AST) -> ast.Call:
    function = ast.Attribute(ast.Name(NAME, ast.Load()), name, ast.Load())
    return ast.Call(function, [ast.Constant(key), *arguments], [])


def guarded(judgement: ast.AST, key: str, at: ast.AST) -> ast.Try:
    """``try: judgement; except Exception: __judge__.broke(key)``, where the assertion stood."""
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Expr(call("broke", key))])
    return ast.fix_missing_locations(ast.copy_location(ast.Try([ast.Expr(judgement)], [handler], [], []), at))


def number(value) -> float | None:
    """A scalar of any library as a float; None for all else, and for truth values."""
    if isinstance(value, bool | str | bytes) or getattr(value, "shape", ()) != ():
        return None
    try:
        return float(getattr(value, "detach", lambda: value)())
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def nearest(name: str, left, right) -> tuple[float, float] | None:
    """The two sides of a comparison as numbers; of arrays, where they come nearest to failing."""
    pair = number(left), number(right)
    if None not in pair:
        return pair
    try:
        import numpy as np

        a, b = (np.asarray(getattr(side, "detach", lambda side=side: side)(), dtype=float) for side in (left, right))
        distance = SIGNS[name] * (b - a)
        if distance.ndim == 0 or not distance.size:
            return None
        place = int(np.nanargmin(distance))
        return tuple(float(np.broadcast_to(side, distance.shape).flat[place]) for side in (a, b))
    except Exception:  # whatever a library of the chapter's makes of being turned into an array
        return None


class Judge:
    """What became of the assertions of one notebook."""

    def __init__(self):
        self.found: dict[str, dict] = {}

    def entry(self, key: str) -> dict:
        return self.found.setdefault(key, {"held": True, "times": 0})

    def judge(self, key: str, outcome) -> None:
        entry = self.entry(key)
        entry["times"] += 1
        entry["held"] = bool(outcome) and entry["held"]

    def broke(self, key: str) -> None:
        """Called while an exception is handled: the assertion could not be judged, or said no in words."""
        kind, error, _ = sys.exc_info()
        entry = self.entry(key)
        entry["times"] += 1
        entry |= {"held": False, "error": f"{kind.__name__}: {' '.join(str(error).split())}"[:300]}

    def compare(self, key: str, names: str, sides: tuple):
        """The outcome of ``a < b <= c``, as Python has it; the pair that came nearest to failing is kept."""
        outcome = True
        for place, name in enumerate(names.split()):
            left, right = sides[place], sides[place + 1]
            if name in SIGNS and (pair := nearest(name, left, right)):
                self.keep(key, pair, SIGNS[name] * (pair[1] - pair[0]))
            outcome = outcome and OPERATORS[name](left, right)
        return outcome

    def close(self, key: str, function, left, right, *rest, **settings) -> None:
        """``assert_close(a, b)`` and its like: the value is the greatest difference; the limit is the function's."""
        if (pair := nearest("Lt", left, right)) is not None and None in (number(left), number(right)):
            import numpy as np

            a, b = (np.asarray(getattr(side, "detach", lambda side=side: side)()) for side in (left, right))
            self.entry(key)["difference"] = float(np.nanmax(np.abs(a.astype(complex) - b.astype(complex))))
        elif pair:
            self.entry(key)["difference"] = abs(pair[0] - pair[1])
        function(left, right, *rest, **settings)
        self.judge(key, True)

    def keep(self, key: str, pair: tuple[float, float], distance: float) -> None:
        entry = self.entry(key)
        if not (math.isfinite(distance) or math.isnan(distance)):
            return  # nothing comes near infinity
        if math.isnan(distance) or "distance" not in entry or distance < entry["distance"]:
            entry |= {"left": pair[0], "right": pair[1], "distance": distance}


JUDGE = Judge()


class OneCell(ast.NodeTransformer):
    """A kernel's transformer for the cell that runs next."""

    def __init__(self, cell: str):
        self.cell = cell

    def visit(self, node: ast.AST) -> ast.AST:
        return Judged(self.cell).visit(node)


def begin(cell: str, judged: bool) -> None:
    """What the kernel runs next is the cell with this id; where it is meant to fail its assertions are left alone."""
    shell = sys.modules["IPython"].get_ipython()
    shell.user_ns[NAME] = JUDGE
    shell.ast_transformers = [OneCell(cell)] if judged else []


def record() -> str:
    """Everything judged so far, as JSON: a list of (cell, text, what became of it)."""
    return json.dumps([(*key.split(BETWEEN, 1), entry) for key, entry in JUDGE.found.items()])
