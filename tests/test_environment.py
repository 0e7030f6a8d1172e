"""pyproject.toml, constraints.txt and environment.yml say the same, and what they say is what is installed."""

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = dict(line.split("==") for line in LINES if line and not line.startswith("#"))
PINNED = {canonicalize_name(name): version for name, version in PINS.items()}
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def closure() -> dict[str, str]:
    """Name and installed version of everything that ``aigc_book[book,test,dev]`` pulls in, on this machine."""
    found, seen, todo = {}, set(), [("aigc_book", extra) for extra in ("", *EXTRAS)]
    while todo:
        name, extra = todo.pop()
        key = canonicalize_name(name)
        if (key, extra) in seen:
            continue
        seen.add((key, extra))
        distribution = importlib.metadata.distribution(name)
        found[key] = distribution.version.partition("+")[0]  # torch's wheel for CPUs calls itself 2.13.0+cpu
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                todo += [(requirement.name, wanted) for wanted in {"", *requirement.extras}]
    found.pop("aigc-book")
    return found


def test_every_line_is_one_exact_version():
    pattern = re.compile(r"#.*|[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*")
    assert [line for line in LINES if not pattern.fullmatch(line)] == []  # no URL, no local version, no range


@pytest.mark.parametrize("text", [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)])
def test_pins_satisfy_the_project(text):
    requirement = Requirement(text)
    if requirement.name == "aigc_book":
        assert requirement.extras <= set(EXTRAS)
        return
    assert requirement.specifier.contains(PINNED[canonicalize_name(requirement.name)], prereleases=True)


def test_torch_and_torchtext_are_the_tested_pair():
    assert PINNED["torch"] == "2.13.0"
    assert PINNED["torchtext"] == "0.6.0"
    assert "torchtext==0.6.0" in PROJECT["dependencies"]


def test_pins_are_all_that_is_needed_and_nothing_else():
    installed = closure()
    missing = {name: version for name, version in installed.items() if name not in PINNED}
    # torch from an index with GPU wheels brings CUDA's libraries, in versions that it pins itself
    missing = {name: version for name, version in missing.items() if not re.match(r"nvidia-|cuda-|triton$", name)}
    assert missing == {}
    if set(PINNED) - set(installed):  # pinned for another platform or Python: say so, but only that
        extra = set(PINNED) - set(installed)
        assert len(extra) < 10, f"pinned but needed by nothing here: {sorted(extra)}"


def test_what_is_installed_is_what_is_pinned():
    different = {
        name: (version, PINNED[name]) for name, version in closure().items() if PINNED.get(name, version) != version
    }
    assert different == {}, "installed and pinned versions differ; run make setup"


@pytest.mark.parametrize("python", ["3.11.0", "3.11.2", "3.12.0", "3.13.0"])
def test_pins_install_on_every_python_that_is_promised(python):
    """Debian 12 has 3.11.2, say; a pin that needs 3.11.5 ends there in an unsatisfiable set of requirements."""
    needs = {name: importlib.metadata.distribution(name).metadata.get("Requires-Python") for name in closure()}
    refused = {name: text for name, text in needs.items() if text and python not in SpecifierSet(text)}
    assert refused == {}


def test_conda_installs_the_same():
    *conda, pip = ENVIRONMENT["dependencies"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[book,test,dev]"]}
    (python,) = (entry.partition("=")[2] for entry in conda if entry.startswith("python="))
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{python}.0")
    assert {"python", "pip"} == {entry.partition("=")[0] for entry in conda}
    assert {"book", "test", "dev"} <= set(EXTRAS)


def test_supported_pythons_are_said_the_same_everywhere():
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    named = [entry.rpartition(" ")[2] for entry in PROJECT["classifiers"] if "Python :: 3." in entry]
    assert named == ["3.11", "3.12", "3.13"]
    assert "(3, 11) <= sys.version_info < (3, 14)" in (ROOT / "make.py").read_text(encoding="utf-8")
    for page in ("README.md", "book/index.md", "book/how_to_use.md"):
        assert "3.11 to 3.13" in (ROOT / page).read_text(encoding="utf-8"), page


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    shown = subprocess.run(["make", "help"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert [name for name in phony if f"make {name} " not in shown] == []
