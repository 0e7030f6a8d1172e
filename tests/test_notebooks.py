"""What the book promises of its chapters, checked on the committed notebooks and on the runs of the last build."""

import ast
import importlib
import itertools
import re
import subprocess
import sys
from functools import cache
from itertools import groupby
from pathlib import Path

import book_address
import folding
import nbformat
import pytest
import runs
import yaml

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
NOTEBOOKS = sorted(path for path in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
READERS_CELLS = {"exercise", "solution"}  # a solution defines what its stub defines
NETWORK = {"requests", "urllib", "http", "httpx", "socket", "aiohttp", "ftplib", "wget"}
HUB_CALLS = re.compile(r"\b(from_hub|load_dataset|hf_hub_download|snapshot_download|urlretrieve|urlopen)\(")
BANNED = ("变压器", "递归神经网络")
TERM = re.compile(r"\{term\}`(?P<text>[^`<>]+?)(?:\s*<(?P<target>[^`<>]+)>)?`(?P<after>\s*[（(][^()（）]*[)）])?")
FIGURE_CALL = re.compile(r"\bplotting\.(?!use_style\b)\w+\(|\bfigures\.\w+\(|\bplt\.\w+\(")

every_chapter = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# The outlook collects what the chapters taught: it has no exercises of its own.
every_lesson = pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.parent.name != "outlook"], ids=lambda path: path.stem
)
ERRATA = BOOK / "outlook" / "errata.ipynb"


@cache
def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tags(cell) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def prose(path: Path) -> str:
    return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def tree(cell) -> ast.Module:
    """The syntax of a cell, with IPython's own lines left out."""
    lines = ["pass" if line.startswith(("%", "!")) else line for line in cell.source.splitlines()]
    return ast.parse("\n".join(lines))


def definitions(path: Path) -> set[str]:
    """What a chapter defines at the top level of its cells, beside exercises and solutions."""
    cells = [cell for cell in code_cells(path) if not tags(cell) & (READERS_CELLS | {"install"})]
    nodes = [node for cell in cells for node in tree(cell).body]
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


@cache
def public_names() -> dict[str, str]:
    """Every public function and class of the package, and the module that it stands in."""
    return {
        node.name: path.relative_to(ROOT).as_posix()
        for path in (ROOT / "aigc_book").rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }


@cache
def glossary() -> dict[str, list[str]]:
    """Each English term of the glossary, in lower case, and its Chinese names."""
    body = (BOOK / "glossary.md").read_text(encoding="utf-8").split(":::{glossary}")[1].split("\n:::")[0]
    terms = {}
    for is_term, lines in groupby(body.splitlines(), lambda line: bool(line) and not line.startswith(" ")):
        if is_term:
            english, *chinese = lines
            terms[english.lower()] = chinese
    return terms


def bibliography() -> set[str]:
    return set(re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))


def test_toc_lists_what_exists_and_all_of_it():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(entry["file"] for part in toc["parts"] for entry in part["chapters"])]
    assert [name for name in files if not any((ROOT / f"{name}{end}").exists() for end in (".md", ".ipynb"))] == []
    written = {path.relative_to(ROOT).with_suffix("").as_posix() for path in [*NOTEBOOKS, *BOOK.rglob("*.md")]}
    assert written == set(files)


@every_chapter
def test_committed_without_outputs_and_canonical(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "mystnb", "jupyter"}, cell.id
        assert cell.source.strip() == cell.source.strip("\n"), f"white space around cell {cell.id}"
        if cell.cell_type == "code":
            assert not cell.outputs, cell.id
            assert cell.execution_count is None, cell.id
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    text = path.read_text(encoding="utf-8")
    assert text == nbformat.writes(notebook, indent=1, ensure_ascii=False).rstrip("\n") + "\n"


@every_chapter
def test_hidden_cells_are_folded(path):
    notebook = nbformat.read(path, as_version=4)
    folding.fold(notebook)
    assert notebook.cells == read(path).cells, "run python book/_ext/folding.py"


def test_folding_folds_what_is_hidden_and_nothing_else():
    hidden = [nbformat.v4.new_code_cell("1", metadata={"tags": [tag]}) for tag in ("hide-input", "remove-cell")]
    shown = nbformat.v4.new_code_cell("1", metadata={"jupyter": {"source_hidden": True}, "tags": ["exercise"]})
    text = nbformat.v4.new_markdown_cell("# T")
    folding.fold(nbformat.v4.new_notebook(cells=[*hidden, shown, text]))
    assert [cell.metadata.get("jupyter") for cell in hidden] == [{"source_hidden": True}] * 2
    assert "jupyter" not in shown.metadata and "jupyter" not in text.metadata


@every_chapter
def test_install_cell_follows_from_the_address(path):
    assert read(path).cells[0] == book_address.install_cell(), "run make address"


def test_address_stands_in_one_place():
    url, _ = book_address.repository()
    allowed = {"_config.yml", *book_address.FILES} | {path.relative_to(ROOT).as_posix() for path in NOTEBOOKS}
    texts = [*ROOT.glob("*.*"), ROOT / "Makefile", *BOOK.rglob("*.md"), *(ROOT / "aigc_book").rglob("*.py")]
    places = {p.relative_to(ROOT).as_posix() for p in texts if p.is_file() and url in p.read_text(encoding="utf-8")}
    assert places <= allowed
    for path in NOTEBOOKS:
        rest = [cell.source for cell in read(path).cells[1:]]
        assert url not in "\n".join(rest), f"{path.name} names the repository's address outside its first cell"


def test_install_cell_is_one_statement_and_keeps_quiet_at_home():
    source = book_address.install_source()
    *_, last = source.splitlines()
    assert last.lstrip().startswith("%pip install -q")
    (statement,) = ast.parse(source.replace("%pip", "raise AssertionError #")).body
    assert isinstance(statement, ast.If)
    exec(compile(ast.Module([statement], []), "install", "exec"), {})  # the package is here: nothing is installed


@every_chapter
def test_nothing_is_defined_that_the_package_has(path):
    assert {name: public_names()[name] for name in definitions(path) if name in public_names()} == {}


SEEDERS = {"manual_seed", "manual_seed_all", "default_rng", "RandomState", "SeedSequence", "Random", "seed"}
SEEDS = {"seed", "random_state", "base_seed"}  # what parameters that take a seed are called
ROOMS = {path.stem for path in (ROOT / "aigc_book").rglob("*") if path.suffix in ("", ".py")}
NOWHERE = 1000  # the place of an argument that is given by name only
# Which image is in which split is a fact, and no draw; a loss of texts draws nothing when it is evaluated.
FACTS = {"digits", "evaluate"}


@cache
def package_seeds() -> dict[str, int]:
    """The public functions and classes of the package whose seed has a default, and the seed's place among the
    arguments; a method's name begins with a dot, a class method's with its class and a dot."""
    found = {}
    for path in (ROOT / "aigc_book").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            takers = {node.name: node} if isinstance(node, ast.FunctionDef | ast.ClassDef) else {}
            if isinstance(node, ast.ClassDef):
                methods = {method.name: method for method in node.body if isinstance(method, ast.FunctionDef)}
                takers[node.name] = methods.pop("__init__", node)
                for name, method in methods.items():
                    of_class = any(ast.unparse(decorator) == "classmethod" for decorator in method.decorator_list)
                    takers[f"{node.name if of_class else ''}.{name}"] = method
            for name, taker in takers.items():
                names, optional = fields(taker) if isinstance(taker, ast.ClassDef) else parameters(taker)
                seed = next(iter(SEEDS & optional), None)
                if seed and name not in FACTS and not name.rpartition(".")[2].startswith("_"):
                    found[name] = names.index(seed) if seed in names else NOWHERE
    return found


def fields(dataclass: ast.ClassDef) -> tuple[list[str], set[str]]:
    """As :func:`parameters`, of a dataclass."""
    entries = [field for field in dataclass.body if isinstance(field, ast.AnnAssign)]
    return [field.target.id for field in entries], {field.target.id for field in entries if field.value is not None}


def parameters(function: ast.FunctionDef) -> tuple[list[str], set[str]]:
    """A function's positional parameters without self, and which of all have another default than None."""
    given = function.args
    positional = [a.arg for a in given.args]
    defaults = dict(zip(reversed(positional), reversed(given.defaults), strict=False))
    defaults |= {a.arg: d for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None}
    optional = {name for name, d in defaults.items() if not (isinstance(d, ast.Constant) and d.value is None)}
    return [name for name in positional if name not in ("self", "cls")], optional


def bypasses(tree: ast.AST, own: set[str], package: dict[str, int]) -> list[str]:
    """The calls that take a seed which ``AIGC_BOOK_SEED`` doesn't move.

    ``own`` are the functions that the chapter defines: they take plain numbers and turn them inside. Reproduced runs
    of published code, and a stub that a reader fills in, are no exception.
    """
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        dotted = ast.unparse(node.func)
        name = dotted.rpartition(".")[2]
        if dotted in ("runtime.seed", "runtime.setup", "runtime.generator"):
            continue
        seeds = [keyword.value for keyword in node.keywords if keyword.arg in SEEDS and name not in own]
        if name in SEEDERS and name not in own:
            seeds += node.args or ([] if seeds else [ast.Constant("from the clock")])
        room = dotted.count(".") == 1 and dotted.partition(".")[0] in ROOMS
        known = name if isinstance(node.func, ast.Name) or room or name[0].isupper() else f".{name}"
        if re.fullmatch(r"[A-Z]\w*\.\w+", dotted):  # SkipGram.train
            known = dotted
        if name not in SEEDERS and known in package and name not in own and not seeds:
            spread = any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)
            seeds += node.args[package[known] : package[known] + 1] or ([] if spread else [ast.Constant("a default")])
        if dotted in ("torch.Generator", "Generator"):  # runtime.generator makes one
            seeds.append(node)
        moved = re.compile(r"runtime\.(seed|setup|generator)\(")
        found += [ast.unparse(node) for seed in seeds if not moved.match(ast.unparse(seed))]
    return list(dict.fromkeys(found))


def test_bypasses_finds_seeds_of_every_form():
    good = (
        "runtime.setup(3); torch.manual_seed(runtime.seed(3)); rng = np.random.default_rng(runtime.seed(0))\n"
        "make(5, seed=runtime.seed(2)); g = runtime.generator(1); split(x, random_state=runtime.seed(0))\n"
        "trained(7); trained(seed=7); draw(5); make(5, runtime.seed(2)); other(5)"
    )
    assert bypasses(ast.parse(good), {"trained"}, {"make": 1, ".draw": NOWHERE}) == []
    bad = [
        "torch.manual_seed(3)",
        "torch.manual_seed(seed)",
        "np.random.default_rng(0)",
        "np.random.default_rng(seed=0)",
        "np.random.default_rng()",
        "random.seed(1)",
        "random.Random(4)",
        "torch.Generator()",
        "make(5)",
        "make(5, 2)",
        "make(5, seed=2)",
        "make(5, seed=1 + 1)",
        "data.make(5)",
        "thing.draw(5)",
        "split(x, random_state=0)",
    ]
    assert [
        call for call in bad if bypasses(ast.parse(call), {"trained"}, {"make": 1, ".draw": NOWHERE}) != [call]
    ] == []
    assert bypasses(ast.parse("torch.Generator().manual_seed(0)"), set(), {}) != []


def test_package_seeds_are_found():
    assert package_seeds()["stories"] == 2  # stories(split, n, seed)
    assert "digits" not in package_seeds()
    assert {"SkipGram.train", "GloVe.train"} <= set(package_seeds()) and ".train" not in package_seeds()


@every_chapter
def test_every_seed_goes_through_runtime(path):
    own = {
        node.name for cell in code_cells(path)[1:] for node in ast.walk(tree(cell)) if isinstance(node, ast.FunctionDef)
    }
    found = {cell.id: bypasses(tree(cell), own, package_seeds()) for cell in code_cells(path)[1:]}
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_nothing_is_defined_in_two_chapters():
    where: dict[str, list[str]] = {}
    for path in NOTEBOOKS:
        for name in definitions(path):
            where.setdefault(name, []).append(path.stem)
    assert {name: stems for name, stems in where.items() if len(stems) > 1} == {}


@every_lesson
def test_package_is_imported_and_proven_equal(path):
    sources = "\n".join(cell.source for cell in code_cells(path)[1:])
    assert re.search(r"^(from|import) aigc_book\b", sources, re.MULTILINE)
    assert re.search(r"\bassert_close\(|^assert .*==|\bapprox\(|isclose\(", sources, re.MULTILINE)
    assert re.search(r"^def naive_", sources, re.MULTILINE), "no naive version stands beside the package's"


@every_chapter
def test_no_path_tricks_no_network_no_widgets(path):
    for cell in code_cells(path)[1:]:
        assert "sys.path" not in cell.source, cell.id
        assert not re.search(r"^\s*[%!]\s*(pip|conda|wget|curl)\b", cell.source, re.MULTILINE), cell.id
        assert not HUB_CALLS.search(cell.source), cell.id
        for node in ast.walk(tree(cell)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & NETWORK, cell.id
            assert not {"tqdm.auto", "tqdm.notebook"} & set(names), f"{cell.id}: plain tqdm only"


@every_lesson
def test_card_says_what_and_the_build_says_how_long(path):
    (card,) = re.findall(r":::\{chapter-card\}\n(.*?)\n:::", prose(path), re.DOTALL)
    assert 1 <= len(re.findall(r"^[-*] ", card, re.MULTILINE)) <= 3
    assert "first" in card.lower(), "the card says what to read first"
    assert not re.search(r"\d+(\.\d+)?\s*(s|min|minutes?|seconds?|[MG]i?B)\b", card), "costs are recorded, not typed"


@every_chapter
def test_figures_have_caption_name_and_alternative_text(path):
    for cell in code_cells(path)[1:]:
        settings = cell.metadata.get("mystnb", {})
        if not settings and not FIGURE_CALL.search(cell.source):
            continue
        check_figure(cell, settings)


def check_figure(cell, settings) -> None:
    figure, alternative = settings.get("figure", {}), settings.get("image", {}).get("alt", "")
    assert figure.get("name", "").startswith("fig-"), f"{cell.id} shows a figure without a name"
    assert len(figure.get("caption", "")) >= 20, f"{cell.id} shows a figure without a caption"
    assert len(alternative) >= 20, f"{cell.id} shows a figure without alternative text"
    assert alternative != figure["caption"], f"{cell.id}: the alternative text describes, the caption says what to see"


def test_names_are_unique_in_the_book():
    names = [
        cell.metadata["mystnb"]["figure"]["name"]
        for path in NOTEBOOKS
        for cell in code_cells(path)
        if "name" in cell.metadata.get("mystnb", {}).get("figure", {})
    ]
    names += [
        label
        for path in NOTEBOOKS
        for label in re.findall(r"^:label: (\S+)|\$\$ \((\S+)\)$", prose(path), re.MULTILINE)
    ]
    assert len(names) == len(set(names))


@every_lesson
def test_exercises_have_stubs_checks_and_solutions(path):
    text = prose(path)
    labels = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", text)
    assert len(labels) >= 3
    solved = re.findall(r"\{solution(?:-start)?\} (\S+)", text)
    assert set(solved) <= set(labels)
    assert len(set(solved)) >= 2
    assert text.count("{solution-start}") == text.count("{solution-end}")
    assert re.findall(r"\{solution(?:-start)?\} \S+\n(?!:class: dropdown)", text) == [], "solutions are folded away"
    stubs = [cell for cell in code_cells(path) if "exercise" in tags(cell)]
    solutions = [cell for cell in code_cells(path) if "solution" in tags(cell)]
    assert sum("check_" in cell.source for cell in stubs) >= 2
    assert sum("check_" in cell.source and "assert" in cell.source for cell in solutions) >= 2


@every_lesson
def test_claims_are_cited_and_articles_are_answered(path):
    text = prose(path)
    cited = {key.strip() for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text) for key in keys.split(",")}
    assert len(cited) >= 3
    assert cited <= bibliography()
    assert re.search(r"\{admonition\} What the articles say\n:class: articles\n", text)
    assert "Article " in text
    assert "## Exercises" in text
    assert "## Summary" in text


@every_lesson
def test_terms_come_with_their_chinese_names(path):
    seen = set()
    for use in TERM.finditer(prose(path)):
        term = (use["target"] or use["text"]).strip().lower()
        assert term in glossary(), f"{use[0]}: not in the glossary"
        after, names = (use["after"] or "").strip(" ()（）"), glossary()[term]
        if term not in seen and names:
            assert after in names, f"{use[0]}: the first mention is followed by ({names[0]})"
        elif not names:
            assert not re.search("[一-鿿]", after), f"{use[0]}: the glossary has no Chinese name for it"
        seen.add(term)
    assert len(seen) >= 8


MATHS = re.compile(r"\$\$.*?\$\$|(?<![\\$])\$(?!\s)[^$\n]+?(?<!\\)\$", re.DOTALL)
CODE_SPANS = re.compile(r"^(```+).*?^\1|(?<![}`])(`+)[^`].*?\2", re.DOTALL | re.MULTILINE)


def faults_of_maths(text: str) -> list[str]:
    """Commands with two backslashes, which TeX reads as the end of a row and letters, and TeX where none is read."""
    text = CODE_SPANS.sub("", text)
    found = [f"{m[0]!r}" for maths in MATHS.findall(text) for m in re.finditer(r"\\\\[A-Za-z]{2,}", maths)]
    links = re.findall(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)", text) + re.findall(r"\}`([^`<]+?)\s*<[^`>]+>`", text)
    found += [f"a link says {said!r}" for said in links if re.search(r"\\[A-Za-z]+|\$|[_^]\{", MATHS.sub("", said))]
    # Roles' texts are no Markdown: a formula in one is shown as it is typed.
    roles = re.findall(r"\{(?:ref|term|doc|numref|eq|py:\w+)\}`([^`]*)`", text)
    return found + [f"a role says {said!r}" for said in roles if "$" in said or re.search(r"\\[A-Za-z]", said)]


@pytest.mark.parametrize(
    "text",
    [
        r"$$\na \\frac{1}{2}\n$$".replace(r"\n", "\n"),
        r"then $\\sqrt{d}$",
        r"[\sqrt{d}](#x)",
        r"[the root \\(d\\)](#x)".replace("(d", "alpha(d"),
        r"{ref}`why \sqrt{d} <x>`",
        r"{ref}`why $d_k$ <x>`",
    ],
)
def test_faults_of_maths_are_found(text):
    assert faults_of_maths(text), text


@pytest.mark.parametrize(
    "text",
    [
        "$$\n\\begin{cases} a \\\\ b \\end{cases}\n$$",
        "$\\sqrt{d}$ and `\\\\frac`",
        "[why $\\sqrt{d_k}$](#x)",
        "{ref}`below <x>`",
        "it costs \\$5 or $x$",
    ],
)
def test_good_maths_is_no_fault(text):
    assert faults_of_maths(text) == []


@every_chapter
def test_maths_is_written_so_that_it_is_read(path):
    faults = {cell.id: faults_of_maths(cell.source) for cell in read(path).cells if cell.cell_type == "markdown"}
    for cell in code_cells(path):
        settings = cell.metadata.get("mystnb", {})
        faults[cell.id] = faults_of_maths(settings.get("figure", {}).get("caption", ""))
    assert {cell: found for cell, found in faults.items() if found} == {}


def errata() -> dict[int, list]:
    """The cells of every erratum, by its number."""
    cells = read(ERRATA).cells
    starts = [i for i, cell in enumerate(cells) if re.match(r"\(erratum-e\d+\)=", cell.source)]
    sections = [cells[start:end] for start, end in itertools.pairwise([*starts, len(cells)])]
    numbers = [int(re.match(r"\(erratum-e(\d+)\)=", section[0].source)[1]) for section in sections]
    assert numbers == sorted(set(numbers))
    return dict(zip(numbers, sections, strict=True))


def of_kind(cells, kind: str) -> list[str]:
    return [cell.source for cell in cells if cell.cell_type == kind]


def test_every_erratum_is_quoted_shown_and_led_to():
    found = errata()
    for number, cells in found.items():
        assert re.match(rf"\(erratum-e{number}\)=\n## E{number} · ", cells[0].source)
        text, code = "\n".join(of_kind(cells, "markdown")), of_kind(cells, "code")
        assert re.search(r"[`“一-鿿]", text), f"E{number} quotes nothing"
        assert re.search(r"Articles? \[?\d", text), f"E{number} names no article"
        assert "Where: " in text, f"E{number} leads to no chapter"
        assert not code or any("assert" in source for source in code), f"E{number} asserts nothing"
        cites = re.search(r"\*By citation:\*.*(\{cite|sources\.md)", text, re.DOTALL)
        assert bool(code) != bool(cites), f"E{number}: a run or a source shows it, and the text says which"
    for path in NOTEBOOKS:
        named = {int(n) for n in re.findall(r"(?:<erratum-e|Erratum E)(\d+)", prose(path))}
        assert named <= set(found), f"{path.stem} names errata that are not listed: {sorted(named - set(found))}"
        assert not re.search(r"(?<!`)Erratum E\d", prose(path)), f"{path.stem}: link {{ref}}`Erratum E1 <erratum-e1>`"


def test_errata_are_listed_and_counted():
    found = errata()
    listed = {
        int(n): title
        for n, title in re.findall(r"^\| \[E(\d+)\]\(#erratum-e\d+\) \|.*\| (.*) \|$", prose(ERRATA), re.M)
    }
    assert listed == {n: cells[0].source.splitlines()[1].split(" · ")[1] for n, cells in found.items()}
    run = sum(bool(of_kind(cells, "code")) for cells in found.values())
    words = ("None", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
    assert f"\n\n{run} are shown by a run" in prose(ERRATA)
    assert f" {words[len(found) - run]} are shown by a source" in prose(ERRATA)
    assert f" {len(found)} are.\n" in prose(ERRATA)


def test_every_erratum_can_be_run_alone(tmp_path):
    """What a section uses is made in it: each is written out as a program of its own, and its names are looked for."""
    for number, cells in errata().items():
        (tmp_path / f"e{number}.py").write_text("\n".join(of_kind(cells, "code")) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", "--output-format=concise"]
    found = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_glossary_is_in_order_and_every_citation_is_known():
    terms = list(glossary())
    assert terms == sorted(terms)
    for page in BOOK.rglob("*.md"):
        cited = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", page.read_text(encoding="utf-8"))
        assert {key.strip() for keys in cited for key in keys.split(",")} <= bibliography(), page.name


def test_terms_the_field_rejects_do_not_occur():
    for path in [*NOTEBOOKS, *BOOK.rglob("*.md"), ROOT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in BANNED if word in text], path.name
        assert not re.search("[「」]", text), f"{path.name}: Chinese is quoted in “ ” as English is"


def test_reference_lists_every_public_name():
    page = (BOOK / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\.\. automodule:: (\S+)", page, re.MULTILINE))
    # A package that is listed shows what its __all__ names.
    shown = {name for module in listed for name in getattr(importlib.import_module(module), "__all__", ())}
    modules = {name: place.removesuffix(".py").replace("/", ".") for name, place in public_names().items()}
    missing = {module for name, module in modules.items() if module not in listed and name not in shown}
    blocks = [f"```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```" for module in sorted(missing)]
    assert not missing, "add to book/api.md, each under a heading:\n\n" + "\n\n".join(blocks)


@every_chapter
def test_run_of_the_last_build_is_clean(path):
    run = runs.executed(path)
    if run is None:
        pytest.skip("this chapter has not run as it stands: make book")
    notebook, cost = run
    assert cost["seconds"] > 0
    assert cost["peak_mib"] < 2048
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                assert "raises-exception" in tags(cell), cell.id
            if output.output_type == "stream" and output.name == "stderr":
                assert "Warning" not in output.text, f"{cell.id}: {output.text}"
            if any(kind.startswith("image/") for kind in output.get("data", ())):
                check_figure(cell, cell.metadata.get("mystnb", {}))
    stubs = [cell for cell in notebook.cells if "exercise" in tags(cell) and "check_" in cell.source]
    assert [cell.id for cell in stubs if "Not answered yet" not in str(cell.outputs)] == []
