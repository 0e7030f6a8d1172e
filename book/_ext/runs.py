"""Run chapters, and keep what a run left behind: the notebook with its outputs, and what the run cost.

A run is kept under everything its outputs depend on: the chapter's code cells, the package, the installed versions
and the settings. A change in any of them runs the chapter again; a change in its prose or its captions does not.
Two chapters run at a time, each with its share of the machine's cores, so that figures don't depend on company.
"""

import ast
import asyncio
import hashlib
import importlib.metadata
import json
import os
import shutil
import time
from functools import cache
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNS = ROOT / "_build" / "runs"
GPU_COSTS = ROOT / "book" / "gpu_costs.json"
STATES_KEPT = 12
JOBS = 2
SETTINGS = ("AIGC_BOOK_SCALE", "AIGC_BOOK_DEVICE", "AIGC_BOOK_SEED", "AIGC_BOOK_DATA")
TAGS_THAT_COUNT = ("raises-exception", "skip-execution")
KERNEL_ENV = {
    "TQDM_DISABLE": "1",
    "SOURCE_DATE_EPOCH": "0",  # with svg.hashsalt: the same figure is the same bytes
    "MATPLOTLIBRC": str(HERE / "matplotlibrc"),
    "IPYTHONDIR": str(HERE / "ipython"),
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
# The kernel runs the file and says what it found, as a literal.
COST = f"__import__('runpy').run_path({str(HERE / 'cost_probe.py')!r})['cost']()"


class ChapterFailed(Exception):
    """A cell of a chapter raised an error, ran out of time or lost its kernel; the message shows where."""


def chapters() -> list[Path]:
    """The notebooks that ``_toc.yml`` names, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [path for file in files if (path := ROOT / f"{file}.ipynb").exists()]


def name_of(path: Path) -> str:
    """A chapter's name, as in ``attention/attention``."""
    return path.relative_to(ROOT / "book").with_suffix("").as_posix()


def state(root: Path = ROOT) -> str:
    """Names what outputs depend on beside a chapter's own code.

    That is: the package's sources, how kernels are set up, the installed version of every pinned distribution, and
    the environment variables that choose device, scale and data.
    """
    digest = hashlib.sha256()
    ext = root / "book" / "_ext"
    sources = [*(root / "aigc_book").rglob("*.py"), ext / "matplotlibrc", *ext.rglob("ipython_kernel_config.py")]
    for path in sorted(path for path in sources if path.exists()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, pin = line.partition("==")
        if pin:
            try:
                digest.update(f"{name}=={importlib.metadata.version(name)}\n".encode())
            except importlib.metadata.PackageNotFoundError:
                continue  # pinned for another platform
    for name in SETTINGS:
        digest.update(f"{name}={os.environ.get(name, '')}\n".encode())
    return digest.hexdigest()[:12]


@cache
def state_of_this_build() -> str:
    """The state when the build began, so that an edit meanwhile neither loses its runs nor takes them for its own."""
    return state()


def run_path(path: Path, notebook: NotebookNode) -> Path:
    """Where the run of a chapter with this code, in this build's state, is kept."""
    code = [
        (cell.source, [tag for tag in cell.metadata.get("tags", ()) if tag in TAGS_THAT_COUNT])
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    digest = hashlib.sha256(json.dumps(code).encode()).hexdigest()[:12]
    return RUNS / state_of_this_build() / f"{path.stem}-{digest}.json"


def executed(path: Path) -> tuple[NotebookNode, dict] | None:
    """A chapter with the outputs of its last run, and that run's cost; None when it has not run as it stands.

    The cost has ``seconds``, ``peak_mib`` and ``cores``; a run on a GPU adds ``gpu`` (its name) and ``gpu_mib``.
    """
    notebook = nbformat.read(path, as_version=4)
    kept = run_path(path, notebook)
    if not kept.exists():
        return None
    run = json.loads(kept.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, outputs in zip(cells, run["outputs"], strict=True):
        cell.outputs = [nbformat.from_dict(output) for output in outputs]
    return notebook, run["cost"]


def gpu_cost(path: Path) -> dict | None:
    """What the last recorded run of a chapter on a GPU cost: ``gpu``, ``seconds``, ``gpu_mib``."""
    costs = json.loads(GPU_COSTS.read_text(encoding="utf-8")) if GPU_COSTS.exists() else {}
    return costs.get(name_of(path))


async def ask(client: NotebookClient, expression: str):
    """The value of an expression (a literal) in a running kernel."""
    message = client.kc.execute("", silent=True, user_expressions={"value": expression})
    while (reply := await client.kc.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != message:
        pass  # the reply to something asked before
    value = reply["content"]["user_expressions"]["value"]
    if value["status"] != "ok":
        raise RuntimeError(f"the kernel could not say {expression}: {value['evalue']}")
    return ast.literal_eval(value["data"]["text/plain"])


def environment(jobs: int) -> dict[str, str]:
    """What a kernel of the build finds around it when ``jobs`` of them run at a time."""
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    return os.environ | KERNEL_ENV | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}


def cell_timeout() -> int:
    """How long a cell may take, in seconds."""
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["execute"]["timeout"]


async def run(path: Path, timeout: int, jobs: int) -> dict:
    """Execute a chapter from its first cell to its last, keep the run, and return its cost.

    Raises:
        ChapterFailed: a cell failed that is not tagged ``raises-exception``.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=timeout, kernel_name="python3", record_timing=False, coalesce_streams=True
    )
    start = time.perf_counter()
    try:
        async with client.async_setup_kernel(cwd=str(path.parent), env=environment(jobs)):
            for index, cell in enumerate(notebook.cells):
                await client.async_execute_cell(cell, index)
            seconds = time.perf_counter() - start
            peak_mib, gpu = await ask(client, COST)
    except (CellControlSignal, DeadKernelError) as error:
        raise ChapterFailed(f"{name_of(path)} failed:\n{error}") from error
    cost = {"seconds": seconds, "peak_mib": peak_mib, "cores": os.cpu_count() or 1}
    if gpu:
        cost["gpu"], cost["gpu_mib"] = gpu
        costs = json.loads(GPU_COSTS.read_text(encoding="utf-8")) if GPU_COSTS.exists() else {}
        costs[name_of(path)] = {"gpu": gpu[0], "seconds": round(cost["seconds"], 1), "gpu_mib": round(gpu[1])}
        write(GPU_COSTS, json.dumps(dict(sorted(costs.items())), indent=1) + "\n")
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    write(run_path(path, notebook), json.dumps({"cost": cost, "outputs": outputs}))
    return cost


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def run_outdated(paths: list[Path]) -> None:
    """Run the chapters among ``paths`` that have not run as they stand, :data:`JOBS` at a time, and say what each cost.

    Raises:
        ChapterFailed: one or more failed; the others have run and are kept.
    """
    outdated = [path for path in paths if executed(path) is None]
    print(f"{len(paths)} chapters, {len(outdated)} to run", flush=True)

    async def one(path: Path, slots: asyncio.Semaphore) -> None:
        async with slots:
            print(f"  running {name_of(path)}", flush=True)
            cost = await run(path, cell_timeout(), JOBS)
            print(f"  ran {name_of(path)}: {cost['seconds']:.1f} s, {cost['peak_mib']:.0f} MiB", flush=True)

    async def all_of_them() -> list:
        slots = asyncio.Semaphore(JOBS)
        return await asyncio.gather(*(one(path, slots) for path in outdated), return_exceptions=True)

    errors = [error for error in asyncio.run(all_of_them()) if error is not None]
    for error in errors:
        if not isinstance(error, ChapterFailed):
            raise error
    if errors:
        raise ChapterFailed("\n\n".join(map(str, errors)))
    states = sorted((folder for folder in RUNS.glob("*") if folder.is_dir()), key=lambda folder: folder.stat().st_mtime)
    for old in states[:-STATES_KEPT]:
        shutil.rmtree(old)
