"""Real text, from nearest to farthest: Python's own documentation and sources, your files, the Hugging Face hub."""

import ast
import bisect
import codecs
import functools
import gzip
import itertools
import os
import runpy
import sysconfig
import tokenize
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aigc_book.data.files import data_folder
from aigc_book.data.fingerprints import shared

SPLITS = ("train", "test", "all")

# Folders of the standard library that hold no library code, or are there on some machines only.
_NO_LIBRARY = {"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo", "ensurepip"}


def python_docs(split: str = "all", *, docstrings: bool = False) -> str:
    """Python's own documentation: real English prose that is there wherever Python is, and the same text everywhere.

    It is the text behind ``help("assert")`` and its like (``pydoc_data.topics``), the topics in the order of their
    names. Each release of Python says some of it in other words, so only those passages are taken that Python 3.11,
    3.12 and 3.13 have letter by letter, early and late releases of each (:mod:`aigc_book.data.fingerprints`): 238,079
    characters, 34,191 words. Topics quote one another; a paragraph that came before is left out, so that no part of
    the text gives another away.

    Args:
        split: ``"train"``, the first nine tenths of the text; ``"test"``, the rest; or ``"all"``. Cut between two
            paragraphs.
        docstrings: add what the functions of :func:`python_functions` say of themselves (of those, too, what all
            releases share), 1,130,122 characters (148,782 words) in all. A split then has its share of both.

    Warns:
        UserWarning: this Python lacks some of the passages; the message says how many.

    Raises:
        ValueError: there is no such split.
        FileNotFoundError: this Python was installed without its documentation (or without its sources), or with
            another one.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}; got {split!r}")
    seen: set[str] = set()
    chosen: list[str] = []
    for name in PARTS if docstrings else ["python_docs"]:
        passages = [_without_repeats(passage, seen) for passage in shared(PARTS[name](), name)]
        passages = [passage for passage in passages if passage]
        ends = list(itertools.accumulate(map(len, passages)))
        cut = bisect.bisect_left(ends, 0.9 * ends[-1])
        chosen += {"train": passages[:cut], "test": passages[cut:], "all": passages}[split]
    return "\n\n".join(chosen) + "\n"


def _without_repeats(passage: str, seen: set[str]) -> str:
    kept = []
    for paragraph in passage.split("\n\n"):
        words = " ".join(paragraph.split())
        if words and words not in seen:
            seen.add(words)
            kept.append(paragraph.strip("\n"))
    return "\n\n".join(kept)


def _topics(library: str | os.PathLike | None = None) -> list[str]:
    """The paragraphs of the documentation that comes with this Python, or stands in another standard library."""
    try:
        if library is None:
            from pydoc_data.topics import topics
        else:
            topics = runpy.run_path(str(Path(library, "pydoc_data", "topics.py")))["topics"]
    except ImportError as error:
        raise FileNotFoundError(
            "this Python was installed without its documentation (the module pydoc_data.topics);"
            " use one from python.org or conda, or read a text of yours with read_text"
        ) from error
    paragraphs = "\n\n".join(topics[name] for name in sorted(topics)).split("\n\n")
    return [_plain(paragraph) for paragraph in paragraphs]


def _docstrings(library: str | os.PathLike | None = None) -> list[str]:
    """The names and docstrings of the functions of this Python's standard library, or of another one."""
    return [_plain(f"{f.module}.{f.name}{f.signature}\n\n{f.docstring}") for f in python_functions(library)]


def _plain(passage: str) -> str:
    """Without spaces at the end of lines and without empty lines around it."""
    return "\n".join(line.rstrip() for line in passage.strip("\n").split("\n"))


# A list of fingerprints, and where the passages are looked for that it names.
PARTS = {"python_docs": _topics, "python_docstrings": _docstrings}


@dataclass(frozen=True)
class PythonFunction:
    """A documented function as it stands in its source file."""

    module: str  #: such as ``"json.decoder"``
    name: str  #: within the module; a method has its class in front, as in ``"JSONDecoder.decode"``
    signature: str  #: such as ``"(self, s, _w=WHITESPACE.match)"``
    docstring: str  #: without its indentation
    source: str  #: with decorators and docstring, without the indentation of the first line


def python_functions(folder: str | os.PathLike | None = None) -> list[PythonFunction]:
    """The documented functions and methods of the standard library, parsed from its sources and never run.

    About 6,000, in the order of their files and lines, and other ones in each release of Python; tests and
    demonstrations are left out, and so are functions within functions and exact copies. The first call takes seconds,
    later ones nothing.

    Args:
        folder: another folder of Python sources; None: the standard library of the Python that runs.

    Raises:
        FileNotFoundError: there is no such folder, or it holds no Python sources.
    """
    root = Path(folder if folder is not None else sysconfig.get_path("stdlib"))
    return list(_functions_below(root.resolve()))


@functools.cache
def _functions_below(root: Path) -> tuple[PythonFunction, ...]:
    files = [p.relative_to(root) for p in root.rglob("*.py")]
    files = sorted((p for p in files if not _NO_LIBRARY.intersection(p.parts)), key=lambda p: p.parts)
    if not files:
        raise FileNotFoundError(f"there are no Python sources in {str(root)!r}; is the folder there, and unzipped?")
    functions: dict[str, PythonFunction] = {}
    for file in files:
        for function in _functions_in(root, file):
            functions.setdefault(function.source, function)
    return tuple(functions.values())


def _functions_in(root: Path, file: Path) -> Iterator[PythonFunction]:
    module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
    try:
        with tokenize.open(root / file) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like, in sources that are not ours
            source = stream.read()
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
        return  # a source for another Python, or no text at all: the others are enough
    lines = source.split("\n")
    for name, node in _definitions(tree, ""):
        if docstring := ast.get_docstring(node):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
            own_lines = lines[first : node.end_lineno]
            indent = own_lines[0][: len(own_lines[0]) - len(own_lines[0].lstrip())]
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            yield PythonFunction(
                module=module,
                name=name,
                signature=f"({ast.unparse(node.args)}){returns}",
                docstring=docstring,
                source="\n".join(line.removeprefix(indent) for line in own_lines),
            )


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions of a module and of its classes, also those under an if or try, but none within a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _definitions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.stmt | ast.excepthandler):
            yield from _definitions(child, prefix)


def read_text(
    path: str | os.PathLike, *, pattern: str = "*.txt", encoding: str = "utf-8", chunk_bytes: int = 1 << 20
) -> Iterator[str]:
    """The text of a file, or of all files in a folder, chunk by chunk, so that it may be larger than memory.

    The chunks joined are the text as it stands in the files (without a byte order mark), one file after the other in
    the order of their paths. A chunk ends at the end of a line, or at a space where a line is longer than a chunk.

    Args:
        path: a file of any name, or a folder, which is searched with the folders in it. Files that end in ``.gz`` are
            decompressed on the way.
        pattern: the names of the files to read in a folder, apart from ``.gz``; names with a dot in front are skipped.
        encoding: of all the files.
        chunk_bytes: about how much is read at a time.

    Raises:
        FileNotFoundError: there is no such file or folder, or no file in the folder has such a name.
        ValueError: the bytes are not in that encoding (the message says which file, byte and position), a compressed
            file is damaged, there is no text at all, or chunk_bytes is below 1.
    """
    if chunk_bytes < 1:
        raise ValueError(f"chunk_bytes must be at least 1; got {chunk_bytes}")
    return _read_files(Path(path), _text_files(Path(path), pattern), encoding, chunk_bytes)


def _text_files(path: Path, pattern: str) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"there is no file or folder {str(path)!r} to read text from")
    inside = (file for found in (pattern, f"{pattern}.gz") for file in path.rglob(found) if file.is_file())
    files = sorted({f for f in inside if not any(part.startswith(".") for part in f.relative_to(path).parts)})
    if not files:
        raise FileNotFoundError(f"the folder {str(path)!r} holds no files named {pattern!r} (or with .gz at the end)")
    return files


def _read_files(path: Path, files: list[Path], encoding: str, chunk_bytes: int) -> Iterator[str]:
    empty = True
    for file in files:
        rest = ""
        for text in _decoded(file, encoding, chunk_bytes):
            rest += text
            end = rest.rfind("\n") + 1
            if not end and len(rest) >= chunk_bytes:
                end = rest.rfind(" ") + 1 or len(rest)
            if end:
                yield rest[:end]
                rest, empty = rest[end:], False
        if rest:
            yield rest
            empty = False
    if empty:
        raise ValueError(f"{path} holds no text")


def _decoded(file: Path, encoding: str, chunk_bytes: int) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    n_read, at_end = 0, False
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        while not at_end:
            try:
                raw = stream.read(chunk_bytes)
                at_end = not raw
                text = decoder.decode(raw, final=at_end)
            except UnicodeDecodeError as error:
                # error.object begins with the bytes that the last read left undecoded
                position = n_read - (len(error.object) - len(raw)) + error.start
                raise ValueError(
                    f"{file} is not {encoding} text: byte 0x{error.object[error.start]:02x} at position {position}"
                    f" ({error.reason}); convert the file, or name its encoding"
                ) from error
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise ValueError(f"{file} is damaged: it is not a whole gzip file ({error})") from error
            yield text.removeprefix("\ufeff") if n_read == 0 else text
            n_read += len(raw)


class HubTexts:
    """The texts of one column of a data set, read from its memory-mapped file as they are asked for."""

    def __init__(self, dataset, column: str):
        self._dataset, self._column = dataset.select_columns([column]), column

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> str:
        return self._dataset[index][self._column]

    def __iter__(self) -> Iterator[str]:
        for rows in self._dataset.iter(batch_size=1000):
            yield from rows[self._column]


def from_hub(
    name: str,
    *,
    config: str | None = None,
    split: str = "train",
    column: str = "text",
    cache_dir: str | os.PathLike | None = None,
) -> HubTexts:
    """The texts of a data set, through the ``datasets`` library: from ``AIGC_BOOK_DATA``, your disk, or the hub.

    What is downloaded once is kept by ``datasets``, and memory-mapped: a corpus may be larger than memory. ::

        texts = from_hub("Salesforce/wikitext", config="wikitext-2-raw-v1")

    Args:
        name: of the data set on the hub; or of a folder of data files (or of a data set's ``save_to_disk``), which is
            looked for in the folder that ``AIGC_BOOK_DATA`` names first, and then as it is.
        config: which configuration of the data set, where it has several.
        split: such as ``"train"``, or a part of one, ``"train[:10%]"``.
        column: the column that holds the text.
        cache_dir: where ``datasets`` keeps what it read; None: where it always does.

    Returns:
        The texts: they have a length, can be indexed, and can be iterated more than once.

    Raises:
        ConnectionError: the hub can't be reached; the message says how to go on without it.
        FileNotFoundError: the hub has no data set of that name, or it needs a login.
        ValueError: the name is malformed, there is no such configuration or split, or the column is missing or no text.
    """
    import datasets  # here, because it takes a second to import

    cache_dir = None if cache_dir is None else str(cache_dir)
    folder = _local_folder(name)
    if folder is not None and any((folder / file).is_file() for file in ("state.json", "dataset_dict.json")):
        dataset = datasets.load_from_disk(str(folder))
        dataset = dataset[split] if isinstance(dataset, datasets.DatasetDict) else dataset
    elif folder is not None:
        dataset = datasets.load_dataset(str(folder), name=config, split=split, cache_dir=cache_dir)
    else:
        _check_hub(name)
        try:
            dataset = datasets.load_dataset(name, name=config, split=split, cache_dir=cache_dir)
        except ConnectionError as error:
            raise ConnectionError(_offline(name, error)) from error
    feature = dataset.features.get(column)
    if getattr(feature, "dtype", None) not in ("string", "large_string"):
        described = {key: getattr(value, "dtype", "no text") for key, value in dataset.features.items()}
        raise ValueError(f"the data set {name!r} has no column {column!r} of text; its columns are {described}")
    return HubTexts(dataset, column)


def _local_folder(name: str) -> Path | None:
    candidates = [Path(name)] if data_folder() is None else [data_folder() / name, Path(name)]
    return next((folder for folder in candidates if folder.is_dir()), None)


def _check_hub(name: str) -> None:
    """Ask the hub for the data set, once and briefly: ``datasets`` alone would try for half a minute."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        HfApi().dataset_info(name, timeout=5)
    except HFValidationError as error:
        raise ValueError(f"name must be that of a data set, such as 'user/name'; got {name!r}: {error}") from error
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"the hub has no data set {name!r}, or it is private or needs a login (hf auth login);"
            " look for its name at https://huggingface.co/datasets"
        ) from error
    except OfflineModeIsEnabled:
        return  # then datasets does not wait for the hub either, and uses what it has kept
    except Exception as error:  # each version of the hub's client has its own classes for a broken connection
        raise ConnectionError(_offline(name, error)) from error


def _offline(name: str, error: Exception) -> str:
    return (
        f"the hub can't be reached for the data set {name!r} ({error}). Load it once where there is a network, and set"
        " HF_HUB_OFFLINE=1 to use the copy that was kept; or put its files into a folder of that name, inside the"
        " folder that the environment variable AIGC_BOOK_DATA names; or read a text of yours with read_text"
    )
