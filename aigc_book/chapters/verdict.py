"""What a check answers: right, wrong (and why), or not answered yet."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The answer of an exercise's check. It is true in an ``assert`` when the exercise is solved.

    A cell that ends in a check shows the message; an unsolved exercise is no error, so that a chapter runs to its end
    before its reader has solved anything.
    """

    right: bool
    message: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'✓' if self.right else '✗'} {self.message}"


def unanswered(name: str) -> Verdict:
    """The verdict on a stub that still returns ``None``; ``name`` is the reader's function."""
    return Verdict(False, f"Not answered yet: {name} returns None. Write your answer and run the cell again.")
