"""The doctor tries what it says, and a broken part doesn't break it."""

import json

from aigc_book import __version__
from aigc_book.cli import doctor


def test_all_is_well_here(aigc):
    done = aigc("doctor", "--json")
    found = json.loads(done.out)
    assert done.status == 0
    assert set(found["works"].values()) == {"yes"} and set(found["works"]) == set(doctor.JOBS)
    assert found["versions"]["aigc_book"] == __version__ and found["machine"]["device"] == "cpu"
    assert found["data"]["Python's documentation"] == "238,079 characters"


def test_what_is_broken_is_named(aigc, monkeypatch, tmp_path):
    def broken():
        raise RuntimeError("no such\n kernel")

    monkeypatch.setitem(doctor.JOBS, "draw", broken)
    monkeypatch.setenv("AIGC_BOOK_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(doctor, "NEEDED", ("torch", "nonsense-of-ours"))
    done = aigc("doctor")
    assert (
        done.status == 1 and "RuntimeError: no such kernel" in done.out and "nonsense-of-ours       missing" in done.out
    )
    assert "must name a folder that exists" in done.out and "1 of 4 don't work here: draw" in done.err


def test_data_sets_are_listed(aigc, monkeypatch, tmp_path):
    (tmp_path / "wikitext").mkdir()
    monkeypatch.setenv("AIGC_BOOK_DATA", str(tmp_path))
    assert f"{tmp_path}: wikitext" in aigc("doctor").out
