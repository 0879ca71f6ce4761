"""The model card of an exported classifier: README.md, as model hubs show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gridfold.text.location import PACKAGE, is_hub_name
from gridfold.text.long_texts import CHUNK_MEAN, HEAD_TAIL, TRUNCATE
from gridfold.text.saved import TextClassifier

_MOST_LABELS = 50
_PREDICTS = {
    "binary": "Gives a text one of 2 labels",
    "multiclass": "Gives a text one of {count} labels",
    "multilabel": "Gives a text any of {count} labels",
    "regression": "Gives a text a number",
}
_LONG = {
    TRUNCATE: "The first {most} tokens of a text count.",
    HEAD_TAIL: "Of a text of more than {most} tokens the beginning and the end count.",
    CHUNK_MEAN: "A text of more than {most} tokens is read in pieces, whose vectors are averaged.",
}


@dataclass(frozen=True)
class Card:
    """A model card.

    Attributes:
        classifier: what was exported.
        folder: where to.
        needs_code: whether it is loaded with the code in the folder.
    """

    classifier: TextClassifier
    folder: str
    needs_code: bool

    def text(self, about: str) -> str:
        """The card as Markdown.

        Args:
            about: its end, on how the model was found and how good it is.
        """
        title = f"# {Path(self.folder).resolve().name}\n\n{self._predicts}\n"
        return "\n".join([self._front(), title, *self._facts(), "", *self._use(), about.strip(), ""])

    @property
    def usage(self) -> Sequence[str]:
        """Lines of Python that load it."""
        code = ", trust_remote_code=True" if self.needs_code else ""
        cut = ", truncation=True" if self.classifier.pairs or not self.needs_code else ""
        texts = '[{"text": "a text", "text_pair": "another"}]' if self.classifier.pairs else '["a text", "another"]'
        every = "  # top_k=None: of all labels" if self.classifier.labels else ""
        return [
            "from transformers import pipeline",
            "",
            f'classify = pipeline("text-classification", model="{self.folder}"{code})',
            f"classify({texts}{cut}){every}",
        ]

    def _front(self) -> str:
        """What hubs read."""
        said: dict[str, Any] = {
            "library_name": "transformers",
            "pipeline_tag": "text-classification",
            "tags": ["gridfold"],
        }
        if is_hub_name(self._base) and not Path(self._base).exists():
            said["base_model"] = self._base
        return f"---\n{yaml.safe_dump(said, sort_keys=False)}---\n"

    @property
    def _base(self) -> str:
        """The encoder that the training began with; of a path on this machine, the last part."""
        name = str(self.classifier.description["tokenizer"])
        return name if name.startswith(PACKAGE) or not Path(name).is_absolute() else Path(name).name

    @property
    def _predicts(self) -> str:
        labels = [str(label) for label in self.classifier.labels]
        said = _PREDICTS[self.classifier.outputs.task.name].format(count=len(labels))
        said = said.replace("a text", "a pair of texts") if self.classifier.pairs else said
        named = ", ".join(labels[:_MOST_LABELS]) + (", …" if len(labels) > _MOST_LABELS else "")
        return f"{said}: {named}." if labels else f"{said}."

    def _facts(self) -> Iterator[str]:
        described, tokenizer = self.classifier.description, self.classifier.tokenizer
        trained = "only the head was trained" if described["freeze_encoder"] else "encoder and head were trained"
        trained = "an adapter, merged into it, and the head were trained" if described.get("adapter") else trained
        yield f"- Encoder: {self._base}; {trained}."
        yield f"- {_LONG[tokenizer.long_texts].format(most=tokenizer.max_length)}"
        if tokenizer.prefix:
            yield f"- The tokenizer begins every text with `{tokenizer.prefix}`."
        if self.needs_code:
            yield (
                "- No class of transformers has this pooling and head: their code is in this folder, and "
                "`trust_remote_code=True` loads it."
            )
        if described["precision"]:
            yield f"- It was trained in {described['precision']}; in float32 it predicts a little differently."
        yield from self._thresholds()

    def _thresholds(self) -> Iterator[str]:
        outputs = self.classifier.outputs
        labels = outputs.task.labels[1:] if outputs.task.name == "binary" else outputs.task.labels
        if outputs.thresholds:
            pairs = zip(labels, outputs.thresholds, strict=True)
            chosen = ", ".join(f"{label} above {threshold:.4g}" for label, threshold in pairs)
            yield f"- Labels hold from these probabilities on, which a pipeline does not apply: {chosen}."

    def _use(self) -> list[str]:
        return ["## Use\n\n```python", *self.usage, "```\n"]
