"""The house stays as the README's map has it: who imports whom, what comes in from outside, how large a file gets."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "aigc_book"
FILES = sorted(PACKAGE.rglob("*.py"))

# A room and the rooms it may import. Data flow downwards, so imports point upwards only.
ROOMS = {
    "runtime": set(),
    "files": set(),
    "kernels": set(),
    "data": {"files", "runtime"},
    "text": {"data", "files", "runtime"},
    "layers": {"kernels"},
    "models": {"files", "layers"},
    "training": {"data", "files", "kernels", "layers", "runtime"},
    "decoding": {"kernels", "layers"},
    "alignment": {"data", "decoding", "layers", "models", "training"},
    "metrics": set(),
    "plotting": set(),
    "scaling": {"layers", "models"},
    "chapters": None,  # anything
    "cli": None,
}
# A room and the distributions that it may import beside the standard library.
OUTSIDE = {
    "runtime": {"numpy", "torch"},
    "files": {"safetensors"},
    "kernels": {"torch"},
    "data": {"datasets", "huggingface_hub", "numpy", "sklearn", "torch"},
    "text": {"nltk", "numpy", "tokenizers", "torch", "torchtext"},
    "layers": {"numpy", "torch"},
    "models": {"huggingface_hub", "nltk", "numpy", "safetensors", "torch"},
    "training": {"numpy", "safetensors", "torch", "tqdm"},
    "decoding": {"numpy", "torch", "tqdm"},
    "alignment": {"numpy", "torch"},
    "metrics": {"datasets", "evaluate", "nltk", "numpy"},
    "plotting": {"cycler", "matplotlib", "matplotlib_inline", "numpy"},
    "scaling": {"numpy", "scipy", "torch"},
    "chapters": {"IPython", "PIL", "matplotlib", "numpy", "torch"},
    "cli": {"click", "nltk", "numpy", "sklearn", "torch", "tqdm", "matplotlib"},
}
# What a machine with plain PyTorch lacks; models are trained and sampled from without it.
TOOL_CHAIN = ("nltk", "torchtext", "evaluate", "datasets", "tokenizers", "sklearn", "matplotlib", "transformers")
PLAIN = ("runtime", "files", "kernels", "layers", "models", "training", "decoding", "alignment")
DOORS = {"__init__", "__main__"}  # of the package itself: no rooms
MOST_LINES = 450
DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST, module: str) -> set[str]:
    """Every dotted name that a module imports, with ``from a import b`` as ``a.b`` and relative ones made absolute."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *filter(None, [base])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def imports_of(path: Path) -> set[str]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return imports(ast.parse(path.read_text(encoding="utf-8")), module)


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_imports_reads_every_form():
    code = (
        "import a.b\nfrom aigc_book import models\nfrom . import near\n"
        "from ..layers.norms import RMSNorm\ndef f():\n import late"
    )
    expected = {"a.b", "aigc_book.models", "aigc_book.m.near", "aigc_book.layers.norms.RMSNorm", "late"}
    assert imports(ast.parse(code), "aigc_book.m.x") == expected


def test_every_room_is_in_the_table():
    assert {room(path) for path in FILES} - DOORS <= set(ROOMS)
    assert set(ROOMS) == set(OUTSIDE)


def test_readme_maps_every_room():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ROOMS:
        spelled = f"`{name}.py`" if (PACKAGE / f"{name}.py").exists() else f"`{name}/`"
        assert spelled in text, f"the README's map lacks {spelled}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_follow_the_table(path):
    here = room(path)
    if here in DOORS:
        return
    names = imports_of(path)
    rooms = {name.split(".")[1] for name in names if name.startswith("aigc_book.")} - {here, "__version__"}
    if ROOMS[here] is not None:
        assert rooms <= ROOMS[here], f"{here} may import {sorted(ROOMS[here])}; {path.name} imports {sorted(rooms)}"
    outside = {name.split(".")[0] for name in names} - {"aigc_book"} - sys.stdlib_module_names
    assert outside <= OUTSIDE[here], f"{here} may import {sorted(OUTSIDE[here])}; {path.name} imports {sorted(outside)}"


def test_the_package_knows_nothing_of_the_book_or_the_tests():
    for path in FILES:
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & {"book", "tests", "benchmarks", "runs", "aigc_book_ext"}, path


def test_importing_the_package_is_cheap():
    run("import sys, aigc_book; heavy = {'torch', 'numpy'} & set(sys.modules); assert not heavy, heavy")


def test_models_train_and_speak_without_the_tool_chain():
    modules = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in FILES if room(p) in PLAIN]
    run(
        "import sys\n"
        f"for name in {TOOL_CHAIN!r}: sys.modules[name] = None\n"  # importing it now raises
        f"import importlib\nfor name in {modules!r}: importlib.import_module(name.removesuffix('.__init__'))"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_is_one_idea(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert path.stem not in DRAWERS
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module begins with a docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} is public and has no docstring"
            assert not node.name.endswith("Manager"), node.name


def test_no_drawer_for_everything_anywhere():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False).stdout.split()
    assert not [name for name in tracked if Path(name).stem in DRAWERS]
