"""The model card of an exported classifier: README.md, as model hubs show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from gridfold.text.location import PACKAGE, is_hub_name
from gridfold.text.saved import TextClassifier

_MOST_LABELS = 50


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
        return "\n".join([self._front(), *self._sections(), about.strip(), ""])

    @property
    def usage(self) -> Sequence[str]:
        """Lines of Python that load it."""
        code = ", trust_remote_code=True" if self.needs_code else ""
        cut = "" if self.needs_code else ", truncation=True"
        return [
            "from transformers import pipeline",
            "",
            f'classify = pipeline("text-classification", model="{self.folder}"{code})',
            f'classify(["a text", "another one"]{cut})  # top_k=None: the probabilities of all labels',
        ]

    def _front(self) -> str:
        """What hubs read."""
        said = {"library_name": "transformers", "pipeline_tag": "text-classification", "tags": ["gridfold"]}
        base = self._base
        if is_hub_name(base) and not Path(base).exists():
            said["base_model"] = base
        return f"---\n{yaml.safe_dump(said, sort_keys=False)}---\n"

    @property
    def _base(self) -> str:
        name = str(self.classifier.description["tokenizer"])
        return name if name.startswith(PACKAGE) or not Path(name).is_absolute() else Path(name).name

    def _sections(self) -> list[str]:
        classifier, described = self.classifier, self.classifier.description
        labels = [str(label) for label in classifier.labels]
        named = ", ".join(labels[:_MOST_LABELS]) + (", …" if len(labels) > _MOST_LABELS else "")
        trained = "only the head was trained" if described["freeze_encoder"] else "encoder and head were trained"
        return [
            f"# {Path(self.folder).resolve().name}\n",
            f"Labels of texts: {len(labels)}, {named}.\n",
            f"The encoder is {self._base}; {trained}, on the first {classifier.tokenizer.max_length} tokens of a text.",
            self._needs,
            "\n## Use\n\n```python",
            *self.usage,
            "```\n",
        ]

    @property
    def _needs(self) -> str:
        if self.needs_code:
            return (
                "No class of transformers has this pooling and head, so their code is in this folder, and it is loaded "
                "with `trust_remote_code=True`. Longer texts are cut by the model."
            )
        return "It is a plain model of transformers. Longer texts have to be cut: `truncation=True`."
