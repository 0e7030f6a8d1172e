"""The build's own machinery: when chapters run again, what a run keeps, and what the pages show of it."""

import asyncio
import json
import runpy
import subprocess
import sys
from pathlib import Path

import book_address
import chapter_card
import nbformat
import offline
import one_bar
import outputs
import pytest
import runs
from docutils import nodes
from docutils.utils import new_document
from myst_nb.sphinx_ import HideCodeCellNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[1]


def notebook(*cells) -> nbformat.NotebookNode:
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return new_notebook(cells=list(cells), metadata=kernel)


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A book of its own with one chapter, ``one/chapter``, and no package."""
    (tmp_path / "book" / "one").mkdir(parents=True)
    (tmp_path / "constraints.txt").write_text("numpy==1\nno-such-distribution==1\n")
    (tmp_path / "_config.yml").write_text("execute:\n  timeout: 60\n")
    (tmp_path / "_toc.yml").write_text(
        "root: book/index\nparts:\n- chapters:\n  - file: book/one/chapter\n  - file: book/x\n"
    )
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    monkeypatch.setattr(runs, "RUNS", tmp_path / "_build" / "runs")
    monkeypatch.setattr(runs, "GPU_COSTS", tmp_path / "book" / "gpu_costs.json")
    monkeypatch.setattr(runs.state, "__defaults__", (tmp_path,))
    for name in runs.SETTINGS:
        monkeypatch.delenv(name, raising=False)

    def write(*cells) -> Path:
        path = tmp_path / "book" / "one" / "chapter.ipynb"
        nbformat.write(notebook(*cells), path)
        return path

    runs.state_of_this_build.cache_clear()  # every test is a build of its own
    yield write
    runs.state_of_this_build.cache_clear()


def test_chapters_are_the_notebooks_of_the_toc(house):
    path = house(new_code_cell("1"))
    assert runs.chapters() == [path]  # book/x is no notebook
    assert runs.name_of(path) == "one/chapter"


def test_run_is_kept_with_outputs_and_cost_and_found_again(house):
    path = house(new_markdown_cell("# Title"), new_code_cell("print('once')\n6 * 7"))
    assert runs.executed(path) is None
    runs.run_outdated([path])
    executed, cost = runs.executed(path)
    assert executed.cells[1].outputs[0].text == "once\n"
    assert executed.cells[1].outputs[1].data["text/plain"] == "42"
    assert cost["seconds"] > 0
    assert 10 < cost["peak_mib"] < 1000
    assert cost["cores"] >= 1
    assert "gpu" not in cost
    assert not nbformat.read(path, as_version=4).cells[1].outputs  # the chapter itself is left alone


def test_prose_and_captions_do_not_run_a_chapter_again_and_code_does(house):
    cell = new_code_cell("1 + 1")
    path = house(new_markdown_cell("before"), cell)
    kept = runs.run_path(path, nbformat.read(path, as_version=4))
    captioned = new_code_cell("1 + 1", metadata={"mystnb": {"figure": {"caption": "new"}}, "tags": ["hide-input"]})
    path = house(new_markdown_cell("after"), captioned, new_markdown_cell("more"))
    assert runs.run_path(path, nbformat.read(path, as_version=4)) == kept
    path = house(new_markdown_cell("after"), new_code_cell("1 + 2"))
    assert runs.run_path(path, nbformat.read(path, as_version=4)) != kept
    path = house(new_code_cell("1 + 1", metadata={"tags": ["raises-exception"]}))
    assert runs.run_path(path, nbformat.read(path, as_version=4)) != kept


def test_state_changes_with_package_versions_and_settings(house, tmp_path, monkeypatch):
    house(new_code_cell("1"))
    seen = {runs.state()}
    (tmp_path / "aigc_book" / "room").mkdir(parents=True)
    for text in ("a = 1\n", "a = 2\n"):
        (tmp_path / "aigc_book" / "room" / "file.py").write_text(text)
        seen.add(runs.state())
    (tmp_path / "aigc_book" / "room" / "file.py").rename(tmp_path / "aigc_book" / "room" / "other.py")
    seen.add(runs.state())
    for name in runs.SETTINGS:
        monkeypatch.setenv(name, "gpu")
        seen.add(runs.state())
    monkeypatch.setattr(runs.importlib.metadata, "version", lambda name: "99")
    seen.add(runs.state())
    assert len(seen) == 4 + len(runs.SETTINGS) + 1
    (tmp_path / "book" / "page.md").write_text("prose")
    assert runs.state() in seen


def test_failing_chapter_says_where_and_keeps_nothing(house):
    path = house(new_code_cell("x = 1"), new_code_cell("x / 0"))
    with pytest.raises(runs.ChapterFailed, match=r"(?s)one/chapter failed:.*x / 0.*ZeroDivisionError"):
        runs.run_outdated([path])
    assert runs.executed(path) is None


def test_wanted_error_is_no_failure(house):
    path = house(new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}), new_code_cell("'went on'"))
    runs.run_outdated([path])
    executed, _ = runs.executed(path)
    assert executed.cells[0].outputs[0].ename == "ZeroDivisionError"
    assert executed.cells[1].outputs[0].data["text/plain"] == "'went on'"


def test_chapter_that_takes_too_long_fails(house):
    path = house(new_code_cell("import time\ntime.sleep(30)"))
    with pytest.raises(runs.ChapterFailed, match=r"one/chapter failed"):
        asyncio.run(runs.run(path, timeout=1, jobs=1))


def test_run_belongs_to_the_package_that_its_build_began_with(house, tmp_path):
    path = house(new_code_cell("1"))
    (tmp_path / "aigc_book").mkdir()
    (tmp_path / "aigc_book" / "a.py").write_text("a = 1\n")
    runs.run_outdated([path])
    (tmp_path / "aigc_book" / "a.py").write_text("a = 2\n")  # an edit while the pages are written
    assert runs.executed(path) is not None
    runs.state_of_this_build.cache_clear()  # the next build
    assert runs.executed(path) is None


def test_old_states_are_forgotten(house, tmp_path):
    path = house(new_code_cell("1"))
    for number in range(runs.STATES_KEPT + 2):
        (tmp_path / "aigc_book").mkdir(exist_ok=True)
        (tmp_path / "aigc_book" / "a.py").write_text(f"a = {number}\n")
        runs.state_of_this_build.cache_clear()
        if number in (0, runs.STATES_KEPT + 1):
            runs.run_outdated([path])
        else:
            runs.write(runs.RUNS / runs.state() / "chapter.json", "{}")
    assert len(list(runs.RUNS.iterdir())) == runs.STATES_KEPT
    assert runs.executed(path) is not None


def test_gpu_costs_are_read_by_chapter(house):
    path = house(new_code_cell("1"))
    assert runs.gpu_cost(path) is None
    runs.write(runs.GPU_COSTS, json.dumps({"one/chapter": {"gpu": "X", "seconds": 3.0, "gpu_mib": 100}}))
    assert runs.gpu_cost(path)["gpu"] == "X"


def test_cost_in_words():
    cost = {"seconds": 41.4, "peak_mib": 874.0, "cores": 2}
    assert chapter_card.cost_in_words(None, None) == "Not run in this build."
    words = "41 s and 870 MiB of memory on 2 CPU cores, recorded by this build."
    assert chapter_card.cost_in_words(cost, None) == words
    gpu = {"gpu": "NVIDIA H200", "seconds": 150.0, "gpu_mib": 20480}
    expected = f"{words} At the gpu scale: 2.5 min, 20.0 GiB on one NVIDIA H200."
    assert chapter_card.cost_in_words(cost, gpu) == expected
    assert "on one NVIDIA H200" in chapter_card.cost_in_words({**cost, "gpu": "NVIDIA H200", "gpu_mib": 9.0}, gpu)


def test_icons_link_of_animations_is_taken_out():
    link = '<link rel="stylesheet"\nhref="https://maxcdn.bootstrapcdn.com/font-awesome/4.4.0/css/font-awesome.min.css">'
    context = {"body": f"<p>a</p>{link}<p>b</p>"}
    offline.drop_icons_link(None, "page", "page.html", context, None)
    assert context["body"] == "<p>a</p><p>b</p>"


def test_matplotlib_writes_the_link_that_is_taken_out():
    code = "from matplotlib import _animation_data as data; print(data.JS_INCLUDE)"
    page = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "https://" in page
    assert "https://" not in offline.ICONS_LINK.sub("", page)


def test_address_is_read_and_written_into_every_chapter(tmp_path, monkeypatch):
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://github.com/some/where/\n  branch: trunk\n")
    (tmp_path / "book" / "one").mkdir(parents=True)
    path = tmp_path / "book" / "one" / "chapter.ipynb"
    nbformat.write(notebook(new_code_cell("old"), new_markdown_cell("温度 stays")), path)
    (tmp_path / "aigc_book").mkdir()
    (tmp_path / "aigc_book" / "__init__.py").write_text('__version__ = "7.0"\n')
    for name in book_address.FILES:
        (tmp_path / name).write_text("https://github.com/example/aigc-book/issues")
    monkeypatch.setattr(book_address, "ROOT", tmp_path)
    assert book_address.repository() == ("https://github.com/some/where", "trunk")
    book_address.main()
    written = nbformat.read(path, as_version=4)
    assert "git+https://github.com/some/where@v7.0" in written.cells[0].source
    assert {(tmp_path / name).read_text() for name in book_address.FILES} == {"https://github.com/some/where/issues"}
    assert written.cells[0].metadata.tags == ["install", "remove-cell"]
    assert written.cells[1].source == "温度 stays"
    assert "温度" in path.read_text(encoding="utf-8")


def test_the_cost_is_asked_without_resource_where_there_is_none(monkeypatch):
    """Windows has no resource module; the file is read there all the same, and Linux doesn't need it either."""
    monkeypatch.setitem(sys.modules, "resource", None)  # importing it now raises
    probe = runpy.run_path(str(runs.HERE / "cost_probe.py"))
    peak_mib, gpu = probe["cost"]()
    assert 10 < peak_mib < 100_000
    assert gpu is None or len(gpu) == 2


@pytest.mark.parametrize(("platform", "unit"), [("darwin", 2**20), ("freebsd", 2**10)])
def test_the_peak_is_in_mib_on_other_systems(monkeypatch, platform, unit):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "exists", lambda path: False)  # no /proc
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert runpy.run_path(str(runs.HERE / "cost_probe.py"))["peak_mib"]() == pytest.approx(most / unit, rel=0.1)


def test_the_peak_on_windows_is_psutils(monkeypatch):
    class Memory:
        peak_wset = 300 * 2**20

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(Path, "exists", lambda path: False)
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr("psutil.Process.memory_info", lambda process: Memory)
    assert runpy.run_path(str(runs.HERE / "cost_probe.py"))["peak_mib"]() == 300


def test_config_and_makefile_know_the_same_folders():
    assert "_build/html/index.html" in (ROOT / "make.py").read_text(encoding="utf-8")
    assert runs.RUNS.parent == ROOT / "_build"


def test_an_animation_gets_the_cells_alternative_text():
    cell = new_code_cell("", metadata={"mystnb": {"image": {"alt": 'dots & a "star"'}}})
    cell.outputs = [new_output("display_data", {"text/html": '<img id="_anim_img1"><img src="x">'})]
    outputs.describe_animation(cell)
    page = cell.outputs[0].data["text/html"]
    assert page == '<img alt="dots &amp; a &quot;star&quot;" id="_anim_img1"><img src="x">'


def test_matplotlibs_player_begins_at_its_last_frame():
    code = "from matplotlib import _animation_data as data; print(data.DISPLAY_TEMPLATE)"
    template = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    page = template.replace("{{", "{").replace("}}", "}").replace("{id}", "7f").replace("{interval}", "150")
    cell = new_code_cell("")
    cell.outputs = [new_output("display_data", {"text/html": page}), new_output("stream", text="new Animation(")]
    outputs.end_animation(cell)
    after = " ".join(cell.outputs[0].data["text/html"].split())
    assert "loop_select_id); anim7f.last_frame();" in after


def folded(code, *shown, hide_mode="input"):
    """A cell as MyST-NB leaves it in front of the writer: its code behind a bar, then what it shows."""
    cell = nodes.container(nb_element="cell_code", hide_mode=hide_mode)
    bar = HideCodeCellNode(prompt_show="Show code cell source", prompt_hide="Hide code cell source")
    bar += nodes.container("", nodes.literal_block(code, code), nb_element="cell_code_source")
    cell += bar
    if shown:
        cell += nodes.container("", *(nodes.paragraph(text, text) for text in shown), nb_element="cell_code_output")
    return cell


def test_folded_cells_in_a_row_have_one_bar_and_an_output_ends_it():
    """imports, data, a figure | a cell behind it, text | a cell that isn't folded, two that show nothing"""
    page = new_document("page")
    page += [folded("imports"), folded("data"), nodes.target(), folded("draw()", "figure"), folded("after")]
    page += nodes.paragraph("text", "text")
    page += [folded("open", hide_mode="all"), folded("one"), folded("two")]
    one_bar.OneBar(page).run()
    bars = list(page.findall(HideCodeCellNode))
    found = [[block.astext() for block in bar.findall(nodes.literal_block)] for bar in bars]
    assert found == [["imports", "data", "draw()"], ["after"], ["open"], ["one", "two"]]
    assert [bar["prompt_show"] for bar in bars] == [
        "Show the code of 3 cells",
        "Show code cell source",
        "Show code cell source",
        "Show the code of 2 cells",
    ]
    assert bars[0]["prompt_hide"] == "Hide the code of 3 cells"
    assert page.astext().split() == ["imports", "data", "draw()", "figure", "after", "text", "open", "one", "two"]
    assert all(child.parent is parent for parent in page.findall(nodes.Element) for child in parent.children)
