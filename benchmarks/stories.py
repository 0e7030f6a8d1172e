"""How fast stories are drawn and told: ``python benchmarks/stories.py``. The aim: 10,000 in under 5 seconds.

There is no peer to measure beside: no public generator tells the same story in two languages with its labels. Each
round draws other stories in a fresh list, so that nothing is remembered from the round before.
"""

import argparse
import os
import platform
import statistics
import time

from aigc_book.data.stories import Story, stories


def labels(story: Story) -> tuple:
    """Everything that a story knows beside its texts."""
    return (
        story.sentiment, story.entities, story.english_tags, story.chinese_tags, story.summary, story.questions,
        story.task, story.preference,
    )  # fmt: skip


def measure(n: int, seed: int) -> dict[str, float]:
    """Seconds for drawing the records, for the texts of both languages, and for all labels."""
    start = time.perf_counter()
    told = stories("train", n, seed)
    drawn = time.perf_counter()
    texts = {(story.english, story.chinese) for story in told}
    said = time.perf_counter()
    for story in told:
        labels(story)
    end = time.perf_counter()
    if len(texts) != n:
        raise SystemExit(f"{n - len(texts)} of {n} stories are duplicates")
    return {"records": drawn - start, "texts": said - drawn, "labels and tasks": end - said, "all": end - start}


def main() -> None:
    """Print the median of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stories", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, one of them used")
    rounds = [measure(args.stories, seed) for seed in range(args.rounds)]
    for part in rounds[0]:
        seconds = statistics.median(taken[part] for taken in rounds)
        print(f"{part:18s}{seconds:7.2f} s for {args.stories:,} stories, {args.stories / seconds:10,.0f} a second")


if __name__ == "__main__":
    main()
