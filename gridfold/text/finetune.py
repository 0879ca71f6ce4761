"""Full fine-tuning of encoder and head, by ``transformers.Trainer``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainingArguments

from gridfold.text.encoder import PooledEncoder, Row, Tokenizer, encode
from gridfold.text.frozen import head_logits
from gridfold.text.history import History
from gridfold.text.metrics import Ids
from gridfold.text.optimization import classification_loss
from gridfold.text.pretrained import quiet


class Classifier(nn.Module):
    """An encoder and a head, as one module that ``transformers.Trainer`` can train."""

    accepts_loss_kwargs = False  # the mean loss of a batch is all that compute_loss below gives

    def __init__(self, encoder: PooledEncoder, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Logits ``(n, out_features)`` for tokens of shape ``(n, tokens)``."""
        tokens = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            tokens["token_type_ids"] = token_type_ids
        return {"logits": self.head(self.encoder(**tokens))}

    def get_input_embeddings(self) -> nn.Module:
        """The token embeddings, for ``neftune_noise_alpha``."""
        embeddings: nn.Module = self.encoder.model.get_input_embeddings()  # type: ignore[operator]
        return embeddings

    def gradient_checkpointing_enable(self, **options: Any) -> None:
        """For ``gradient_checkpointing``."""
        self.encoder.model.gradient_checkpointing_enable(**options)  # type: ignore[operator]

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """For ``activation_checkpointing``, the newer name of the same."""
        self.encoder.model.activation_checkpointing_enable(**options)  # type: ignore[operator]


@dataclass(frozen=True)
class TokenizedExamples:
    """Tokens of the training examples with their label ids, and of the validation examples."""

    train: Sequence[Row]
    labels: Ids
    validation: Sequence[Row]


def fine_tune(
    classifier: Classifier,
    examples: TokenizedExamples,
    tokenizer: Tokenizer,
    args: TrainingArguments,
    label_smoothing: float,
    history: History,
) -> None:
    """Train encoder and head; at the end they have the weights of their best epoch."""
    with quiet():
        trainer = _FineTuner(classifier, examples, tokenizer, args, label_smoothing, history)
        trainer.train()
    classifier.load_state_dict(trainer.best)


def precision_of(args: TrainingArguments) -> str | None:
    """The mixed precision of a training, as `encode` takes it."""
    return "bf16" if args.bf16 else "fp16" if args.fp16 else None


class _FineTuner(Trainer):
    """``transformers.Trainer``, except for the loss and the evaluation, which are the same for every training."""

    def __init__(
        self,
        classifier: Classifier,
        examples: TokenizedExamples,
        tokenizer: Tokenizer,
        args: TrainingArguments,
        label_smoothing: float,
        history: History,
    ) -> None:
        rows = zip(examples.train, examples.labels.tolist(), strict=True)
        super().__init__(
            model=classifier,
            args=args,
            train_dataset=[{**row, "labels": label} for row, label in rows],
            eval_dataset=list(examples.validation),
            data_collator=DataCollatorWithPadding(tokenizer.base),
            processing_class=tokenizer.base,
        )
        self.remove_callback(PrinterCallback)
        self.best: dict[str, Tensor] = {}
        self._classifier = classifier
        self._validation = examples.validation
        self._tokenizer = tokenizer
        self._label_smoothing = label_smoothing
        self._history = history

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 (the signature of transformers)
        num_items_in_batch: Tensor | int | None = None,  # noqa: ARG002 (likewise)
    ) -> Any:
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = classification_loss(outputs["logits"].float(), labels, self._label_smoothing)
        self._history.step(self.state.global_step + 1, self.state.max_steps, loss.item(), len(labels))
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        self._switch_optimizer("eval")
        encoder, head = self._classifier.encoder, self._classifier.head
        size = self.args.per_device_eval_batch_size
        features = encode(encoder, self._tokenizer, self._validation, size, precision_of(self.args))
        if self._history.end_epoch(head_logits(head, features)):
            self.best = {name: _copy(weight) for name, weight in self._classifier.state_dict().items()}
        self._switch_optimizer("train")
        metrics = {"eval_loss": self._history.epochs[-1].metrics["val_loss"]}
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.control.should_training_stop |= self._history.stopping
        return metrics

    def _switch_optimizer(self, mode: str) -> None:
        """Schedule-free optimisers hold other weights for evaluation than for training."""
        switch = getattr(self.optimizer, mode, None)
        if callable(switch):
            switch()


def _copy(weight: Tensor) -> Tensor:
    """In memory of the CPU: a second copy of a large encoder may not fit on its GPU."""
    return weight.detach().to("cpu", copy=True)
