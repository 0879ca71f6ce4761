"""Data to learn, and a run that only takes notes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TOPICS = {
    "animals": ["cat", "dog", "horse", "sheep", "goat", "mouse"],
    "colours": ["red", "green", "blue", "yellow", "white", "black"],
    "weather": ["rain", "snow", "wind", "storm", "sun", "fog"],
}
FILLERS = ["the", "a", "is", "was", "here", "today", "very", "and", "we", "saw"]


class NotedRun:
    """What a trainer needs of a run, kept in memory."""

    shared = False
    is_pruned = False

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.dir = folder
        self.reports: list[dict[str, float]] = []
        self.steps: list[dict[str, float]] = []
        self.notes: list[str] = []
        self.told_to_stop_after: int | None = None

    def report(self, **metrics: float) -> None:
        self.reports.append(metrics)

    def progress(self, **state: float) -> None:
        self.steps.append(state)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def should_stop(self) -> bool:
        return len(self.reports) == self.told_to_stop_after


def sentences(topics: Mapping[str, list[str]], per_topic: int, seed: int = 0) -> list[tuple[str, str]]:
    """Short texts of very different lengths, each with words of its topic, in mixed order."""
    stream = random.Random(seed)
    rows = [
        (" ".join(stream.choices(FILLERS, k=stream.randint(1, 40)) + stream.choices(words, k=3)), topic)
        for topic, words in topics.items()
        for _ in range(per_topic)
    ]
    stream.shuffle(rows)
    return rows


def write_csv(file: Path, rows: list[tuple[Any, Any]], header: str = "text,label") -> Path:
    file.write_text("\n".join([header, *(f"{text},{label}" for text, label in rows)]) + "\n", encoding="utf-8")
    return file
