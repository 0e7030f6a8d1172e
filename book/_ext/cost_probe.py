"""Asked of a kernel after its last cell: what the chapter took. The kernel runs this file; nothing imports it."""

import sys
from pathlib import Path


def peak_mib() -> float:
    """The most memory that this process held at once, in MiB.

    On Linux ``ru_maxrss`` would include the process that started the kernel; ``VmHWM`` doesn't. Windows has no
    ``resource``, and every kernel has psutil. What else there is counts in KiB, and macOS in bytes.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def gpu() -> tuple[str, float] | None:
    """The name of the GPU that the chapter used and the most memory it took there, in MiB."""
    torch = sys.modules.get("torch")
    if not torch or not torch.cuda.is_available() or not torch.cuda.max_memory_allocated():
        return None
    return torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 2**20


def cost() -> tuple[float, tuple[str, float] | None]:
    """Both at once."""
    return peak_mib(), gpu()
