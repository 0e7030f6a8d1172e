"""How often each assertion of the book holds when seeds, threads and instruction sets change: ``make claims``.

A chapter is run under its own seeds, under other base seeds (``AIGC_BOOK_SEED``), with another number of threads and
with other instruction sets. Each assertion is judged by itself, and a failing one stops nothing. What was found stands
in ``benchmarks/CLAIMS.md``: one section a chapter, which a later run of that chapter replaces.
"""

import argparse
import asyncio
import datetime
import json
import math
import os
import platform
import re
import sys
import time
from pathlib import Path
from typing import NamedTuple

import assertions
import nbformat
import runs
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from aigc_book import runtime

RECORD = runs.ROOT / "benchmarks" / "CLAIMS.md"
SEED_STEP = 1000  # further apart than the seeds within a chapter, so that no two runs share one
RUNS, ENDS = "the cell runs", ("", "the chapter runs to its end")
HEAD = """# How often the book's assertions hold

`make claims` runs every chapter under its own seeds, under other base seeds, with another number of threads and with
other instruction sets. One row is one assertion. `held` counts the runs in which it held; a run that ended before it
counts as one in which it didn't. Left and right are the two sides of the comparison where they came nearest to the
limit, distance is what was left of it there (negative where it fell), and of arrays that have to be close the
greatest difference. `make claims NAME=…` runs one chapter again and replaces its section.
"""


class Setting(NamedTuple):
    """One way to run a chapter: a name for the table, and what it changes in the kernel's environment."""

    name: str
    environment: dict[str, str]


def settings(seeds: int, threads: int) -> list[Setting]:
    """The chapter as it stands, ``seeds`` other base seeds, another number of threads, two older instruction sets."""
    other = 2 if threads == 1 else 1
    count = f"{other} thread{'s' * (other > 1)}"
    return [
        Setting("as it stands", {}),
        *(Setting(f"seed {SEED_STEP * (i + 1)}", {"AIGC_BOOK_SEED": str(SEED_STEP * (i + 1))}) for i in range(seeds)),
        Setting(count, {"OMP_NUM_THREADS": str(other), "MKL_NUM_THREADS": str(other)}),
        Setting("AVX2", {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}),
        Setting("SSE 4.1", {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}),
    ]


def listed(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """Every assertion of a chapter, as (cell, text), in the order in which they stand."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not meant_to_fail(cell)]
    return [(cell.id, text) for cell in cells for text in assertions.assertions(cell.source)]


def meant_to_fail(cell) -> bool:
    return "raises-exception" in cell.metadata.get("tags", ())


async def judge(path: Path, setting: Setting, timeout: int | None, jobs: int) -> dict[tuple[str, str], dict]:
    """Run a chapter to its end, whatever fails; (cell, key) → what became of the assertion.

    A cell that raised something else, or nothing where it should, is an entry of its own under its id.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=timeout, kernel_name="python3", record_timing=False, coalesce_streams=True, allow_errors=True
    )
    environment = runs.environment(jobs) | setting.environment
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(runs.HERE), environment.get("PYTHONPATH")]))
    found: dict[tuple[str, str], dict] = {}
    record: list = []
    try:
        async with client.async_setup_kernel(cwd=str(path.parent), env=environment):
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                start = f"__import__('assertions').begin({cell.id!r}, {not meant_to_fail(cell)})"
                await runs.ask(client, start)
                await client.async_execute_cell(cell, index)
                errors = [output for output in cell.outputs if output.output_type == "error"]
                if bool(errors) != meant_to_fail(cell):
                    said = f"{errors[-1].ename}: {errors[-1].evalue}" if errors else "no error where one is shown"
                    found[cell.id, RUNS] = {"held": False, "error": said[:300]}
                record = json.loads(await runs.ask(client, "__import__('assertions').record()"))
    except (CellTimeoutError, DeadKernelError) as error:
        found[ENDS] = {"held": False, "error": f"{type(error).__name__} in {cell.id}"}
    return found | {(cell, text): entry for cell, text, entry in record}


class Row(NamedTuple):
    """One assertion over all runs: how often it held, the entry that came nearest to falling, where it fell."""

    cell: str
    text: str
    held: int
    runs: int
    worst: dict
    fell: list[str]


def rows(every: list[tuple[str, str]], outcomes: dict[str, dict[tuple[str, str], dict]]) -> list[Row]:
    """The assertions of a chapter over all of its runs; those that fell stand first."""
    keys = dict.fromkeys([*every, *(key for outcome in outcomes.values() for key in outcome)])
    found = []
    for cell, text in keys:
        entries = {}
        for name, outcome in outcomes.items():
            # What was not asked, in a function that isn't called, say, didn't fall; what an error kept from being did.
            cut = (cell, text) in every and ((cell, RUNS) in outcome or ENDS in outcome)
            unasked = {"held": not cut, "error": "not reached" if cut else ""}
            entries[name] = outcome.get((cell, text), unasked)
        fell = [name for name, entry in entries.items() if not entry["held"]]
        worst = min(entries.values(), key=urgency)
        found.append(Row(cell, text, len(entries) - len(fell), len(entries), worst, fell))
    return sorted(found, key=lambda row: row.held == row.runs)


def urgency(entry: dict) -> tuple:
    """Sorts the entry to show before the others: fallen, the smallest distance, the largest difference."""
    distance = entry.get("distance", -entry["difference"] if "difference" in entry else math.inf)
    return entry["held"], -math.inf if math.isnan(distance) else distance


def evidence(entry: dict) -> tuple[str, str]:
    """What a row shows of an entry: its two sides, and the distance from the limit."""
    if "distance" in entry:
        return f"{entry['left']:.4g}, {entry['right']:.4g}", f"{entry['distance']:+.3g}"
    if "error" in entry:
        return entry["error"], ""
    return "", f"difference {entry['difference']:.2g}" if "difference" in entry else ""


def table(found: list[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| cell | assertion | held | left, right | distance | fell under |", "|---|---|---|---|---|---|"]
    for row in found:
        sides, distance = evidence(row.worst)
        held = f"{row.held}/{row.runs}"
        text = row.text if len(row.text) <= 160 else row.text[:157] + "…"
        shown = [row.cell, f"`{text}`", held if row.held == row.runs else f"**{held}**", sides, distance]
        lines.append("| " + " | ".join(cell_text(part) for part in (*shown, ", ".join(row.fell))) + " |")
    return "\n".join(lines)


def cell_text(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def section(title: str, found: list[Row], names: list[str], seconds: float) -> str:
    """A chapter's section of the record."""
    fallen = [row for row in found if row.fell]
    return (
        f"## {title}\n\n{len(found)} assertions, {len(found) - len(fallen)} held in all {len(names)} runs "
        f"({', '.join(names)}). {machine()}, {datetime.date.today()}, {seconds / 60:.0f} min.\n\n{table(found)}\n"
    )


def machine() -> str:
    """The processor, its cores, and the versions that make numbers."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", info.read_text(), re.MULTILINE) if info.exists() else []
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"


def replaced(record: str, title: str, text: str, order: list[str]) -> str:
    """The record with one section new, and all in the order of the book."""
    parts = re.split(r"^(?=## )", record, flags=re.MULTILINE)
    sections = {part.splitlines()[0].removeprefix("## "): part.rstrip("\n") + "\n" for part in parts[1:]}
    sections[title] = text
    known = [name for name in order if name in sections] + sorted(set(sections) - set(order))
    return "\n".join([HEAD, *(sections[name] for name in known)])


async def run_all(paths: list[Path], ways: list[Setting], timeout: int | None, scale: str) -> int:
    """Judge every chapter under every setting, write each section when its runs are done; how many rows fell."""
    slots, done, fallen = asyncio.Semaphore(runs.JOBS), 0, 0
    order = [title(name, at) for name in map(runs.name_of, runs.chapters()) for at in ("cpu", "gpu")]

    async def one(path: Path, setting: Setting) -> dict:
        nonlocal done
        async with slots:
            start = time.perf_counter()
            outcome = await judge(path, setting, timeout, runs.JOBS)
        done += 1
        fell = [key for key, entry in outcome.items() if not entry["held"]]
        said = f"{len(outcome) - len(fell)} of {len(outcome)} held, {time.perf_counter() - start:.0f} s"
        print(f"[{done}/{len(paths) * len(ways)}] {runs.name_of(path)}, {setting.name}: {said}", flush=True)
        for cell, key in fell:
            print(f"    {cell}: {key}: {' '.join(evidence(outcome[cell, key]))}", flush=True)
        return outcome

    async def chapter(path: Path) -> None:
        nonlocal fallen
        start = time.perf_counter()
        outcomes = await asyncio.gather(*(one(path, setting) for setting in ways))
        every = listed(nbformat.read(path, as_version=4))
        names = [setting.name for setting in ways]
        found = rows(every, dict(zip(names, outcomes, strict=True)))
        fallen += sum(bool(row.fell) for row in found)
        text = section(title(runs.name_of(path), scale), found, names, time.perf_counter() - start)
        record = RECORD.read_text(encoding="utf-8") if RECORD.exists() else ""
        runs.write(RECORD, replaced(record, title(runs.name_of(path), scale), text, order))

    await asyncio.gather(*(chapter(path) for path in paths))
    return fallen


def title(name: str, scale: str) -> str:
    return name if scale == "cpu" else f"{name}, at the gpu scale"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many other base seeds")
    parser.add_argument("--name", default="", help="one chapter, as in attention/attention; all without it")
    parser.add_argument("--scale", default="", choices=["", "cpu", "gpu"], help="gpu: the large size, on the CPU")
    given = parser.parse_args()
    if given.scale == "gpu":
        os.environ |= {"AIGC_BOOK_SCALE": "gpu", "AIGC_BOOK_DEVICE": "cpu"}
    paths = [path for path in runs.chapters() if given.name in ("", runs.name_of(path))]
    if not paths:
        sys.exit(f"no chapter {given.name!r}; there are {', '.join(map(runs.name_of, runs.chapters()))}")
    ways = settings(given.seeds, int(runs.environment(runs.JOBS)["OMP_NUM_THREADS"]))
    scale = runtime.find_scale()
    fallen = asyncio.run(run_all(paths, ways, None if scale == "gpu" else runs.cell_timeout(), scale))
    print(f"{fallen} assertions fell in at least one run; {RECORD.relative_to(runs.ROOT)} has them all")
    sys.exit(bool(fallen))


if __name__ == "__main__":
    main()
