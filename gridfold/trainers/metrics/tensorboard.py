"""TensorBoard's event files, by its own reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ALL = 0


def scalars(path: Path) -> Iterator[tuple[float, str, float]]:
    """The step, the tag and the value of each scalar in a file, in the order of its steps."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(path), size_guidance={"scalars": _ALL, "tensors": _ALL})
    events.Reload()
    tags = events.Tags()
    found = [(event.step, tag, event.value) for tag in tags["scalars"] for event in events.Scalars(tag)]
    for tag in tags["tensors"]:
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            found += [(event.step, tag, _value(event.tensor_proto)) for event in events.Tensors(tag)]
    yield from sorted(found, key=lambda point: point[0])  # stable: tags stay in the order in which they came


def _value(tensor: Any) -> float:
    from tensorboard.util.tensor_util import make_ndarray

    return float(make_ndarray(tensor))
