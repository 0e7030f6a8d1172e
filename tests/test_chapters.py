"""A chapter is one notebook, one folder and one line in ``_toc.yml``; whoever forgets a place is told what to add."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ROOT / "aigc_book" / "chapters"
LESSONS = {
    path.stem: path
    for path in sorted((ROOT / "book").rglob("*.ipynb"))
    if path.parent.name != "outlook" and ".ipynb_checkpoints" not in path.parts
}
every_lesson = pytest.mark.parametrize("name", LESSONS)


@every_lesson
def test_a_chapter_has_a_folder_with_its_checks(name):
    for file in ("__init__.py", "checks.py"):
        assert (FOLDERS / name / file).exists(), f"add aigc_book/chapters/{name}/{file}"
    for path in (FOLDERS / name).glob("*.py"):
        assert path.stem in ("__init__", "checks", "figures"), f"{path}: not checks or figures"
        test = f"tests/chapters/{name}/test_{path.stem}.py"
        assert path.stem == "__init__" or (ROOT / test).exists(), f"add {test}"


def test_a_folder_has_a_chapter():
    folders = {path.parent.name for path in FOLDERS.glob("*/__init__.py")}
    assert folders <= set(LESSONS), f"no notebook has the name of {sorted(folders - set(LESSONS))}"


@every_lesson
def test_a_chapter_is_in_the_table_of_contents_and_in_the_readme(name):
    link = LESSONS[name].relative_to(ROOT).as_posix()
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    assert link.removesuffix(".ipynb") in files, f"add to _toc.yml: - file: {link.removesuffix('.ipynb')}"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"/{link})" in readme, f"add to the README's table of chapters: [Title]({link}): what is built, in a line"


@every_lesson
def test_a_chapter_imports_its_own_folder_only(name):
    cells = json.loads(LESSONS[name].read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    imported = set(re.findall(r"aigc_book\.chapters\.(\w+)", code))
    assert imported == {name}, f"add to the imports of {name}: from aigc_book.chapters.{name} import checks"
