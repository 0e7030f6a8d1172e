"""``make claims``: each assertion is judged by itself, with its two sides, under every setting."""

import ast
import asyncio
import math

import assertions
import claims
import nbformat
import pytest
import runs
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What is found in a notebook in which much fails, run under base seed 1000."""
    cells = [
        new_markdown_cell("# Title"),
        new_code_cell(
            "import os\nimport numpy as np\nimport torch\nfrom torch.testing import assert_close", id="imports"
        ),
        new_code_cell("assert 3 < 2, 'no'\nassert 1 < 3\nassert 0.25 <= 0.5 < 0.6 and True", id="numbers"),
        new_code_cell("a, b = np.array([1.0, 2.0]), np.array([3.0, 2.5])\nassert (a < b).all()", id="arrays"),
        new_code_cell("x = torch.tensor([1.0, 2.0])\nassert_close(x, x + 1e-7)\nassert_close(x, x + 1)", id="close"),
        new_code_cell("assert nowhere > 1\nassert os.environ['AIGC_BOOK_SEED'] == '1000'", id="names"),
        new_code_cell("for i in range(3):\n    assert i < 2", id="loop"),
        new_code_cell("assert True\n1 / 0\nassert 2 > 1", id="stops"),
        new_code_cell("assert False", id="wanted", metadata={"tags": ["raises-exception"]}),
        new_code_cell("'fine'", id="unwanted", metadata={"tags": ["raises-exception"]}),
        new_code_cell("%time y = 1\ndef inner(z):\n    assert z > 0\n    return z", id="defined"),
        new_code_cell("inner(-1)\nassert not 1 > 2\nassert y in (1, 2)", id="called"),
        new_code_cell("try:\n    assert False\nexcept AssertionError:\n    caught = True\nassert caught", id="caught"),
        new_code_cell("assert 7 == 7\nassert 7 == 7", id="twice"),
    ]
    path = tmp_path_factory.mktemp("book") / "one" / "chapter.ipynb"
    path.parent.mkdir()
    nbformat.write(new_notebook(cells=cells, metadata=KERNEL), path)
    root = runs.ROOT
    runs.ROOT = path.parents[2]
    found = asyncio.run(claims.judge(path, claims.Setting("seed 1000", {"AIGC_BOOK_SEED": "1000"}), 60, 1))
    runs.ROOT = root
    return found, claims.listed(nbformat.read(path, as_version=4))


def held(outcome, cell):
    return {text: entry["held"] for (at, text), entry in outcome[0].items() if at == cell}


def test_a_failing_assertion_stops_nothing(outcome):
    assert held(outcome, "numbers") == {
        "assert 3 < 2": False,
        "assert 1 < 3": True,
        "assert 0.25 <= 0.5 < 0.6 and True": True,
    }
    assert held(outcome, "names") == {
        "assert nowhere > 1": False,
        "assert os.environ['AIGC_BOOK_SEED'] == '1000'": True,
    }
    assert "NameError" in outcome[0]["names", "assert nowhere > 1"]["error"]


def test_distances_are_those_of_the_side_nearest_to_the_limit(outcome):
    """3 < 2 fails by 1; of 0.25 ≤ 0.5 < 0.6 the second is nearer, by 0.1; of 1 < 3 and 2 < 2.5 the second, by 0.5."""
    found = outcome[0]
    assert found["numbers", "assert 3 < 2"]["distance"] == -1
    entry = found["numbers", "assert 0.25 <= 0.5 < 0.6 and True"]
    assert (entry["left"], entry["right"]) == (0.5, 0.6)
    assert entry["distance"] == pytest.approx(0.1)
    assert found["arrays", "assert (a < b).all()"]["distance"] == 0.5
    assert "distance" not in found["names", "assert os.environ['AIGC_BOOK_SEED'] == '1000'"]


def test_assert_close_is_judged_with_its_greatest_difference(outcome):
    near, far = (outcome[0]["close", f"assert_close(x, x + {d})"] for d in ("1e-07", "1"))
    assert near["held"] and near["difference"] < 1e-6
    assert not far["held"] and far["difference"] == 1
    assert "not close" in far["error"]


def test_loops_and_functions_are_judged_every_time(outcome):
    entry = outcome[0]["loop", "assert i < 2"]
    assert (entry["held"], entry["times"], entry["distance"]) == (False, 3, 0)
    assert held(outcome, "defined") == {"assert z > 0": False}  # and not under the cell that called it


def test_what_an_error_keeps_from_being_asked_is_not_held(outcome):
    found, listed = outcome
    assert held(outcome, "stops") == {"assert True": True, claims.RUNS: False}
    assert ("stops", "assert 2 > 1") in listed
    (row,) = [row for row in claims.rows(listed, {"a": found}) if (row.cell, row.text) == ("stops", "assert 2 > 1")]
    assert (row.held, row.runs, row.worst["error"]) == (0, 1, "not reached")


def test_wanted_errors_are_wanted(outcome):
    assert held(outcome, "wanted") == {}
    assert held(outcome, "unwanted") == {claims.RUNS: False}
    assert held(outcome, "caught") == {"assert caught": True}


def test_a_repeated_assertion_is_two(outcome):
    assert held(outcome, "twice") == {"assert 7 == 7": True, "assert 7 == 7  #2": True}
    assert assertions.assertions("assert 7 == 7\nassert 7 == 7") == ["assert 7 == 7", "assert 7 == 7  #2"]


def test_everything_listed_is_found_but_where_a_cell_stopped(outcome):
    found, listed = outcome
    assert set(listed) - set(found) == {("stops", "assert 2 > 1")}


def test_comparisons_mean_what_they_meant():
    """Every comparison gives the judged tree's outcome as Python's own, chains and all."""
    sources = [
        "1 < 2 < 3",
        "1 < 3 < 2",
        "2 in [1, 2]",
        "None is not int",
        "not 2 < 1",
        "1 <= 1",
        "3 >= 4 or 1 != 2",
        "1 > 0 == 0",
    ]
    for source in sources:
        judge = assertions.Judge()
        tree = assertions.Judged("c").visit(ast.parse(f"assert {source}"))
        exec(compile(tree, "cell", "exec"), {assertions.NAME: judge})
        (entry,) = judge.found.values()
        assert entry["held"] == eval(source), source


def test_nothing_is_near_infinity_and_nan_is_nearest():
    judge = assertions.Judge()
    judge.compare("k", "Lt", (1.0, math.inf))
    assert "distance" not in judge.found["k"] if "k" in judge.found else True
    judge.compare("k", "Lt", (1.0, 3.0))
    judge.compare("k", "Lt", (math.nan, 3.0))
    judge.compare("k", "Lt", (1.0, 2.0))
    assert math.isnan(judge.found["k"]["distance"])


def test_rows_count_and_show_the_worst_run():
    good, bad = {"held": True, "left": 1.0, "right": 3.0, "distance": 2.0}, {"held": True, "distance": 0.5}
    outcomes = {"a": {("c", "x"): good, ("c", "y"): good}, "b": {("c", "x"): bad, ("c", "y"): good | {"held": False}}}
    y, x = claims.rows([("c", "x"), ("c", "y"), ("c", "z")], outcomes)[:2]
    assert (x.text, x.held, x.runs, x.worst, x.fell) == ("x", 2, 2, bad, [])
    assert (y.text, y.held, y.runs, y.fell) == ("y", 1, 2, ["b"])


def test_a_section_is_replaced_and_the_others_stay_in_the_books_order():
    order = ["one", "two", "three"]
    record = ""
    for name in ("three", "one"):
        record = claims.replaced(record, name, f"## {name}\n\nold {name}\n", order)
    record = claims.replaced(record, "two", "## two\n\nnew\n", order)
    record = claims.replaced(record, "three", "## three\n\nnewer\n", order)
    assert [line for line in record.splitlines() if line.startswith("## ")] == ["## one", "## two", "## three"]
    assert "old one" in record and "newer" in record and "old three" not in record
    assert claims.replaced(record, "three", "## three\n\nnewer\n", order) == record


def test_a_table_survives_bars_and_line_breaks():
    row = claims.Row("c", "assert a | b", 1, 2, {"held": False, "error": "A: b | c"}, ["seed 1000"])
    *_, line = claims.table([row]).splitlines()
    assert line == r"| c | `assert a \| b` | **1/2** | A: b \| c |  | seed 1000 |"


def test_settings_differ_in_seed_threads_and_instructions():
    ways = claims.settings(5, threads=1)
    assert len(ways) == 1 + 5 + 1 + 2
    assert ways[0].environment == {}
    assert len({way.environment["AIGC_BOOK_SEED"] for way in ways[1:6]} - {"0"}) == 5
    assert ways[6].environment["OMP_NUM_THREADS"] == "2"
    assert claims.settings(0, threads=4)[1].environment["OMP_NUM_THREADS"] == "1"
    assert {way.environment["ATEN_CPU_CAPABILITY"] for way in ways[7:]} == {"avx2", "default"}
