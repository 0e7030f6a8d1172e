"""What processes send one another, counted: the collectives that were called, and the bytes that left this process.

W processes, n bytes. With the ring algorithm each process sends 2 (W - 1) / W · n for an all-reduce, and half of it for
a reduce-scatter or an all-gather (Patarasuk and Yuan, 2009): whatever W is, an all-reduce costs less than 2 n.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

# What torch's operators c10d::… are, and which argument is the tensor that is whole.
_KINDS = {
    "allreduce_": ("all_reduce", 0),
    "_reduce_scatter_base_": ("reduce_scatter", 1),
    "_allgather_base_": ("all_gather", 0),
    "broadcast_": ("broadcast", 0),
}
_TIMES = {"all_reduce": 2, "reduce_scatter": 1, "all_gather": 1, "broadcast": 1}


def ring_bytes(kind: str, n_bytes: int, size: int) -> float:
    """What each of ``size`` processes sends for a collective with the ring algorithm, in bytes, on average.

    Args:
        kind: ``"all_reduce"``, ``"reduce_scatter"``, ``"all_gather"`` or ``"broadcast"``.
        n_bytes: of the whole tensor.
        size: W.

    Raises:
        ValueError: another kind.
    """
    if kind not in _TIMES:
        raise ValueError(f"kind must be one of {', '.join(_TIMES)}; got {kind!r}")
    return _TIMES[kind] * (size - 1) / size * n_bytes


class Collective(NamedTuple):
    """One call: which, and how many bytes the whole tensor has."""

    kind: str
    n_bytes: int


class Collectives(TorchDispatchMode):
    """Writes down the collectives that are called within: ``with Collectives() as seen: update(…)``.

    Attributes:
        calls: of :class:`Collective`, in order.

    Raises:
        NotImplementedError: one is called that this doesn't know.
    """

    def __init__(self):
        super().__init__()
        self.calls: list[Collective] = []

    def __torch_dispatch__(self, operator: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if operator.namespace == "c10d" and operator._schema.name != "c10d::barrier":
            name = operator._schema.name.removeprefix("c10d::")
            if name not in _KINDS:
                raise NotImplementedError(f"the collective {name} isn't counted; known are {', '.join(_KINDS)}")
            kind, which = _KINDS[name]
            tensors = [args[which]] if isinstance(args[which], Tensor) else args[which]
            self.calls.append(Collective(kind, sum(tensor.nbytes for tensor in tensors)))
        return operator(*args, **(kwargs or {}))

    def n_bytes(self, kind: str) -> int:
        """Bytes of the tensors of all collectives of a kind."""
        return sum(call.n_bytes for call in self.calls if call.kind == kind)

    def ring_bytes(self, size: int) -> float:
        """What each of ``size`` processes sends for all of them with the ring algorithm."""
        return sum(ring_bytes(call.kind, call.n_bytes, size) for call in self.calls)


class Sent:
    """Bytes that this process has handed to the system's sockets and files: ``with Sent() as sent: …; sent.total``.

    It is what the kernel counts (``/proc/self/io``), so it has all of gloo's TCP, headers included, and also whatever
    else is written meanwhile. A machine on which nobody counts says None.

    Attributes:
        total: bytes, or None.
    """

    def __init__(self):
        self.total: int | None = None

    def __enter__(self) -> "Sent":
        self._start = _written()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._start is not None:
            self.total = _written() - self._start


def _written() -> int | None:
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))
