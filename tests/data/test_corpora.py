"""Real text: Python's own, files of any size and kind, and data sets of the hub with and without a hub."""

import ast
import gzip
import hashlib
import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
import types
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_book.data.corpora import PARTS, from_hub, python_docs, python_functions, read_text
from aigc_book.data.fingerprints import shared

# ---- Python's own text


def test_python_docs_are_prose_and_always_the_same():
    text = python_docs()
    assert "Assert statements are a convenient way to insert debugging assertions\ninto a program:" in text
    assert (len(text), len(text.split())) == (238_079, 34_191)
    command = "import sys, aigc_book.data.corpora as c; sys.stdout.buffer.write(c.python_docs().encode())"
    again = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONHASHSEED": "5"},
        capture_output=True,
        check=True,
    )
    assert again.stdout.decode() == text


@pytest.mark.parametrize(
    ("docstrings", "split", "digest"),
    [
        (False, "all", "1489aa9a3a047242"),
        (False, "train", "4b383591009af8cb"),
        (False, "test", "2955c3e1f07e2080"),
        (True, "all", "132508d03fee0f1e"),
        (True, "train", "03c1355a418a36b6"),
        (True, "test", "3f14e5fad53e64fb"),
    ],
)
def test_python_docs_are_the_same_text_on_every_python(docstrings, split, digest):
    """Taken on 3.11.2, and equal on 3.11.7, 3.12.1 and 3.13.0."""
    text = python_docs(split, docstrings=docstrings)
    assert hashlib.blake2b(text.encode(), digest_size=8).hexdigest() == digest


@pytest.mark.parametrize("docstrings", [False, True])
def test_the_splits_are_the_whole_text_cut_between_paragraphs(docstrings):
    train, test, whole = (
        set(python_docs(split, docstrings=docstrings).strip("\n").split("\n\n")) for split in ("train", "test", "all")
    )
    assert train | test == whole
    assert not train & test
    sizes = [sum(map(len, part)) for part in (train, test)]
    assert sizes[1] / sum(sizes) == pytest.approx(0.1, abs=0.005)
    if not docstrings:
        assert python_docs() == python_docs("train") + "\n" + python_docs("test")
    else:  # what is held out without docstrings is held out with them
        assert set(python_docs("test").strip("\n").split("\n\n")) <= test


def test_python_docs_have_no_other_split():
    with pytest.raises(ValueError, match="split must be one of train, test, all; got 'validation'"):
        python_docs("validation")


def own_topics(monkeypatch, text):
    module = types.ModuleType("pydoc_data.topics")
    module.topics = {"assert": text}
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", module)


def test_python_docs_of_another_release_say_what_is_missing(monkeypatch):
    """One passage is gone, one is new, and the others come in another order, with spaces at the ends of lines."""
    whole = python_docs()
    passages = shared(PARTS["python_docs"](), "python_docs")
    topics = "\n\n".join(["New in this release.", *reversed(passages[1:])])
    own_topics(monkeypatch, re.sub(r"(?<=\S)\n", "  \n", topics))
    with pytest.warns(UserWarning, match=r"^1 of the 1540 passages .* not in that of this Python, 3\.\d+\.\d+"):
        text = python_docs()
    assert f"{passages[0]}\n\n{text}" == whole


def test_python_docs_that_are_others(monkeypatch):
    own_topics(monkeypatch, "Nothing of the kind.")
    with pytest.raises(FileNotFoundError, match=r"1540 of the 1540 passages .*; use a Python of python.org"):
        python_docs()


def test_python_docs_hold_no_paragraph_twice():
    paragraphs = [" ".join(p.split()) for p in python_docs(docstrings=True).split("\n\n")]
    assert len(set(paragraphs)) == len(paragraphs)
    assert "" not in paragraphs


def test_python_docs_with_docstrings_are_longer_by_them():
    text = python_docs(docstrings=True)
    assert text.startswith(python_docs())
    assert (len(text), len(text.split())) == (1_130_122, 148_782)
    assert inspect.getdoc(textwrap.shorten).split("\n\n")[0] in text


def test_python_docs_that_are_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(
        FileNotFoundError, match=r"installed without its documentation \(the module pydoc_data.topics\)"
    ):
        python_docs()


@pytest.fixture(scope="module")
def functions():
    return python_functions()


def test_python_functions_are_many_distinct_and_in_order(functions):
    assert 5_000 < len(functions) < 8_000
    assert len({f.source for f in functions}) == len(functions)
    modules = list(dict.fromkeys(f.module for f in functions))
    assert not any(part in ("test", "tests", "idlelib") for m in modules for part in m.split("."))
    assert python_functions() == functions
    assert python_functions() is not python_functions()  # the caller may sort or filter it


@pytest.mark.parametrize(
    ("module", "name", "function"),
    [
        ("textwrap", "shorten", textwrap.shorten),
        ("json", "dumps", json.dumps),
        ("json.encoder", "JSONEncoder.encode", json.JSONEncoder.encode),
        ("inspect", "signature", inspect.signature),
    ],
)
def test_python_functions_against_inspect(functions, module, name, function):
    (found,) = [f for f in functions if (f.module, f.name) == (module, name)]
    assert found.docstring == inspect.getdoc(function)
    assert found.source == textwrap.dedent(inspect.getsource(function)).rstrip("\n")
    assert found.signature == str(inspect.signature(function))


def test_every_source_is_a_function_with_its_docstring(functions):
    for function in functions[::7]:
        (node,) = ast.parse(function.source).body
        assert node.name == function.name.split(".")[-1]
        assert ast.get_docstring(node)


def test_functions_of_a_folder_with_files_of_all_kinds(tmp_path):
    (tmp_path / "pkg" / "tests").mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").write_text('def f():\n    "First."\n')
    (tmp_path / "pkg" / "tests" / "a.py").write_text('def no():\n    "A test."\n')
    (tmp_path / "b.py").write_text(
        textwrap.dedent('''
            import functools

            def undocumented(): ...

            class A:
                if True:
                    @functools.cache
                    async def g(self, x: int = 1, *, y=2) -> str:
                        """Second.

                        More.
                        """
                        def inner():
                            "Not this one."

            def f():
                "First."
        ''')
    )
    (tmp_path / "python2.py").write_text('def f():\n    "Old."\n    print "x"\n')
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\0")
    (tmp_path / "nul.py").write_bytes(b"x = 1\0")
    (tmp_path / "latin.py").write_bytes('# coding: latin-1\ndef h():\n    r"Fünf \\d."\n'.encode("latin-1"))
    (tmp_path / "long.py").write_text("x = a" + ".b" * 100_000)
    (tmp_path / "deep.py").write_text("x = " + "-" * 100_000 + "1")
    found = {(f.module, f.name): f for f in python_functions(tmp_path)}
    assert list(found) == [("b", "A.g"), ("b", "f"), ("latin", "h")]  # pkg's f is an exact copy of b's
    g = found["b", "A.g"]
    assert g.signature == "(self, x: int=1, *, y=2) -> str"
    assert g.docstring == "Second.\n\nMore."
    assert g.source.startswith("@functools.cache\nasync def g(self")
    assert found["latin", "h"].docstring == r"Fünf \d."


def test_a_folder_without_sources_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there are no Python sources in"):
        python_functions(tmp_path)


# ---- files


@given(
    text=st.text(st.sampled_from("ab \n\r\u2028é中😀"), min_size=1, max_size=60).filter(lambda t: t[0] != "\ufeff"),
    chunk_bytes=st.integers(1, 20),
)
def test_chunks_joined_are_the_file(tmp_path_factory, text, chunk_bytes):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(text.encode())
    chunks = list(read_text(path, chunk_bytes=chunk_bytes))
    assert "".join(chunks) == text
    assert all(0 < len(chunk) <= 2 * chunk_bytes for chunk in chunks)
    for chunk in chunks[:-1]:  # no word is cut that is shorter than a chunk
        assert chunk[-1] in "\n " or len(chunk) >= chunk_bytes


def test_lines_and_then_words_stay_whole(tmp_path):
    (tmp_path / "a.txt").write_text("one two\nthree\nfour five six seven")
    assert list(read_text(tmp_path / "a.txt", chunk_bytes=10)) == ["one two\n", "three\n", "four five six ", "seven"]


def test_a_folder_is_read_in_order_with_compressed_files(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "c.txt").write_text("third", encoding="utf-8-sig")  # begins with a byte order mark
    (tmp_path / "b" / "z.txt.gz").write_bytes(gzip.compress("second 中\n".encode()))
    (tmp_path / "a.txt").write_text("first\r\n", newline="")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "note.md").write_text("other")
    (tmp_path / ".hidden" / "d.txt").write_text("hidden")
    assert "".join(read_text(tmp_path)) == "first\r\nsecond 中\nthird"
    assert "".join(read_text(tmp_path, pattern="*.md")) == "other"
    assert "".join(read_text(tmp_path / ".hidden" / "d.txt")) == "hidden"


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7, 100])
def test_undecodable_bytes_are_named_with_file_and_position(tmp_path, chunk_bytes):
    """Three bytes of a character, five letters, and at position 8 a byte that no UTF-8 has."""
    path = tmp_path / "bad.txt"
    path.write_bytes("中".encode() + b"abcde\xffxyz")
    with pytest.raises(ValueError, match=r"bad.txt is not utf-8 text: byte 0xff at position 8 \(invalid start byte\)"):
        list(read_text(path, chunk_bytes=chunk_bytes))
    path.write_bytes(b"abc" + "中".encode()[:2])
    with pytest.raises(ValueError, match=r"byte 0xe4 at position 3 \(unexpected end of data\)"):
        list(read_text(path, chunk_bytes=chunk_bytes))


def test_other_encodings_can_be_named(tmp_path):
    (tmp_path / "a.txt").write_bytes("生成式".encode("gb18030"))
    assert "".join(read_text(tmp_path / "a.txt", encoding="gb18030", chunk_bytes=1)) == "生成式"


def test_files_that_are_not_there_empty_or_damaged(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*nowhere.txt' to read text from"):
        read_text(tmp_path / "nowhere.txt")  # at once, not when the first chunk is asked for
    with pytest.raises(FileNotFoundError, match=r"holds no files named '\*.txt' \(or with .gz at the end\)"):
        read_text(tmp_path)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(ValueError, match=r"empty.txt holds no text"):
        list(read_text(tmp_path / "empty.txt"))
    whole = gzip.compress(bytes(range(65, 91)) * 99)
    for content in (whole[:-9], b"no gzip file", whole[:12] + b"\xff\xff" + whole[14:]):
        (tmp_path / "a.txt.gz").write_bytes(content)
        with pytest.raises(ValueError, match=r"a.txt.gz is damaged: it is not a whole gzip file"):
            list(read_text(tmp_path / "a.txt.gz"))
    with pytest.raises(ValueError, match="chunk_bytes must be at least 1; got 0"):
        read_text(tmp_path / "empty.txt", chunk_bytes=0)


# ---- the hub


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    folder = tmp_path / "sets" / "tiny"
    folder.mkdir(parents=True)
    rows = [{"text": f"row {i} 中", "n": i} for i in range(2345)]
    (folder / "train.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (folder / "test.jsonl").write_text(json.dumps({"text": "held out", "n": -1}))
    monkeypatch.setenv("AIGC_BOOK_DATA", str(folder.parent))
    return folder


def test_a_folder_of_data_files_is_found_and_memory_mapped(data_folder, tmp_path):
    texts = from_hub("tiny", cache_dir=tmp_path / "cache")
    expected = [f"row {i} 中" for i in range(2345)]
    assert len(texts) == 2345
    assert list(texts) == expected == list(texts)
    assert texts[-1] == "row 2344 中"
    assert list(from_hub("tiny", split="test", cache_dir=tmp_path / "cache")) == ["held out"]
    assert list(from_hub(str(data_folder), split="train[:2]", cache_dir=tmp_path / "cache")) == expected[:2]


def test_a_saved_data_set_is_found(tmp_path, monkeypatch):
    import datasets

    one = datasets.Dataset.from_dict({"body": ["a", "b"]})
    one.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": one, "test": one.select([1])}).save_to_disk(tmp_path / "several")
    monkeypatch.setenv("AIGC_BOOK_DATA", str(tmp_path))
    assert list(from_hub("one", column="body")) == ["a", "b"]
    assert list(from_hub("several", split="test", column="body")) == ["b"]


def test_what_a_data_set_lacks_is_named(data_folder, tmp_path):
    with pytest.raises(ValueError, match=r"no column 'n' of text; its columns are {'text': 'string', 'n': 'int64'}"):
        from_hub("tiny", column="n", cache_dir=tmp_path / "cache")
    with pytest.raises(ValueError, match="'tiny' has no column 'body' of text"):
        from_hub("tiny", column="body", cache_dir=tmp_path / "cache")
    with pytest.raises(ValueError, match='Unknown split "nope"'):
        from_hub("tiny", split="nope", cache_dir=tmp_path / "cache")
    with pytest.raises(ValueError, match="'nope' not found"):
        from_hub("tiny", config="nope", cache_dir=tmp_path / "cache")


class NothingHere(BaseHTTPRequestHandler):
    """A hub without any data set."""

    def do_GET(self):
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def ask_hub(name, **environment):
    """from_hub(name) in a fresh process, whose hub is elsewhere → the error it ends with."""
    command = "import sys; from aigc_book.data.corpora import from_hub; from_hub(sys.argv[1])"
    clean = {key: value for key, value in os.environ.items() if key.lower() not in ("http_proxy", "all_proxy")}
    result = subprocess.run(
        [sys.executable, "-c", command, name],
        env={**clean, "AIGC_BOOK_DATA": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return result.stderr.strip().splitlines()[-1]


def test_offline_the_error_says_what_to_do(tmp_path):
    said = ask_hub("someone/corpus", HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path))  # nobody listens there
    assert said.startswith("ConnectionError: the hub can't be reached for the data set 'someone/corpus' (")
    for way in ("HF_HUB_OFFLINE=1 to use the copy", "AIGC_BOOK_DATA", "read_text"):
        assert way in said
    said = ask_hub("someone/corpus", HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert said.startswith("ConnectionError: the hub can't be reached for the data set 'someone/corpus' (")


def test_an_unknown_name_is_named(tmp_path):
    server = HTTPServer(("127.0.0.1", 0), NothingHere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        said = ask_hub("someone/nothing", HF_ENDPOINT=address, HF_HOME=str(tmp_path))
    finally:
        server.shutdown()
        server.server_close()
    assert said.startswith("FileNotFoundError: the hub has no data set 'someone/nothing', or it is private")


def test_offline_mode_uses_the_copy_that_was_kept(monkeypatch):
    import datasets
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    def refuse(*_, **__):
        raise OfflineModeIsEnabled("offline mode is enabled")

    kept = datasets.Dataset.from_dict({"text": ["kept"]})
    monkeypatch.setattr(HfApi, "dataset_info", refuse)
    monkeypatch.setattr(datasets, "load_dataset", lambda path, **_: kept if path == "someone/corpus" else None)
    assert list(from_hub("someone/corpus")) == ["kept"]


def test_a_malformed_name_is_refused():
    with pytest.raises(ValueError, match="name must be that of a data set, such as 'user/name'; got 'a/b/c'"):
        from_hub("a/b/c")
